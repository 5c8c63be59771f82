"""Live pictures: from a file, from an address, lost and found again, shown and recorded."""

import json
import signal
import time
from pathlib import Path

import av
import numpy as np
import pytest
from brightness import NUM_FRAMES, SIZE, brightness_recognizer
from command_line import run
from fake_camera import fake_camera
from video_files import write_numbered

import har.timeline.live
import har.timeline.screen
from har.engine.errors import VideoError
from har.engine.steps import Limits
from har.timeline.live import LiveWindow, watch_live
from har.video.live import Shot, hide_password, is_endless, live_shots
from har.video.recording import Recorder
from har.video.writing import write_video

LIMITS = Limits(workers=1, timeout_seconds=60, memory_gigabytes=2, max_gigabytes=1)
BRIGHT, DARK = 225, 30


@pytest.fixture(scope="module")
def recognizer():
    return brightness_recognizer()


@pytest.fixture
def model(project, recognizer) -> str:
    recognizer.save(Path("models/tiny"))
    return "models/tiny"


def write_grey(path: Path, grey: int, *, seconds: float) -> Path:
    write_video(path, [np.full((48, 64, 3), grey, np.uint8)] * round(20 * seconds), fps=20)
    return path


def shot(slot: int, grey: int, *, interval: float = 0.1) -> Shot:
    picture = np.full((48, 64, 3), grey, np.uint8)
    square = np.full((SIZE, SIZE, 3), grey, np.uint8)
    return Shot(slot * interval, time.monotonic(), picture, square, slot)


def read_lines(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


def test_live_answers_about_a_file_at_its_own_speed(model, capsys):
    video = write_grey(Path("bright.mp4"), BRIGHT, seconds=2.5)
    start = time.monotonic()
    code, out, err = run("live", str(video), "--headless", "--model", model, capsys=capsys)
    assert time.monotonic() - start > 2.4
    assert code == 0
    lines = read_lines(out)
    assert {line["answer"] for line in lines} == {"bright"}
    assert lines[0]["at"] >= 1  # a window is a second long
    assert lines[0]["latency_ms"] > 0
    assert lines[0]["probabilities"]["bright"] == pytest.approx(BRIGHT / 255, abs=0.02)
    assert "live: " in err
    assert f"{len(lines)} answers: {len(lines)} bright" in err


def test_live_answers_once_about_a_file_shorter_than_the_window(model, capsys):
    video = write_grey(Path("short.mp4"), DARK, seconds=0.5)
    code, out, _ = run("live", str(video), "--headless", "--model", model, capsys=capsys)
    assert code == 0
    (line,) = read_lines(out)
    assert line["answer"] == "dark"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("missing.mp4", "No such file"),
        ("ftp://example.org/a.mp4", r"ftp://example.org/a.mp4 starts with ftp://; expected the"),
        ("http://me:secret@127.0.0.1:9/a", "http://me:***@127.0.0.1:9/a cannot be opened"),
    ],
)
def test_live_says_why_a_source_cannot_be_opened(model, source, message, capsys):
    code, _, err = run("live", source, "--headless", "--model", model, capsys=capsys)
    assert code == 1
    assert message in err
    assert "secret" not in err.replace(source, "")


def test_live_names_a_camera_that_is_not_there(model, capsys):
    code, _, err = run("live", "97", "--headless", "--model", model, capsys=capsys)
    assert code == 1
    assert "There is no camera 97, or another program uses it." in err


def test_live_opens_a_lost_address_again(recognizer, monkeypatch):
    monkeypatch.setattr(har.timeline.live, "FIRST_PAUSE", 0.2)
    lost, at = [], []
    window = LiveWindow(recognizer, 1.0)
    with fake_camera(grey=BRIGHT, num_pictures=10, num_visits=2) as address:
        for moment in watch_live(
            window, recognizer, address, limits=LIMITS,
            on_loss=lambda reason, pause: lost.append((reason, pause)),
        ):  # fmt: skip
            at.append(moment.at)
            if lost and len(at) >= 15:
                break
    assert "/video was lost" in lost[0][0]
    assert lost[0][1] == 0.2
    assert at == sorted(at)
    assert at[-1] > 0.6  # ten pictures, the pause, and some more


def test_pauses_before_a_lost_address_is_opened_grow(recognizer, monkeypatch):
    pauses = []

    def note(reason: str, pause: float) -> None:
        pauses.append(pause)
        if len(pauses) == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr(har.timeline.live, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(har.timeline.live, "LONGEST_PAUSE", 0.03)
    window = LiveWindow(recognizer, 1.0)
    with fake_camera(grey=BRIGHT, num_pictures=3) as address, pytest.raises(KeyboardInterrupt):
        list(watch_live(window, recognizer, address, limits=LIMITS, on_loss=note))
    assert pauses == [0.01, 0.02, 0.03, 0.03]


def test_windows_take_turns_so_that_answers_come_often(recognizer):
    window = LiveWindow(recognizer, 1.0)  # six frames a second, as a clip has them
    assert window.interval == pytest.approx(1 / (NUM_FRAMES - 1) / 2)
    answers = [window.see(shot(slot, BRIGHT)) for slot in range(14)]
    first = next(number for number, answer in enumerate(answers) if answer)
    assert first == 2 * (NUM_FRAMES - 1)
    assert all(answers[first:])


def test_lost_pictures_do_not_make_time_pass_faster(recognizer):
    window = LiveWindow(recognizer, 1.0)
    greys = {0: DARK, 2: DARK, 4: DARK, 10: BRIGHT}  # of the first window 3 and 4 of 6 are lost
    answers = [window.see(shot(slot, grey)) for slot, grey in greys.items()]
    assert answers[:3] == [None] * 3
    expected = (5 * DARK + BRIGHT) / 6 / 255
    assert answers[3].probabilities[1] == pytest.approx(expected, abs=0.01)


def test_windows_start_anew_after_a_long_gap(recognizer):
    window = LiveWindow(recognizer, 1.0)
    for slot in range(12):
        window.see(shot(slot, DARK))
    assert window.see(shot(500, BRIGHT)) is None


def test_shots_of_a_file_are_due_at_their_times(tmp_path):
    path = write_numbered(tmp_path / "a.mp4", 13)  # 25 a second
    shots = list(live_shots(str(path), interval=0.1, size=SIZE, aspect="stretch"))
    assert len(shots) == 13
    assert [one.slot for one in shots if one.square is not None] == [0, 1, 2, 3, 4]
    taken = [one.at for one in shots if one.square is not None]
    assert taken == pytest.approx([0, 0.12, 0.2, 0.32, 0.4])
    assert shots[-1].arrived - shots[0].arrived == pytest.approx(0.48, abs=0.2)
    assert shots[0].picture.shape == (48, 64, 3)


def test_live_shows_records_and_ends_with_q(model, monkeypatch, capsys):
    shown = []

    class Screen:
        def __init__(self, title: str):
            shown.append(title)

        def show(self, picture: np.ndarray) -> bool:
            shown.append(picture.copy())
            return len(shown) < 12

        def close(self) -> None:
            shown.append("closed")

    monkeypatch.setattr(har.timeline.screen, "Screen", Screen)
    video = write_grey(Path("bright.mp4"), BRIGHT, seconds=4)
    code, out, err = run("live", str(video), "--model", model, "--record", "r.mp4", capsys=capsys)
    assert code == 0
    assert shown[0] == "har live bright.mp4"
    assert shown[-1] == "closed"
    assert not out
    assert "written to r.mp4" in err
    with av.open("r.mp4") as video:
        frames = [frame.to_ndarray(format="rgb24") for frame in video.decode(video=0)]
    assert len(frames) == 11
    assert frames[-1].shape == (48, 64, 3)


def test_live_keeps_what_was_recorded_when_the_system_ends_it(model, monkeypatch, capsys):
    class Screen:
        def __init__(self, title: str):
            self.num_shown = 0

        def show(self, picture: np.ndarray) -> bool:
            self.num_shown += 1
            if self.num_shown == 10:
                signal.raise_signal(signal.SIGTERM)
            return True

        def close(self) -> None:
            pass

    monkeypatch.setattr(har.timeline.screen, "Screen", Screen)
    video = write_grey(Path("bright.mp4"), BRIGHT, seconds=1)
    code, _, err = run("live", str(video), "--model", model, "--record", "r.mp4", capsys=capsys)
    assert code == 143, err
    with av.open("r.mp4") as recorded:
        assert recorded.streams.video[0].frames == 10


def test_live_without_a_screen_says_what_to_add(model, monkeypatch, capsys):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    code, _, err = run("live", "a.mp4", "--model", model, capsys=capsys)
    assert code == 1
    assert "Add --headless" in err


def test_recorder_keeps_the_times(tmp_path):
    recorder = Recorder(tmp_path / "r.mp4", (64, 48))
    times = [0.0, 0.04, 0.5, 0.5, 0.9]
    for number, seconds in enumerate(times):
        recorder.write(np.full((48, 64, 3), 40 * number, np.uint8), seconds)
    assert not (tmp_path / "r.mp4").exists()
    recorder.close()
    with av.open(str(tmp_path / "r.mp4")) as video:
        found = [float(frame.time) for frame in video.decode(video=0)]
    assert found == pytest.approx([0.0, 0.04, 0.5, 0.501, 0.9], abs=0.002)


def test_sources_are_told_apart():
    assert [is_endless(name) for name in ("0", "rtsp://a/b", "a.mp4", "C:/a.mp4")] == [
        True,
        True,
        False,
        False,
    ]
    assert hide_password("http://a:b@c/d") == "http://a:***@c/d"
    with pytest.raises(VideoError, match="expected the number of a camera"):
        list(live_shots("gopher://a", interval=1, size=8, aspect="stretch"))
