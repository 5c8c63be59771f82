"""`har live`: what do people do before this camera, now?"""

import contextlib
import json
from collections import Counter, deque
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from har.commands.predict import Json
from har.commands.trained import Model, load_trained, no_window_error

if TYPE_CHECKING:
    import numpy as np

    from har.recognizer.recognizer import Recognizer
    from har.timeline.answers import Answer
    from har.timeline.live import LiveWindow, Moment
    from har.timeline.screen import Screen
    from har.video.recording import Recorder

Source = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE",
        help="Number of a camera (0 is the first), an address (rtsp://, http://), or a file, which "
        "plays at its own speed.",
    ),
]
Headless = Annotated[
    bool,
    typer.Option("--headless", help="Show no window; print a JSON line for each answer."),
]
Record = Annotated[
    Path | None,
    typer.Option(metavar="FILE", dir_okay=False, help="Write the pictures of the window as MP4."),
]
Window = Annotated[
    float | None,
    typer.Option(
        metavar="SECONDS",
        min=0.1,
        help="Length of the window that answers are about. Default: predict.window_seconds, or as "
        "long as the training clips.",
    ),
]
NUM_RECENT = 60  # pictures whose times give the pictures a second


def live(
    source: Source = "0",
    model: Model = None,
    headless: Headless = False,
    record: Record = None,
    window: Window = None,
    as_json: Json = False,
) -> None:
    """Name what people do before a camera, as they do it.

    Shows the picture with the answer, its probability, the skeleton and the pictures a second;
    `q` or Ctrl-C ends. With `--headless` or `--json` a line for each answer: `at` (seconds),
    `answer`, `probabilities`, `latency_ms` (from the arrival of the picture to the answer) and
    `dropped` (pictures that came while the model was busy). A camera or an address that is lost is
    opened again, after pauses that grow. Exit code: 0 when it is ended or the file is over, 1 if
    the source cannot be opened.
    """
    from har.engine.errors import until_interrupted
    from har.timeline.live import LiveWindow, watch_live
    from har.timeline.prediction import choose_pace
    from har.timeline.screen import Screen
    from har.video.live import hide_password

    settings, recognizer, folder = load_trained(model)
    wanted = window or settings.predict.window_seconds
    pace, _ = choose_pace(recognizer, window_seconds=wanted, step_seconds=1.0)
    if pace is None:
        raise no_window_error(folder)
    title = hide_password(source)
    screen = None if headless or as_json else Screen(f"har live {title}")
    windows = LiveWindow(recognizer, pace.window_seconds)
    shown = _Shown(recognizer, screen, record)
    moments = watch_live(
        windows, recognizer, source, limits=settings.limits("convert"), on_loss=_say_loss
    )
    try:
        with until_interrupted(), contextlib.closing(moments):
            for moment in moments:
                if not shown.take(moment):
                    break
            else:
                shown.take_short(windows)
    finally:
        shown.close()
    typer.echo(shown.summary(title), err=True)


def _say_loss(reason: str, pause: float) -> None:
    typer.echo(f"{reason} Trying again in {pause:g} s.", err=True)


class _Shown:
    """What the user sees of live pictures, and what is written.

    Args:
        recognizer: The model.
        screen: The window; None: lines of JSON.
        record: The file to write; None: none.
    """

    def __init__(self, recognizer: "Recognizer", screen: "Screen | None", record: Path | None):
        self._recognizer, self._screen, self._record = recognizer, screen, record
        self._recorder: Recorder | None = None
        self._recent: deque[float] = deque(maxlen=NUM_RECENT)
        self._answer: Answer | None = None
        self._num_pictures = self._num_dropped = 0
        self._counts: Counter[str] = Counter()

    def take(self, moment: "Moment") -> bool:
        """Show a picture, and its answer if it has one; return whether to go on."""
        self._recent.append(moment.shot.arrived)
        self._num_pictures += 1
        self._num_dropped = moment.num_dropped
        if moment.answer is not None:
            self._tell(moment.answer, moment.at, moment)
        if self._screen is None and self._record is None:
            return True
        picture = self._draw(moment)
        if self._record is not None:
            self._write(picture, moment.at)
        return self._screen is None or self._screen.show(picture)

    def take_short(self, windows: "LiveWindow") -> None:
        """Tell the answer about a file that is over before the window was full."""
        answer = windows.answer_short()
        if answer is not None:
            self._tell(answer, answer.end, None)

    def close(self) -> None:
        """Finish the file and remove the window."""
        if self._recorder is not None:
            self._recorder.close()
        if self._screen is not None:
            self._screen.close()

    def summary(self, source: str) -> str:
        """Return what there was, in a line."""
        told = ", ".join(f"{number} {label}" for label, number in self._counts.most_common())
        recorded = f"; written to {self._record}" if self._recorder is not None else ""
        return (
            f"live: {self._num_pictures} pictures of {source}, {self._num_dropped} dropped; "
            f"{self._counts.total()} answers{': ' if told else ''}{told}{recorded}"
        )

    def _tell(self, answer: "Answer", at: float, moment: "Moment | None") -> None:
        self._answer = answer
        label = answer.label(self._recognizer)
        self._counts[label] += 1
        if self._screen is not None:
            return
        shares = [round(share, 4) for share in answer.probabilities.tolist()]
        line = {
            "at": round(at, 3),
            "answer": label,
            "probabilities": dict(zip(self._recognizer.labels, shares, strict=True)),
            "latency_ms": moment and round(1000 * moment.seconds, 1),
            "dropped": self._num_dropped,
        }
        typer.echo(json.dumps(line, ensure_ascii=False))

    def _draw(self, moment: "Moment") -> "np.ndarray":
        from har.recognizer.prediction import with_share
        from har.timeline.overlay import draw_label, draw_note, draw_person

        picture = moment.shot.picture
        if moment.landmarks is not None:
            draw_person(picture, moment.landmarks, aspect=self._recognizer.preprocessing["aspect"])
        if self._answer is None:
            draw_label(picture, "looking …", 0.0)
        else:
            label = self._answer.label(self._recognizer)
            share = float(self._answer.probabilities.max())
            named = label in self._recognizer.labels and label != self._recognizer.none_label
            text = with_share(label, share) if named else label
            draw_label(picture, text, share if named else 0.0)
        draw_note(picture, f"{self._pictures_a_second():.0f} pictures/s")
        return picture

    def _pictures_a_second(self) -> float:
        if len(self._recent) < 2 or self._recent[-1] == self._recent[0]:
            return 0.0
        return (len(self._recent) - 1) / (self._recent[-1] - self._recent[0])

    def _write(self, picture: "np.ndarray", seconds: float) -> None:
        from har.video.recording import Recorder

        if self._recorder is None:
            height, width = picture.shape[:2]
            self._recorder = Recorder(self._record, (width, height))
        self._recorder.write(picture, seconds)
