"""Looking at a folder of videos before any run: the verdict, the problems, the page."""

import html.parser
import json
import re
import shutil
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from places import REAL
from video_files import (
    corner_frames,
    write_at_times,
    write_damaged,
    write_numbered,
    write_sound,
)

import har.dataset.inspection
import har.dataset.splits
from har.commands.inspect import inspection_settings
from har.dataset.inspection import MAX_STRIP_BYTES, _within_budget, choose_strips
from har.dataset.inspection import inspect_videos as inspect_folder
from har.dataset.problems import Problem
from har.engine.errors import VideoError
from har.pages.inspection import count_kinds, describe_inspection, inspection_as_json, render_page
from har.settings import load_settings
from har.video.preview import NUM_STRIP_FRAMES, Preview, PreviewTask, preview_video
from har.video.writing import write_video
from stages import convert, extract, split

PATTERN = r"^(p\d+)"
ODD_NAME = "p3_<b>&\"größe\" 'a'"


def write_people(folder: Path, labels=("sit", "walk"), num_people: int = 4, **options) -> Path:
    """Write a video of each person for each label; no two have the same bytes."""
    num_frames = 30
    for label in labels:
        for person in range(num_people):
            num_frames += 1
            write_numbered(folder / label / f"p{person}_a.mp4", num_frames, **options)
    return folder


def inspect_videos(folder: Path, pattern: str | None = PATTERN, **options):
    settings = inspection_settings(load_settings(), pattern)
    return inspect_folder(folder, settings, report=Path("page.html"), **options)


def find_problem(inspection, pattern: str) -> Problem:
    """Return the one problem whose text matches."""
    found = [problem for problem in inspection.problems if re.search(pattern, problem.what)]
    assert len(found) == 1, inspection.problems
    return found[0]


@pytest.fixture(autouse=True)
def _quick_split(monkeypatch):
    """Improve splits less long, here and in the stages: the few people need little."""
    monkeypatch.setattr(har.dataset.splits, "NUM_PROPOSALS", 300)


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> Path:
    """A folder that can be trained on; only to be read."""
    return write_people(tmp_path_factory.mktemp("good") / "videos")


@pytest.fixture
def good_copy(good, project) -> Path:
    """The same, to be changed; within the current folder."""
    shutil.copytree(good, "videos")
    return Path("videos")


def pipeline_error(videos: Path) -> str:
    """Run the stages that judge videos; return the error that stops one, or an empty text."""
    try:
        convert.main(videos=videos, out=Path("converted"))
        extract.main(converted=Path("converted"), out=Path("clips"))
        split.main(
            report=Path("converted/report.csv"), clips=Path("clips/clips.csv"), out=Path("split")
        )
    except ValueError as error:
        return str(error)
    return ""


def test_inspect_videos_counts_labels_people_and_lengths(good, project):
    inspection = inspect_videos(good)
    assert inspection.can_train
    assert inspection.problems == ()
    assert inspection.grouped_by == "dataset.subject_pattern"
    labels = inspection.labels.set_index("label")
    assert labels.loc["sit", ["videos", "people", "failed", "duplicates"]].tolist() == [4, 4, 0, 0]
    seconds = labels.loc["sit", ["min_seconds", "median_seconds", "max_seconds"]].tolist()
    assert seconds == pytest.approx([31 / 25, 32.5 / 25, 34 / 25])
    assert labels[["train", "val", "test"]].sum(axis=1).tolist() == [4, 4]


@pytest.mark.parametrize("change", ["unknown people", "few people", "odd"])
def test_inspect_videos_judges_as_the_pipeline_does(good_copy, set_param, change, capsys):
    set_param("dataset.subject_pattern", None if change == "unknown people" else PATTERN)
    if change == "few people":
        shutil.rmtree(good_copy / "sit")
        for name in ("p0_a", "p0_b", "p1_a"):
            write_numbered(good_copy / "sit" / f"{name}.mp4", 40 + len(list(good_copy.glob("*/*"))))
    if change == "odd":
        (good_copy / "sit" / "p1_bad.mp4").write_bytes(b"no video" * 100)
        set_param("dataset.max_failed_fraction", 0.2)
        shutil.copy(good_copy / "sit" / "p2_a.mp4", good_copy / "sit" / "p2_again.mp4")
        write_numbered(good_copy / "sit" / "p1_short.mp4", 5)
    inspection = inspect_videos(good_copy, None)
    error = pipeline_error(good_copy)
    assert [problem.what for problem in inspection.problems if problem.blocks] == (
        [error] if error else []
    )
    assert inspection.can_train == (change != "few people")
    if not error:
        found = inspection.usable.set_index("video_id")["split"].to_dict()
        manifest = pd.read_csv("split/manifest.csv", dtype=str).set_index("video_id")
        assert found == manifest["split"].to_dict()


@pytest.mark.parametrize("change", ["two labels", "lost label", "one label", "many bad"])
def test_inspect_videos_refuses_what_the_pipeline_refuses(good_copy, set_param, change):
    set_param("dataset.subject_pattern", PATTERN)
    if change == "two labels":
        shutil.copy(good_copy / "sit/p1_a.mp4", good_copy / "walk/p1_b.mp4")
    if change == "lost label":
        (good_copy / "wave").mkdir()
        (good_copy / "wave" / "p1_a.mp4").touch()
        set_param("dataset.max_failed_fraction", 0.2)
    if change == "one label":
        shutil.rmtree(good_copy / "sit")
    if change == "many bad":
        (good_copy / "sit" / "p1_bad.mp4").write_bytes(b"no video" * 100)
        (good_copy / "sit" / "p2_bad.mp4").touch()
    assert not inspect_videos(good_copy).can_train
    assert pipeline_error(good_copy)


def test_inspect_videos_names_each_bad_file_with_its_reason(good_copy):
    (good_copy / "sit" / "p0_empty.mp4").touch()
    (good_copy / "sit" / "p0_noise.mov").write_bytes(b"x" * 1000)
    write_sound(good_copy / "sit" / "p0_sound.mp4")
    write_damaged(good_copy / "sit" / "p0_damaged.avi", keep=0.3)
    content = (good_copy / "sit" / "p1_a.mp4").read_bytes()
    (good_copy / "sit" / "p0_cut.mp4").write_bytes(content[: len(content) // 2])
    (good_copy / "stray.mp4").write_bytes(content + b"\0\0\0\x08free")
    (good_copy / "sit" / "notes.txt").write_text("x")
    inspection = inspect_videos(good_copy)
    problem = find_problem(inspection, r"^6 of 14 videos cannot be used, more than dataset\.max_f")
    assert problem.blocks
    said = "\n".join(problem.details)
    for name, reason in {
        "p0_empty.mp4": r"is empty \(0 bytes\)",
        "p0_noise.mov": "is not a video that can be read",
        "p0_sound.mp4": "has no video stream",
        "p0_damaged.avi": "is damaged: only",
        "p0_cut.mp4": "is cut off|is damaged",
        "stray.mp4": "not in a label folder: move it",
    }.items():
        assert re.search(rf"{re.escape(name)}:? ({reason})", said), said
    ignored = find_problem(inspection, r"^1 file ignored")
    assert not ignored.blocks
    assert ignored.details == ("videos/sit/notes.txt: not a video by its ending '.txt'",)
    assert len(inspection.usable) == 8
    assert inspection.labels.set_index("label").loc["sit", "failed"] == 5


def test_inspect_videos_names_what_dvc_refuses(good_copy):
    (good_copy / "sit" / "broken.mp4").symlink_to("nowhere")
    problem = find_problem(inspect_videos(good_copy), "^1 file at which `dvc add` and")
    assert problem.blocks
    assert problem.details[0].startswith("videos/sit/broken.mp4: a link that leads nowhere")


def test_inspect_videos_names_all_files_with_two_labels_and_copies(good_copy):
    for source, target in {
        "sit/p1_a.mp4": "walk/p1_b.mp4",
        "sit/p2_a.mp4": "walk/p2_b.mp4",
        "walk/p3_a.mp4": "walk/p3_b.mp4",
    }.items():
        shutil.copy(good_copy / source, good_copy / target)
    inspection = inspect_videos(good_copy)
    two_labels = find_problem(inspection, "^2 videos with two labels")
    assert two_labels.blocks
    assert two_labels.details == (
        "videos/sit/p1_a.mp4 = videos/walk/p1_b.mp4",
        "videos/sit/p2_a.mp4 = videos/walk/p2_b.mp4",
    )
    again = find_problem(inspection, "^1 video more than once")
    assert not again.blocks
    assert again.details == ("videos/walk/p3_a.mp4 = videos/walk/p3_b.mp4",)
    assert (inspection.videos["status"] == "duplicate").sum() == 3
    assert inspection.problems[0] is two_labels  # what stops the run comes first


def test_inspect_videos_notes_what_does_not_stop_the_run(good_copy):
    write_numbered(good_copy / "sit" / "p1_short.mp4", 8)
    (good_copy / "empty").mkdir()
    inspection = inspect_videos(good_copy, None)
    assert inspection.can_train
    short = find_problem(inspection, "^1 video shorter than a clip of 30 frames")
    assert short.details == ("videos/sit/p1_short.mp4: 8 frames",)
    assert "no such label: empty" in find_problem(inspection, "^1 folder without a video").what
    assert "name the subjects" in find_problem(inspection, "^Nobody says who").what
    assert inspection.grouped_by == "video"


def test_inspect_videos_notes_that_a_split_by_video_does_not_keep_people_apart(good, set_param):
    set_param("split.by", "video")
    inspection = inspect_videos(good)
    assert inspection.can_train
    assert inspection.grouped_by == "the same people, other videos"
    problem = find_problem(inspection, "^Videos are split one by one.*does not tell how")
    assert not problem.blocks
    assert "split by video" in describe_inspection(inspection, page="page.html")


def test_inspect_videos_uses_metadata_with_fixed_splits(good_copy):
    names = ("train", "train", "val", "test")
    rows = [
        f"{label}/p{person}_a.mp4,anna{person},{name}"
        for label in ("sit", "walk")
        for person, name in enumerate(names)
    ]
    (good_copy / "metadata.csv").write_text("\n".join(["path,subject,split", *rows]))
    inspection = inspect_videos(good_copy, None)
    assert inspection.can_train
    assert inspection.grouped_by == "metadata.csv"
    assert inspection.usable["split"].tolist() == [*names, *names]
    assert dict(count_kinds(inspection)["people"])["anna3"] == 2


def test_inspect_videos_refuses_a_person_in_two_splits(good_copy):
    rows = [f"{path.parent.name}/{path.name},ann" for path in good_copy.glob("*/*")]
    rows = [f"{row},{name}" for row, name in zip(rows, ["train", "val", "test"] * 3, strict=False)]
    (good_copy / "metadata.csv").write_text("\n".join(["path,subject,split", *rows]))
    problem = find_problem(inspect_videos(good_copy, None), "subjects are in more than one split")
    assert problem.blocks


def test_inspect_videos_refuses_a_pattern_that_does_not_match(good, project):
    problem = find_problem(inspect_videos(good, r"^(\d+)_"), "does not match the file name")
    assert problem.blocks


def test_inspect_videos_refuses_a_folder_without_labels(project):
    write_numbered(Path("videos/a.mp4"))
    with pytest.raises(ValueError, match="no videos in label folders"):
        inspect_videos(Path("videos"))


def hang_at_long_videos(task: PreviewTask) -> Preview:
    if "long" in task.path.name:
        time.sleep(1000)
    return preview_video(task)


def test_inspect_videos_stops_a_video_that_takes_too_long(good_copy, set_param, monkeypatch):
    set_param("convert.timeout_seconds", 2)
    write_numbered(good_copy / "sit" / "p1_long.avi", 40, codec="mpeg4")
    monkeypatch.setattr(har.dataset.inspection, "preview_video", hang_at_long_videos)
    inspection = inspect_videos(good_copy)
    row = inspection.videos.set_index("video_id").loc["sit/p1_long"]
    assert row["status"] == "failed"
    assert "raise convert.timeout_seconds" in row["reason"]


def test_count_kinds_tells_rotation_and_varying_frame_rates(good_copy):
    write_numbered(good_copy / "sit" / "p1_turned.mov", 31, rotation=90)
    times = [*range(0, 800, 40), *range(1000, 3000, 100)]
    write_at_times(good_copy / "sit" / "p2_phone.mp4", corner_frames(len(times)), times)
    kinds = count_kinds(inspect_videos(good_copy))
    assert kinds["sizes"] == [("64x48", 9), ("48x64", 1)]
    assert kinds["rotation"] == [("0°", 9), ("90°", 1)]
    assert kinds["frame rates"] == [("25", 9), ("varying", 1)]
    assert kinds["containers"] == [("mp4 or mov", 10)]


def test_preview_video_finds_inner_damage_only_when_it_decodes(tmp_path):
    path = write_numbered(tmp_path / "a.mp4", 60, codec="mpeg4", gop=1)
    content = bytearray(path.read_bytes())
    start = content.index(b"mdat") + 200  # the index stays whole
    content[start : content.index(b"moov") - 4] = b"\0" * (content.index(b"moov") - 4 - start)
    path.write_bytes(content)
    assert preview_video(PreviewTask(path, 0, decode=False)).info.num_frames == 60
    with pytest.raises(VideoError, match=r"damaged: only \d+ of its 60 frames"):
        preview_video(PreviewTask(path, 0, decode=True))


@pytest.mark.parametrize(("rotation", "shape"), [(0, (96, 4 * 128)), (90, (96, 4 * 72))])
def test_preview_video_draws_frames_upright_from_first_to_last(tmp_path, rotation, shape):
    path = write_numbered(tmp_path / "a.mov", 40, rotation=rotation)
    preview = preview_video(PreviewTask(path, 96, decode=False))
    strip = cv2.imdecode(np.frombuffer(preview.strip, np.uint8), cv2.IMREAD_COLOR)
    assert strip.shape[0] == shape[0]
    assert abs(strip.shape[1] - shape[1]) <= 10  # the gaps
    middles = [(2 * i + 1) * strip.shape[1] // (2 * NUM_STRIP_FRAMES) for i in range(4)]
    brightness = [int(strip[48, x].mean()) for x in middles]
    # Frames 5, 15, 25 and 35 of 40.
    assert brightness == pytest.approx([48, 103, 158, 213], abs=6)


@pytest.mark.parametrize("name", ["one.mp4", "moving.gif", "old.mpg", "wide.avi"])
def test_preview_video_draws_any_video(tmp_path, name):
    codecs = {".gif": "gif", ".mpg": "mpeg1video", ".avi": "mpeg4"}
    codec = codecs.get(Path(name).suffix, "libx264")
    frames = corner_frames(1 if name == "one.mp4" else 40, width=640 if name == "wide.avi" else 64)
    options = {"pixel_format": "rgb8"} if codec == "gif" else {}
    write_video(tmp_path / name, frames, fps=25, codec=codec, **options)
    assert preview_video(PreviewTask(tmp_path / name, 48, decode=False)).strip[:2] == b"\xff\xd8"


@pytest.mark.parametrize("num_labels", [1, 6, 101, 400])
def test_choose_strips_shows_each_label_and_few_in_all(num_labels):
    labels = pd.Series([f"label{number % num_labels}" for number in range(1000)])
    chosen = choose_strips(labels)
    assert set(labels[list(chosen)]) == set(labels)
    assert len(chosen) <= max(180, num_labels)


def test_strips_are_left_out_where_they_would_make_the_page_too_large():
    labels = pd.Series(["a"] * 5 + ["b"] * 5)
    previews = {row: Preview(None, b"x" * (MAX_STRIP_BYTES // 4)) for row in range(10)}
    kept = [row for row, preview in _within_budget(previews, labels).items() if preview.strip]
    assert kept == [0, 1, 5, 6]


class TagReader(html.parser.HTMLParser):
    """Keeps the tags with their attributes, and the text."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data


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
    lines = describe_inspection(inspect_videos(good), page="page.html").splitlines()
    assert lines[0].startswith(f"{good}: 8 usable videos of 8 files, 2 labels, 4 people (by their")
    header, sit, walk = lines[2:5]
    assert header.split()[:6] == ["label", "videos", "people", "train", "val", "test"]
    assert len(header) == len(sit) == len(walk)
    assert lines[-2:] == ["These videos can be trained on.", "Look at them in page.html"]


def test_describe_inspection_shortens_long_lists(good, project):
    inspection = inspect_videos(good)
    many = Problem(True, "Bad.", tuple(f"file {number}" for number in range(8)))
    text = describe_inspection(replace(inspection, problems=(many,)), page="page.html")
    assert "error: Bad.\n  file 0\n" in text
    assert "  file 4\n  and 3 more, in page.html\n" in text
    assert "cannot be trained on" in text


def test_inspection_as_json_lists_every_file(good_copy):
    (good_copy / "sit" / "p1_bad.mp4").touch()
    content = json.loads(inspection_as_json(inspect_videos(good_copy), page="page.html"))
    assert content["can_train"] is False
    assert content["kinds"]["sizes"] == {"64x48": 8}
    assert [label["label"] for label in content["labels"]] == ["sit", "walk"]
    files = {Path(video["path"]).name: video for video in content["videos"]}
    assert len(content["videos"]) == 9
    assert files["p1_bad.mp4"]["status"] == "failed"
    assert files["p1_bad.mp4"]["num_frames"] is None
    sit = next(video for video in content["videos"] if video["path"].endswith("sit/p0_a.mp4"))
    assert (sit["num_frames"], sit["subject"], sit["codec"]) == (31, "p0", "h264")


@pytest.mark.skipif(not REAL.is_dir(), reason="the real clips are not in this clone")
@pytest.mark.parametrize(
    ("name", "pattern", "num_people", "can_train"),
    [("weizmann", "^([a-z]+)_", 6, True), ("gmdcsa24", r"^(S\d)_", 2, False)],
)
def test_inspect_videos_reads_real_clips(project, name, pattern, num_people, can_train):
    inspection = inspect_videos(REAL / name, pattern)
    assert (inspection.videos["status"] == "ok").all()
    assert inspection.usable["subject"].nunique() == num_people
    assert inspection.can_train == can_train
