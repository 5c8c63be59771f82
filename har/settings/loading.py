"""Reading params.yaml: its text, its types, what belongs together; all problems at once."""

from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from har.models.contract import model_names, settings_type
from har.settings.checks import find_contradictions
from har.settings.problems import describe_problems, find_duplicates, nearest
from har.settings.root import Settings

PARAMS = Path("params.yaml")
MAX_DEPTH = 50  # sections in each other; the settings have 3


class SettingsError(ValueError):
    """Settings that cannot be used; the message names each with its fix."""


def load_settings(path: Path = PARAMS, *, required: bool = True) -> Settings:
    """Return the settings of a project.

    Args:
        path: The file params.yaml.
        required: False: where there is no such file, the defaults do.

    Raises:
        SettingsError: The file is missing or no YAML, or settings are unknown, of another type, out
            of range or contradict each other; the message has all of them.
    """
    if not path.is_file():
        if not required:
            return Settings()
        raise SettingsError(
            f"There is no {path} in {Path.cwd()}. Run the command in the folder of the project."
        )
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path} is not UTF-8: {error}. Save it as UTF-8.") from error
    return parse_settings(text, name=str(path))


def parse_settings(text: str, *, name: str = str(PARAMS)) -> Settings:
    """Return the settings that a text in YAML holds; see `load_settings`.

    Args:
        text: The content of params.yaml.
        name: What messages call it.
    """
    try:
        return _parse(text, name)
    except RecursionError as error:
        raise SettingsError(
            f"{name} is nested too deeply, or an alias (`*name`) in it holds itself. Write plain "
            "sections, as `dataset:`."
        ) from error


def _parse(text: str, name: str) -> Settings:
    try:
        _check_depth(text)
        content = yaml.load(text, yaml.CSafeLoader)
        duplicates = find_duplicates(text)
    except yaml.YAMLError as error:
        raise SettingsError(f"{name} is not valid YAML: {error}. Correct that line.") from error
    if not isinstance(content, dict):
        raise SettingsError(
            f"{name} must hold named sections, as `dataset:`; it holds {content!r}."
        )
    return make_settings(content, name=name, problems=duplicates)


def _check_depth(text: str) -> None:
    """Refuse what is nested so deeply that the parser in C, which is 6 times as fast, would crash.

    Raises:
        RecursionError: It is.
    """
    depth = 0
    for event in yaml.parse(text, yaml.CSafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise RecursionError


def make_settings(
    content: dict[str, Any], *, name: str = str(PARAMS), problems: list[str] | None = None
) -> Settings:
    """Return the settings of nested dictionaries; see `load_settings`.

    Args:
        content: What params.yaml holds.
        name: What messages call it.
        problems: Those found before.
    """
    problems = list(problems or [])
    rest = {key: value for key, value in content.items() if key != "models"}
    settings = None
    try:
        settings = Settings.model_validate(rest)
    except ValidationError as error:
        problems += describe_problems(error, Settings)
    models, problems_of_models = _read_models(content.get("models", {}))
    problems += problems_of_models
    if settings is not None and not problems_of_models:
        settings = settings.model_copy(update={"models": models})
        problems += find_contradictions(settings)
    if problems:
        count = "a problem" if len(problems) == 1 else f"{len(problems)} problems"
        lines = "\n".join(f"  {problem}" for problem in problems)
        raise SettingsError(f"{name} has {count}:\n{lines}")
    return settings


def _read_models(content: Any) -> tuple[dict[str, Any], list[str]]:
    """Return the settings of every model, and what is wrong with those in params.yaml."""
    if not isinstance(content, dict):
        return {}, [f"models is {content!r}; expected a section for each model, or none."]
    names, models, problems = model_names(), {}, []
    for name in content:
        if name not in names:
            problems.append(
                f"models.{name}: unknown{nearest(str(name), names)} (a model is a file in "
                "har/models/)"
            )
    for name in names:
        kind = settings_type(name)
        try:
            section = content.get(name)  # nothing below the name of a model: its defaults
            models[name] = kind.model_validate({} if section is None else section)
        except ValidationError as error:
            problems += describe_problems(error, kind, prefix=f"models.{name}")
    return models, problems


def changed_settings(settings: Settings, changes: dict[str, Any]) -> Settings:
    """Return settings of which some are others, checked as those of a file.

    Args:
        settings: The old ones.
        changes: New values by dotted name, as `models.fusion.epochs`.

    Raises:
        SettingsError: There is no setting of a name, or a value is not one that it can have.
    """
    content = settings.model_dump(mode="json")
    for name, value in changes.items():
        *folders, last = name.split(".")
        section = content
        for folder in folders:
            section = section.get(folder) if isinstance(section, dict) else None
        names = list(section) if isinstance(section, dict) else []
        if last not in names:
            raise SettingsError(f"{PARAMS} has no {name}{nearest(last, names) if names else ''}")
        section[last] = value
    return make_settings(content)
