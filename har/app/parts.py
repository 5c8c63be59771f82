"""What the tabs of the page share."""

import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from har.app.models import Models
from har.app.uploads import Accepted
from har.settings import Settings

BY_ONE = {"concurrency_id": "model", "concurrency_limit": 1}  # events that run a model
# Nobody outside is to call a tab's functions by name.
INTERNAL = {"api_visibility": "private"}


@dataclass(frozen=True)
class Page:
    """What a tab works with.

    Attributes:
        models: That may be chosen.
        settings: Of the project.
        accepted: What a video that is sent may be.
        videos: The folder that clips are filmed for.
        files: The folder for what browsers are shown, which is removed at the end.
    """

    models: Models
    settings: Settings
    accepted: Accepted
    videos: Path
    files: Path

    def new_file(self, name: str) -> Path:
        """Return the path of a new file for a browser, in a folder that nobody guesses."""
        folder = self.files / uuid.uuid4().hex
        folder.mkdir()
        return folder / name


@dataclass(frozen=True)
class Chosen:
    """The two choices of models, above all tabs.

    Attributes:
        model: The name of one.
        other: The name of another, to compare with; or None.
    """

    model: gr.Dropdown
    other: gr.Dropdown


# An event hands on what the browser has sent as it is, without what Gradio makes of it: of a filmed
# clip it would take away the sound, which is not filmed, by FFmpeg's program.
AS_SENT = {"preprocess": False}


def sent_file(payload: dict[str, Any] | None) -> Path | None:
    """Return the file that an event `AS_SENT` is about; Gradio has checked that it was sent."""
    return None if payload is None else Path(payload["path"])


def camera(label: str) -> gr.Video:
    """Return where a clip is filmed, without sound."""
    return gr.Video(
        label=label,
        sources=["webcam"],
        include_audio=False,
        webcam_options=gr.WebcamOptions(mirror=False),  # as training clips are
        interactive=True,
        height=300,
        elem_classes="har-camera",
    )


def html(name: str) -> gr.HTML:
    """Return a place for what the templates make."""
    return gr.HTML(elem_id=name, apply_default_css=False)
