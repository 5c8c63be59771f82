"""The parts of the docs that are made from the code: `python -m benchmarks.make_docs`.

Writes docs/commands.md (from the help texts), docs/settings.md and docs/params.schema.json (from
the types of the settings), and the table in README.md (from docs/real-people.json). A test holds
them to the code.
"""

import json
import re
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from har.commands.app import app
from har.evaluation.real_people import RESULT, SURE, read_result, share_of
from har.settings.schema import SCHEMA, settings_schema, write_schema

ROOT = Path(__file__).parents[1]
COMMANDS, SETTINGS, README = (
    ROOT / name for name in ("docs/commands.md", "docs/settings.md", "README.md")
)
MADE = "<!-- Made by `make docs`. Change the code instead. -->\n"
WIDTH = 90  # columns of a help text

COMMANDS_HEAD = f"""# Commands

{MADE}
`dvc repro` and `dvc exp run` run the pipeline; `dvc exp show`, `dvc metrics diff`, `dvc plots show`
and `mlflow ui` show its results, as in every DVC and MLflow project. For the rest there is
`python -m har VERB`, run in the project's folder. Where the project is installed
(`pip install -e .`), `har VERB` does the same, and `har --install-completion`, run once, lets the
shell complete verbs and options with the tab key.

| verb | does | more |
|---|---|---|
"""
COMMANDS_TAIL = """
Exit codes of all verbs:

| code | meaning |
|---|---|
| 0 | yes, or done |
| 1 | no, or failed |
| 2 | wrong options |
| 130 | interrupted |
| 143 | ended by the system (129: with its terminal) |

An error is one message without a traceback; `HAR_TRACEBACK=1` adds the traceback.
"""
MORE = {
    "app": "use.md#app",
    "benchmark": "deploy.md#benchmark",
    "compare": "experiments.md#compare",
    "crossval": "experiments.md#crossval",
    "doctor": "reliability.md#doctor",
    "evaluate": "use.md#evaluate",
    "export": "deploy.md#export",
    "fetch": "object-storage.md#videos",
    "import": "public-data-sets.md",
    "inspect": "own-videos.md#before-a-run",
    "live": "use.md#live",
    "predict": "use.md#predict",
    "record": "own-videos.md#film-by-this-computer",
    "report": "experiments.md#report",
}
SETTINGS_HEAD = f"""# Settings

{MADE}
`params.yaml` holds the settings that people change; what it leaves out has the default of this
page. Change one there, or for one experiment by `dvc exp run -S NAME=VALUE`. A wrong name or value
is an error before anything runs.
"""


def commands_page() -> str:
    """Return docs/commands.md: each verb with its help text."""
    group = typer.main.get_command(app)
    if not isinstance(group, TyperGroup):
        raise TypeError(f"expected verbs, got {type(group)}")
    with typer.Context(group, info_name="python -m har") as parent:
        verbs = {name: group.get_command(parent, name) for name in group.list_commands(parent)}
        rows = [
            f"| [`{name}`](#{name}) | {verb.get_short_help_str(limit=WIDTH)} "
            f"| [{page_of(MORE[name])}]({MORE[name]}) |\n"
            for name, verb in verbs.items()
        ]
        helps = [
            f"\n## {name}\n\n```text\n{help_text(verb, name, parent)}\n```\n"
            for name, verb in verbs.items()
        ]
    return COMMANDS_HEAD + "".join(rows) + COMMANDS_TAIL + "".join(helps)


def page_of(link: str) -> str:
    """Return the name by which a page is linked."""
    return link.partition(".")[0].replace("-", " ")


def help_text(verb: TyperCommand, name: str, parent: typer.Context) -> str:
    """Return what `python -m har VERB --help` prints, in lines of `WIDTH` columns."""
    context = typer.Context(verb, info_name=name, parent=parent, max_content_width=WIDTH)
    context.terminal_width = WIDTH
    return verb.get_help(context).rstrip()


def settings_page() -> str:
    """Return docs/settings.md: a table for each section of params.yaml."""
    schema = settings_schema()
    properties = schema["properties"]
    single = {
        name: node for name, node in properties.items() if "type" in node and name != "models"
    }
    parts = [SETTINGS_HEAD, "\n## Top level\n\n", settings_table(single, "")]
    for name, node in properties.items():
        if "$ref" in node:
            parts += section_of(name, schema["$defs"][node["$ref"].rpartition("/")[2]])
    for name, node in properties["models"]["properties"].items():
        parts += section_of(f"models.{name}", schema["$defs"][node["$ref"].rpartition("/")[2]])
    return "".join(parts)


def section_of(name: str, section: dict[str, Any]) -> list[str]:
    """Return the heading, the description and the table of a section."""
    described = section.get("description", "").partition("\n")[0]
    head = f"\n## {name}\n\n" + (f"{described}\n\n" if described else "")
    return [head, settings_table(section["properties"], f"{name}.")]


def settings_table(nodes: dict[str, Any], prefix: str) -> str:
    """Return a table with a row for each setting."""
    rows = [
        f"| `{prefix}{name}` | {kind_of(node)} | {shown(node.get('default'))} "
        f"| {escape(node.get('description', ''))} |\n"
        for name, node in nodes.items()
    ]
    return "| setting | value | default | what it is |\n|---|---|---|---|\n" + "".join(rows)


def kind_of(node: dict[str, Any]) -> str:
    """Say in words which values a setting takes."""
    if "anyOf" in node:
        return ", or ".join(kind_of(one) for one in node["anyOf"])
    if "const" in node:
        return f"`{node['const']}`"
    if "enum" in node:
        return ", ".join(f"`{value}`" for value in node["enum"])
    kind = node.get("type")
    if kind == "array":
        items = node.get("prefixItems") or [node["items"]]
        return f"{len(items)} numbers" if "prefixItems" in node else f"list of {kind_of(items[0])}"
    names = {"integer": "whole number", "number": "number", "string": "text"}
    names |= {"boolean": "`true` or `false`", "null": "`null`"}
    return names[kind] + range_of(node)


def range_of(node: dict[str, Any]) -> str:
    """Say in words from where to where a number goes."""
    limits = {"minimum": "at least", "exclusiveMinimum": "above"}
    limits |= {"maximum": "at most", "exclusiveMaximum": "below"}
    said = [f"{word} {node[key]:g}" for key, word in limits.items() if key in node]
    return f" {', '.join(said)}" if said else ""


def shown(value: object) -> str:
    """Return a default as params.yaml writes it."""
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"


def escape(text: str) -> str:
    """Return text for a cell of a table."""
    return " ".join(text.replace("|", "\\|").split())


def readme_page(text: str) -> str:
    """Return README.md with the table of real people as last measured."""
    made, times = re.subn(
        r"(?s)(<!-- real people, made by `make docs` -->\n).*?(<!-- end -->)",
        lambda found: f"{found[1]}{real_people_table()}{found[2]}",
        text,
    )
    if times != 1:
        raise ValueError("README.md: expected one part between `<!-- real people, … -->` and end")
    return made


def real_people_table() -> str:
    """Return how the recognizer that `make repro` trains does on real people."""
    result = read_result(ROOT / RESULT)
    if result is None:
        raise ValueError(f"{RESULT} is missing: run benchmarks.real_people")
    rows = [
        (total["name"], *share_of(total, "answer_right").split(", "), str(total["action_right"]))
        for total in result["totals"]
    ]
    others = f"other actions, taken for one of the six with more than {100 * SURE:.0f} %"
    rows.append((others, *share_of(result["none"], "taken").split(", "), ""))
    head = (
        "| clips of real people | answers | 95 % interval | forced to choose |\n|---|---|---|---|\n"
    )
    return head + "".join(f"| {' | '.join(row)} |\n" for row in rows)


def main() -> None:
    """Write all of them."""
    write_schema(ROOT / SCHEMA)
    COMMANDS.write_text(commands_page(), encoding="utf-8")
    SETTINGS.write_text(settings_page(), encoding="utf-8")
    README.write_text(readme_page(README.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
