"""The trained model that a verb uses, and the options that name it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from har.recognizer.recognizer import Recognizer
    from har.settings import Settings

Model = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        exists=True,
        file_okay=False,
        help="Folder of the trained model. Default: models/<model in params.yaml>.",
    ),
]


def load_trained(model: Path | None) -> "tuple[Settings, Recognizer, Path]":
    """Return the settings, the model that a user names or params.yaml does, and its folder."""
    from har.recognizer.recognizer import load_recognizer
    from har.settings import load_settings

    if model is None and not Path("params.yaml").is_file():
        raise typer.BadParameter(
            f"there is no params.yaml in {Path.cwd()} that names a model; add --model DIR",
            param_hint="--model",
        )
    settings = load_settings(required=False)
    folder = model or Path("models") / settings.model
    return settings, load_recognizer(folder), folder


def no_window_error(folder: Path) -> ValueError:
    """Return the error for a model that does not say how long its window is."""
    return ValueError(
        f"{folder} does not say how long its window is, as it was made by an earlier version. "
        "Train it again with `dvc repro`, or name the window with --window."
    )
