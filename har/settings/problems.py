"""What is wrong with settings, said so that it can be put right: name, value, expected, fix."""

import difflib
import json
from collections.abc import Sequence
from typing import Any

import yaml
from pydantic import ValidationError

from har.engine.section import Section

MAX_VALUE_LENGTH = 60  # of a value in a message


def describe_problems(error: ValidationError, kind: type[Section], prefix: str = "") -> list[str]:
    """Return a sentence for each setting that is wrong.

    Args:
        error: Of validating `kind`.
        kind: The type of the settings.
        prefix: The section that they are of, as `models.fusion`.
    """
    schema, found = kind.model_json_schema(), {}
    for one in error.errors():
        place, node = _find_setting(one["loc"], schema)
        name = ".".join([*filter(None, [prefix]), *place])
        if one["type"] == "extra_forbidden":
            names = list(node.get("properties", {}))
            found.setdefault(name, f"{name}: unknown{nearest(place[-1], names)}")
        elif one["type"] == "value_error":
            found.setdefault(name, f"{name} {one['msg'].removeprefix('Value error, ')}.")
        else:
            found.setdefault(name, _describe(name, one["input"], node, schema))
    return list(found.values())


def nearest(name: str, names: Sequence[str]) -> str:
    """Return the question after the nearest known name, or the names where none is near.

    Example:
        >>> nearest("flipp", ["crop", "flip"])
        '; did you mean flip?'
        >>> nearest("zoom", ["crop", "flip"])
        '; expected one of crop, flip'
    """
    near = difflib.get_close_matches(name, names, n=1)
    if near:
        return f"; did you mean {near[0]}?"
    return f"; expected one of {', '.join(names)}"


def find_duplicates(text: str) -> list[str]:
    """Return a sentence for each name that stands twice in one section; YAML takes the last."""
    problems = []

    def walk(node: yaml.Node, prefix: str) -> None:
        if isinstance(node, yaml.MappingNode):
            seen = set()
            for key, value in node.value:
                name = f"{prefix}{key.value}"
                if name in seen:
                    line = key.start_mark.line + 1
                    problems.append(f"{name}: stands twice, again in line {line}; remove one")
                seen.add(name)
                walk(value, f"{name}.")

    walk(yaml.compose(text, Loader=yaml.CSafeLoader), "")
    return problems


def _find_setting(
    loc: tuple[int | str, ...], schema: dict[str, Any]
) -> tuple[list[str], dict[str, Any]]:
    """Return the name of the setting that pydantic's place is in, and its JSON schema.

    Of an unknown name the schema is that of its section. A place within a setting, as an item of a
    list or a member of a union, is that of the setting.
    """
    place, node = [], schema
    for part in loc:
        properties = node.get("properties", {})
        if not properties or part not in properties:
            return ([*place, str(part)] if properties else place), node
        place.append(str(part))
        node = _resolve(properties[part], schema)
    return place, node


def _resolve(node: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    reference = node.get("$ref")
    return schema["$defs"][reference.rpartition("/")[2]] if reference else node


def _describe(name: str, value: Any, node: dict[str, Any], schema: dict[str, Any]) -> str:
    shown = "null" if value is None else repr(value)
    if len(shown) > MAX_VALUE_LENGTH:
        shown = f"{shown[:MAX_VALUE_LENGTH]}…"
    if isinstance(value, str):
        shown = f"the text {shown}"
    fix = _fix_of_text(value) if isinstance(value, str) else ""
    return f"{name} is {shown}; expected {describe_expected(node, schema)}.{fix}"


def describe_expected(node: dict[str, Any], schema: dict[str, Any]) -> str:
    """Return in words what a JSON schema asks for.

    Example:
        >>> describe_expected({"type": "integer", "minimum": 1}, {})
        'a whole number of 1 or more'
        >>> describe_expected({"anyOf": [{"type": "number", "minimum": 0}, {"type": "null"}]}, {})
        'a number of 0 or more, or null'
    """
    node = _resolve(node, schema)
    if "anyOf" in node:
        return ", or ".join(describe_expected(one, schema) for one in node["anyOf"])
    if "const" in node:
        return str(node["const"])
    if "enum" in node:
        return f"one of {', '.join(map(str, node['enum']))}"
    kind = node.get("type")
    if kind in ("integer", "number"):
        return ("a whole number" if kind == "integer" else "a number") + _describe_range(node)
    if kind == "array":
        return _describe_list(node, schema)
    words = {"boolean": "true or false", "null": "null", "object": "a section with named settings"}
    return words.get(kind, "text")


def _describe_range(node: dict[str, Any]) -> str:
    low, high = node.get("minimum"), node.get("maximum")
    above, below = node.get("exclusiveMinimum"), node.get("exclusiveMaximum")
    if low is not None and high is not None:
        return f" from {low:g} to {high:g}"
    words = [f"of {low:g} or more"] if low is not None else []
    words += [f"above {above:g}"] if above is not None else []
    words += [f"up to {high:g}"] if high is not None else []
    words += [f"below {below:g}"] if below is not None else []
    return f" {' and '.join(words)}" if words else ""


def _describe_list(node: dict[str, Any], schema: dict[str, Any]) -> str:
    if "prefixItems" in node:
        item = describe_expected(node["prefixItems"][0], schema)
        return f"a list of {len(node['prefixItems'])}, as [0.5, 2.0], each {item}"
    return f"a list, as [a, b], of one or more; each {describe_expected(node['items'], schema)}"


def _fix_of_text(value: str) -> str:
    """Return what to write where a text was meant to be a number."""
    bare = value.strip().removesuffix("%").replace(",", ".").strip()
    try:
        number = float(bare)
    except ValueError:
        return ""
    if value.strip().endswith("%"):
        number /= 100
    written = json.dumps(int(number) if number == int(number) and "e" not in bare else number)
    if "e" in written and "." not in written:
        written = written.replace("e", ".0e")
    return f" Write {written}, without quotes."
