"""What an inspection shows: the page, the table and JSON."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from inspected import ODD_NAME, inspect_videos
from page_tags import TagReader
from video_files import corner_frames, write_at_times, write_numbered

import har.dataset.splits
import har.inspection.inspection
from har.inspection.inspection import MAX_STRIP_BYTES, choose_strips, keep_small
from har.inspection.problems import Problem
from har.pages.inspection import count_kinds, describe_inspection, inspection_as_json, render_page
from har.settings import DEMO


@pytest.fixture(autouse=True)
def _quick_split(monkeypatch):
    """Improve splits less long, here and in the stages: the few people need little."""
    monkeypatch.setattr(har.dataset.splits, "NUM_PROPOSALS", 300)


def test_count_kinds_tells_rotation_and_varying_frame_rates(good_copy):
    write_numbered(good_copy / "sit" / "p1_turned.mov", 31, rotation=90)
    times = [*range(0, 800, 40), *range(1000, 3000, 100)]
    write_at_times(good_copy / "sit" / "p2_phone.mp4", corner_frames(len(times)), times)
    kinds = count_kinds(inspect_videos(good_copy))
    assert kinds["sizes"] == [("64x48", 9), ("48x64", 1)]
    assert kinds["rotation"] == [("0°", 9), ("90°", 1)]
    assert kinds["frame rates"] == [("25", 9), ("varying", 1)]
    assert kinds["containers"] == [("mp4 or mov", 10)]


@pytest.mark.parametrize("num_labels", [1, 6, 101, 400])
def test_choose_strips_shows_each_label_and_few_in_all(num_labels):
    labels = pd.Series([f"label{number % num_labels}" for number in range(1000)])
    chosen = choose_strips(labels)
    assert set(labels[list(chosen)]) == set(labels)
    assert len(chosen) <= max(180, num_labels)


def test_strips_are_left_out_where_they_would_make_the_page_too_large():
    labels = pd.Series(["a"] * 5 + ["b"] * 5)
    strips = dict.fromkeys(range(10), b"x" * (MAX_STRIP_BYTES // 4))
    assert list(keep_small(strips, labels)) == [0, 1, 5, 6]


def test_render_page_escapes_names_and_needs_nothing_else(good_copy):
    odd = good_copy / "sit" / f"{ODD_NAME}.mp4"
    write_numbered(odd, 50)
    (good_copy / "<script>alert(1)").mkdir()
    (good_copy / "sit" / "p1_bad.mp4").touch()
    inspection = inspect_videos(good_copy)
    page = render_page(inspection)
    reader = TagReader(page)
    names = {tag for tag, _ in reader.tags}
    assert not names & {"script", "b<", "link", "iframe"}
    assert ODD_NAME in reader.text
    assert "<script>alert(1)" in reader.text
    assert "is empty (0 bytes)" in reader.text
    addresses = [
        value for _, tag in reader.tags for key, value in tag.items() if key in ("src", "href")
    ]
    assert len(addresses) == 9
    assert all(address.startswith("data:image/jpeg;base64,") for address in addresses)
    assert "url(" not in page
    assert "//" not in re.sub(r"data:image/jpeg;base64,[^\"]*", "", page)


def test_render_page_is_made_without_any_usable_video(project):
    (Path("videos") / "sit").mkdir(parents=True)
    Path("videos/sit/p1.mp4").touch()
    inspection = inspect_videos(Path("videos"))
    assert not inspection.can_train
    assert "cannot be trained on" in TagReader(render_page(inspection)).text
    assert "No video of the label 'sit' could be used" in describe_inspection(
        inspection, page="page.html"
    )
    json.loads(inspection_as_json(inspection, page="page.html"))


def test_describe_inspection_has_aligned_columns(good, project):
    inspection = inspect_videos(good)
    lines = describe_inspection(inspection, page="page.html").splitlines()
    assert lines[0].startswith(f"{good}: 8 usable videos of 8 files, 2 labels, 4 people (by their")
    header, sit, walk = lines[2:5]
    assert header.split()[:6] == ["label", "videos", "people", "train", "val", "test"]
    assert len(header) == len(sit) == len(walk)
    assert lines[-3:-1] == ["These videos can be trained on.", "Look at them in page.html"]
    elsewhere = f"Next: set dataset.videos to {good} in params.yaml; then make repro."
    assert lines[-1] == elsewhere  # the fixture's folder is not in the project
    drawn = replace(inspection, folder=DEMO)
    assert "dvc add" not in describe_inspection(drawn, page="page.html")


def test_describe_inspection_shortens_long_lists(good, project):
    inspection = inspect_videos(good)
    many = Problem(True, "Bad.", tuple(f"file {number}" for number in range(8)))
    text = describe_inspection(replace(inspection, problems=(many,)), page="page.html")
    assert "error: Bad.\n  file 0\n" in text
    assert "  file 4\n  and 3 more, in page.html\n" in text
    assert "cannot be trained on" in text


def test_inspection_as_json_lists_every_file(good_copy):
    (good_copy / "sit" / "p1_bad.mp4").touch()
    (good_copy / "jump").mkdir()
    (good_copy / "jump" / "p1_a.mp4").write_bytes(b"x")  # a label without a usable video
    inspection = inspect_videos(good_copy)
    content = json.loads(inspection_as_json(inspection, page="page.html"))
    assert content["can_train"] is False
    assert content["kinds"]["sizes"] == {"64x48": 8}
    assert [label["label"] for label in content["labels"]] == ["jump", "sit", "walk"]
    assert content["labels"][0]["min_seconds"] is None
    assert re.search(r"^jump +0 .* - +-$", describe_inspection(inspection, page="a"), re.MULTILINE)
    files = {Path(video["path"]).name: video for video in content["videos"]}
    assert len(content["videos"]) == 10
    assert files["p1_bad.mp4"]["status"] == "failed"
    assert files["p1_bad.mp4"]["num_frames"] is None
    sit = next(video for video in content["videos"] if video["path"].endswith("sit/p0_a.mp4"))
    assert (sit["num_frames"], sit["subject"], sit["codec"]) == (31, "p0", "h264")
    # Plain grey frames have no corner to go by, and here nobody has looked for a person.
    assert (sit["camera"], sit["camera_motion"], sit["person"]) == ("cannot be told", None, "")
    assert files["p1_bad.mp4"]["camera"] == ""
