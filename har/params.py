"""Reading `params.yaml`. Only stages and the command line call this; `har` takes arguments."""

from pathlib import Path
from typing import Any

import yaml


def load_params(path: Path = Path("params.yaml")) -> dict[str, Any]:
    """Return the parameters as nested dictionaries.

    Raises:
        ValueError: The file is missing or is not YAML with named sections.
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
    return params
