"""Reading `params.yaml`. Only stages and the command line call this; `har` takes arguments."""

from pathlib import Path
from typing import Any

import yaml


class Section(dict):
    """A section of params.yaml, whose missing names are a user's mistake."""

    def __init__(self, content: dict[str, Any], name: str = ""):
        super().__init__(
            (key, Section(value, f"{name}{key}.") if isinstance(value, dict) else value)
            for key, value in content.items()
        )
        self.name = name

    def __missing__(self, key: str) -> Any:
        raise ValueError(f"params.yaml has no `{self.name}{key}`. Put it back, as git has it.")


def load_params(path: Path = Path("params.yaml")) -> Section:
    """Return the parameters as nested dictionaries.

    Raises:
        ValueError: The file is missing or is not YAML with named sections. A name that is not
            there raises it too, when it is asked for.
    """
    if not path.is_file():
        raise ValueError(
            f"There is no {path} in {Path.cwd()}. Run the command in the folder of the project."
        )
    try:
        params = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ValueError(f"{path} is not valid YAML: {error}. Correct that line.") from error
    if not isinstance(params, dict):
        raise ValueError(f"{path} must hold named sections, as `dataset:`; it holds {params!r}.")
    return Section(params)
