"""What models say of a video, as the page shows it; probabilities are those of `har predict`."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from har.app.models import Look, Models, Trained
from har.app.uploads import Accepted, check_upload
from har.dataset.none_label import NONE_OF_THESE, UNSURE
from har.engine.errors import VideoError, explain
from har.engine.steps import Limits
from har.engine.workers import run_in_workers
from har.pages.prediction import show_prediction, timeline_bars
from har.pages.templating import frame_uris, render
from har.recognizer.prediction import Prediction, rank_labels
from har.settings import Settings
from har.timeline.answers import none_label_of
from har.timeline.describing import name_answer
from har.timeline.overlay import draw_timeline, watch_said
from har.timeline.prediction import Said, choose_pace, predict_any
from har.timeline.watching import Pace, Timeline
from har.video.extracting import stretched_aspect

NO_HEAT_OVER_TIME = "Where it looked is told of clips, not of longer videos."


@dataclass(frozen=True)
class Named:
    """What one model says of a video.

    Attributes:
        model: Its name.
        prediction: What it says.
        html: The same for the page.
    """

    model: str
    prediction: Prediction
    html: str


def name_video(
    video: Path,
    models: Models,
    names: Sequence[str],
    *,
    settings: Settings,
    accepted: Accepted,
    drawn: Path | None = None,
) -> list[Named]:
    """Return what each of some models says of a video that was sent.

    Args:
        video: The file.
        models: Those that there are.
        names: Of the models to ask.
        settings: Of the project: limits and the pace of the window.
        accepted: What the video may be.
        drawn: The .mp4 to write, with what the first model says drawn in; None: none.

    Raises:
        VideoError: The video may not be used, or cannot be read.
    """
    limits = settings.limits("convert")
    check_upload(video, accepted, limits)
    named = []
    for name in names:
        trained = models.get(name)
        recognizer = trained.recognizer
        pace, longest = choose_pace(
            recognizer,
            window_seconds=settings.predict.window_seconds,
            step_seconds=settings.predict.step_seconds,
        )
        how = {"pace": pace, "longest_seconds": longest, "limits": limits}
        (said,) = predict_any(recognizer, [video], **how)
        if said.prediction.problem:
            raise VideoError(said.prediction.problem)
        looks = _look_at(said, trained, video)
        named.append(Named(name, said.prediction, _as_html(name, said.prediction, trained, looks)))
        if drawn is not None and name == names[0] and pace is not None:
            _draw(said, drawn, trained, pace=pace, limits=limits)
    return named


def name_clip(clip: np.ndarray, trained: Trained, name: str, *, aspect: float) -> Named:
    """Return what a model says of a clip of the project, as the stage `evaluate` asks it.

    Args:
        clip: uint8 RGB, shape (num_frames, size, size, 3).
        trained: The model.
        name: What it is called.
        aspect: Width / height of the frames before they were made square.

    Raises:
        ValueError: The model takes clips of another length or size.
    """
    recognizer = trained.recognizer
    made = (recognizer.preprocessing["num_frames"], recognizer.preprocessing["size"])
    if clip.shape[:2] != made:
        raise ValueError(
            f"{name} takes clips of {made[0]} frames of {made[1]} pixels; those here have "
            f"{clip.shape[0]} of {clip.shape[1]}. Train it again with `dvc repro`."
        )
    row = recognizer.predict(clip, aspect=aspect)
    shares = rank_labels(recognizer.labels, row)
    prediction = Prediction(Path(name), shares, "", clip, recognizer.answer(row))
    looks = trained.looks(clip, aspect=aspect, label=prediction.label)
    return Named(name, prediction, _as_html(name, prediction, trained, looks))


def show_problem(problem: str | Exception) -> str:
    """Return a line for the page that says what went wrong."""
    message = problem if isinstance(problem, str) else explain(problem, "the page")
    return render("app-problem.html", message=message)


def show_named(named: Sequence[Named]) -> str:
    """Return what models say, side by side where there is room."""
    return render("app-answers.html", answers=[one.html for one in named])


def _look_at(said: Said, trained: Trained, video: Path) -> list[Look]:
    """Return what a model saw; of a longer video, whose frames lie far apart, the frames alone."""
    clip = said.prediction.clip
    if said.timeline is not None:
        return [Look("A few of its frames", clip)]
    aspect = stretched_aspect(video, trained.recognizer.preprocessing["aspect"])
    return trained.looks(clip, aspect=aspect, label=said.prediction.label)


def _as_html(name: str, prediction: Prediction, trained: Trained, looks: Sequence[Look]) -> str:
    recognizer = trained.recognizer
    none_label = none_label_of(recognizer)
    shown = show_prediction(prediction, recognizer.none_label, num_answers=None)
    bars = timeline_bars(prediction.segments, recognizer.labels, none_label)
    return render(
        "app-answer.html",
        model=name,
        answer=UNSURE if shown["is_unsure"] else name_answer(prediction.answer, none_label),
        share=prediction.probabilities.get(prediction.answer),
        answers=shown["answers"],
        segments=shown["segments"],
        bars=bars,
        legend={bar["label"]: bar["colour"] for bar in bars},
        looks=[(look.title, frame_uris([look.frames])) for look in looks],
        no_heat=trained.no_heat if not bars else NO_HEAT_OVER_TIME,
        none_of_these=NONE_OF_THESE,
    )


def _draw(said: Said, out: Path, trained: Trained, *, pace: Pace, limits: Limits) -> None:
    """Write a video with what is said drawn in, decoded and encoded in a process of its own."""
    recognizer = trained.recognizer
    timeline = watch_said(said, recognizer, pace=pace, limits=limits)
    slim = replace(timeline, answers=[], samples=None)  # what is drawn needs neither
    how = (recognizer.preprocessing["aspect"], none_label_of(recognizer))
    (drawn,) = run_in_workers(
        _draw_in_worker,
        [(said.prediction.video, out, slim, *how)],
        total=1,
        **limits.of_workers | {"num_workers": 1},
        description="draw",
        section="convert",
        failures=(VideoError,),
    )
    if drawn.reason:
        raise VideoError(drawn.reason)


def _draw_in_worker(task: tuple[Path, Path, Timeline, str, str]) -> None:
    video, out, timeline, aspect, none_label = task
    draw_timeline(video, out, timeline, aspect=aspect, none_label=none_label)
