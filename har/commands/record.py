"""`har record`: film clips for a label and a person."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from har.commands.printing import Json, print_json

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from har.timeline.filming import Filmed, Show
    from har.timeline.screen import Screen

Label = Annotated[str, typer.Option(metavar="LABEL", help="What is done, as waving.")]
Subject = Annotated[str, typer.Option(metavar="NAME", help="Who does it, as anna.")]
Count = Annotated[int, typer.Option(metavar="N", min=1, help="How many clips.")]
Seconds = Annotated[float, typer.Option(metavar="SECONDS", min=0.5, help="Length of a clip.")]
Countdown = Annotated[float, typer.Option(metavar="SECONDS", min=0, help="Time before each clip.")]
Camera = Annotated[
    str, typer.Option(metavar="SOURCE", help="Number of a camera (0 is the first), or an address.")
]
Videos = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        file_okay=False,
        help="Folder of the videos. Default: dataset.videos, or data/videos where that is the "
        "drawn demo.",
    ),
]
Headless = Annotated[bool, typer.Option("--headless", help="Show no window; every clip is kept.")]
OWN_VIDEOS = Path("data/videos")


def record(
    label: Label,
    subject: Subject,
    count: Count = 10,
    seconds: Seconds = 3.0,
    countdown: Countdown = 3.0,
    camera: Camera = "0",
    videos: Videos = None,
    headless: Headless = False,
    as_json: Json = False,
) -> None:
    """Film clips of a person for a label, ready to train on.

    A countdown, then the camera films; the clip is shown again: Enter keeps it, `x` throws it away,
    `q` ends. Each clip becomes DIR/LABEL/NAME_01.mp4, then 02 and so on, and a row in
    DIR/metadata.csv. Nothing is overwritten. Exit code: 0 when it ends, 1 if the camera fails.
    """
    from har.dataset.adding import add_video, check_name
    from har.engine.errors import until_interrupted
    from har.settings import load_settings
    from har.timeline.filming import film_clip, open_camera
    from har.timeline.screen import Screen

    settings = load_settings(required=False)
    label, subject = check_name(label, what="--label"), check_name(subject, what="--subject")
    say = partial(typer.echo, err=as_json)
    folder = _prepare_folder(videos or own_folder(Path(settings.dataset.videos)), label, say)
    screen, kept = None if headless else Screen(f"har record: {label}"), []
    unfinished, show = folder / ".recording.mp4", _shower(screen)
    try:
        memory = settings.convert.memory_gigabytes
        with until_interrupted(), open_camera(camera, memory_gigabytes=memory) as shots:
            while len(kept) < count:
                text = f"{label}, {subject}, {len(kept) + 1} of {count}"
                say(f"record: {text}")
                how = {"seconds": seconds, "countdown": countdown, "text": text, "show": show}
                filmed = film_clip(shots, unfinished, **how)
                said = _decide(filmed, None if headless else show)
                if said == "end":
                    break
                if said == "keep":
                    kept.append(add_video(unfinished, folder, label, subject))
                    say(f"record: kept as {kept[-1]}")
    finally:
        unfinished.unlink(missing_ok=True)
        if screen is not None:
            screen.close()
    say(f"record: {len(kept)} of {count} clips of {label} by {subject} in {folder}")
    if as_json:
        print_json({"folder": folder, "label": label, "subject": subject, "kept": kept})


def _prepare_folder(folder: Path, label: str, say: "Callable[[str], None]") -> Path:
    """Make the folder, name its labels that are nearly `label`, and return it."""
    from har.dataset.adding import label_folders
    from har.names.spelling import near_names

    folder.mkdir(parents=True, exist_ok=True)
    for near in near_names(label, label_folders(folder)):
        say(f"note: there is a label {near!r}, which is nearly {label!r}; is it the same?")
    return folder


def _decide(filmed: "Filmed", show: "Show | None") -> str:
    """Return what becomes of a clip, `keep`, `drop` or `end`; without a screen it is kept."""
    from har.timeline.filming import look_again

    if filmed.is_ended:
        return "end"
    return look_again(filmed, show) if show else "keep"


def own_folder(named: Path) -> Path:
    """Return the folder to film for: that of params.yaml, unless it is the drawn demo."""
    from har.settings import DEMO

    return OWN_VIDEOS if named == DEMO else named


def _shower(screen: "Screen | None") -> "Show":
    """Return what shows a picture and gives the key that is pressed; of no screen, none."""
    if screen is None:
        return lambda picture: ""

    def show(picture: "np.ndarray") -> str:
        return screen.key if screen.show(picture) else "q"

    return show
