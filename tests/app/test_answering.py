"""What the page says of a video: exactly what `har predict` says, and where the model looked."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from brightness import brightness_recognizer
from command_line import run
from places import REAL
from tiny_recognizers import NUM_FRAMES, SIZE, write_tiny
from video_files import write_numbered

from har.app.answering import name_clip, name_video, show_named, show_problem
from har.app.models import find_models
from har.app.uploads import Accepted
from har.engine.errors import VideoError
from har.settings import load_settings
from har.video.reading import probe_video
from har.video.writing import write_video

LONG, SHORT = 60, 24  # frames, at 25 a second


@pytest.fixture
def project_with(project):
    """Write untrained models into a project, and return the page's way to ask them of a video."""

    def prepare(*kinds: str):
        for kind in kinds:
            if kind == "bright":
                brightness_recognizer().save(Path("models/bright"))
            else:
                write_tiny(kind, Path("models") / kind)
        models = find_models(Path("models") / kinds[0])
        how = {"settings": load_settings(required=True), "accepted": Accepted()}
        return lambda video, *names, **more: name_video(video, models, names, **how, **more)

    return prepare


def predicted(capsys, video: Path, model: str) -> dict:
    """Return what `har predict --json` prints about a video."""
    capsys.readouterr()
    code, out, err = run(
        "predict", str(video), "--model", f"models/{model}", "--json", capsys=capsys
    )
    assert code == 0, err
    return json.loads(out)


def shown_shares(html: str) -> list[float]:
    """Return the probabilities on a page, as they are, before they are rounded."""
    return [float(share) for share in re.findall(r'data-probability="([^"]+)"', html)]


@pytest.mark.parametrize(
    ("kind", "num_frames"),
    [("bright", SHORT), ("bright", LONG)],
)
def test_page_says_what_predict_says(project_with, capsys, kind, num_frames):
    ask, video = project_with(kind), write_numbered(Path("a.mp4"), num_frames)
    (named,) = ask(video, kind)
    by_predict = predicted(capsys, video, kind)
    assert named.prediction.probabilities == by_predict["probabilities"]
    assert shown_shares(named.html) == list(by_predict["probabilities"].values())
    assert named.prediction.answer == by_predict["answer"]
    assert len(named.prediction.segments) == len(by_predict["segments"])
    assert bool(named.prediction.segments) == (num_frames == LONG)


@pytest.mark.skipif(not REAL.is_dir(), reason="no clips of real people here")
def test_page_says_what_predict_says_of_a_real_clip(project_with, capsys):
    ask, video = project_with("pose"), REAL / "weizmann" / "wave1" / "daria_wave1.avi"
    (named,) = ask(video, "pose")
    assert named.prediction.probabilities == predicted(capsys, video, "pose")["probabilities"]


def test_timeline_of_a_longer_video(project_with):
    levels = [30] * 50 + [225] * 50
    frames = [np.full((48, 64, 3), level, np.uint8) for level in levels]
    write_video("a.mp4", frames, fps=25)
    (named,) = project_with("bright")(Path("a.mp4"), "bright")
    assert [one.label for one in named.prediction.segments] == ["dark", "bright"]
    widths = [float(width) for width in re.findall(r"width:([0-9.]+)%;background", named.html)]
    assert sum(widths) == pytest.approx(100)
    assert "most of the time" in named.html
    assert "is told of clips, not of longer videos" in named.html


def test_two_models_are_asked_about_the_same_video(project_with):
    brightness_recognizer(aspect="pad").save(Path("models/padded"))
    named = project_with("bright")(write_numbered(Path("a.mp4"), SHORT), "bright", "padded")
    assert [one.model for one in named] == ["bright", "padded"]
    assert named[0].prediction.probabilities != named[1].prediction.probabilities
    assert show_named(named).count("<section>") == 2


@pytest.mark.parametrize("num_frames", [SHORT, LONG])
def test_drawn_video_has_the_frames_of_the_one_that_was_sent(project_with, tmp_path, num_frames):
    video, drawn = write_numbered(Path("a.mp4"), num_frames), tmp_path / "drawn.mp4"
    project_with("bright")(video, "bright", drawn=drawn)
    info = probe_video(drawn)
    assert (info.num_frames, info.codec, info.width) == (num_frames, "h264", 64)


def test_bad_videos_are_told_in_a_sentence(project_with):
    ask = project_with("bright")
    Path("broken.mp4").write_bytes(b"no video")
    with pytest.raises(VideoError, match=r"broken\.mp4 is not a video that can be read"):
        ask(Path("broken.mp4"), "bright")


def test_where_a_model_looked_is_shown_where_it_can_be_told(project):
    clip = np.random.default_rng(0).integers(0, 255, (NUM_FRAMES, SIZE, SIZE, 3), np.uint8)
    said = {"frames": "evidence for", "pose": "sees the skeleton alone", "bright": "has no model.k"}
    for kind in said:
        folder = Path("models") / kind
        if kind == "bright":
            brightness_recognizer(num_frames=NUM_FRAMES, size=SIZE).save(folder)
            continue
        write_tiny(kind, folder)
    models = find_models(Path("models/frames"))
    for kind in ("frames", "pose"):
        assert said[kind] in name_clip(clip, models.get(kind), kind, aspect=1.0).html
    assert said["bright"] in models.get("bright").no_heat


def test_clip_of_another_length_is_refused(project_with):
    project_with("bright")
    clip = np.zeros((5, 32, 32, 3), np.uint8)
    with pytest.raises(ValueError, match=r"bright takes clips of 6 frames of 32 pixels; .* 5"):
        name_clip(clip, find_models(Path("models/bright")).get("bright"), "bright", aspect=1.0)


def test_models_are_known_by_name_and_never_by_a_path(project):
    for folder in ("models/a", "models/b", "other/a"):
        brightness_recognizer().save(Path(folder))
    models = find_models(Path("other/a"))
    assert models.names == ["a", "models/a", "b"]
    assert models.get("a").folder == Path("other/a")
    for name in ("../models/b", "other/a", ""):
        with pytest.raises(ValueError, match="There is no model"):
            models.get(name)


def test_labels_are_text_on_the_page(project):
    hostile = "<img src=x onerror=alert(1)>"
    recognizer = brightness_recognizer()
    recognizer.labels[:] = [hostile, "dark"]
    recognizer.save(Path("models/hostile"))
    how = {"settings": load_settings(required=True), "accepted": Accepted()}
    models = find_models(Path("models/hostile"))
    for num_frames in (SHORT, LONG):
        video = write_numbered(Path("a.mp4"), num_frames)
        (named,) = name_video(video, models, ["hostile"], **how)
        assert "&lt;img src=x" in named.html
        assert "<img src=x" not in named.html
    assert "<img" not in show_problem(hostile)
