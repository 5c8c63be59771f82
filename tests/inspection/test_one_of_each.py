"""A folder with one of each thing that people get wrong: `inspect` lists each with its fix."""

import json
import shutil
from pathlib import Path

import pytest
from command_line import run
from field_coded import field_pictures, write_fields
from inspected import write_people
from video_files import (
    numbered_frames,
    set_edits,
    set_matrix,
    write_at_times,
    write_beyond,
    write_numbered,
    write_sound,
    write_two,
)


@pytest.fixture
def odd(project) -> Path:
    """A folder of videos with one of each."""
    folder = write_people(project / "videos", labels=("sit", "Walk", "walk"))
    write_numbered(folder / "sit" / "p9_\x1b[2J.mp4", 70)
    write_numbered(folder / "=1+1" / "p1.mp4", 71)
    write_numbered(folder / "train" / "p1.mp4", 72)
    shutil.copy(folder / "sit" / "p0_a.mp4", folder / "walk" / "p0_b.mp4")
    (folder / "sit" / "p0_empty.mp4").touch()
    (folder / "sit" / "notes.txt").write_text("x")
    (folder / "sit" / "Thumbs.db").touch()
    (folder / "wave").mkdir()
    (folder / "wave" / "p1.mp5").write_bytes(b"\0" * 50)
    (folder / "metadata.xlsx").touch()
    rows = "path;who;person\r\nsit\\p0_a.mp4;x;Anna\r\nsit/nowhere.mp4;;ben\r\n"
    (folder / "metadata.csv").write_bytes(rows.encode("utf-16"))
    return folder


@pytest.mark.usefixtures("nobody_is_looked_for")
def test_inspect_lists_one_of_each_with_its_fix(odd, capsys):
    code, out, err = run("inspect", "videos", capsys=capsys)
    assert code == 1
    assert "Traceback" not in err
    for what in (
        "names 1 videos that are not there, as 'sit/nowhere.mp4' in line 3",
        "Correct the paths or drop the rows.",
        "has columns that are not used: who. Known are path, subject, split, fold",
        "Each folder is a label, and in 1 there is no video: videos/wave (1 .mp5). Put videos in",
        "1 video with two labels: byte for byte the same file",
        "Remove the wrong one.",
        "videos cannot be used",
        "p0_empty.mp4 is empty (0 bytes)",
        "p9_\\u001b[2J.mp4: a name with control characters: rename it",
        "These labels have nearly the same name: 'Walk' and 'walk'. Give one the name of the other",
        "4 pairs of files whose names differ in case alone",
        "1 table not read.",
        "which is videos/metadata.csv: save it as that",
        "A label is named 'train'. If that is a split, give the others too",
        "metadata.csv names the subject of 1 of",
        "cannot be trained on.",
    ):
        assert what in out, out
    assert "\x1b" not in out + err
    assert "Thumbs.db" not in out


@pytest.mark.usefixtures("nobody_is_looked_for")
def test_inspect_as_json_stays_json_whatever_the_names(odd, capsys):
    code, out, _ = run("inspect", "videos", "--json", capsys=capsys)
    assert code == 1
    content = json.loads(out)
    assert {"=1+1", "sit", "Walk", "walk", "train"} <= {row["label"] for row in content["labels"]}


@pytest.fixture
def odd_videos(project) -> Path:
    """A folder of good videos and of one of each that phones, cameras and editors make."""
    folder = write_people(project / "videos", num_people=8)
    sit = folder / "sit"
    set_edits(write_numbered(sit / "p0_cut.mp4", 90), [(1.0, 1.5)])
    write_beyond(sit / "p1_hdr.mov", "HDR (HLG)")
    write_beyond(sit / "p1_wide.mov", "wide gamut (Display P3)")
    set_matrix(write_numbered(sit / "p2_mirrored.mp4", 91), (-1, 0, 0, 1))
    set_matrix(write_numbered(sit / "p2_turned.mp4", 92), (0.8, 0.6, -0.6, 0.8))
    write_two(sit / "p3_two.mp4", default=1, num_frames=(1, 40))
    write_fields(sit / "p4_fields.mts", enumerate(field_pictures(40)))
    times = [40 * place + 300 * (place > 20) for place in range(40)]
    write_at_times(sit / "p5_varying.mp4", numbered_frames(40), times)
    shutil.copy(write_numbered(sit / "p6.mp4", 93), sit / "p6_ending.3g2")
    (sit / "p6.mp4").unlink()
    cut_off = write_numbered(sit / "p7_cut_off.mp4", 94)
    cut_off.write_bytes(cut_off.read_bytes()[:4000])
    write_sound(sit / "p7_sound.mp4")
    return folder


def test_inspect_lists_one_of_each_odd_video_with_its_fix(odd_videos, capsys):
    code, out, err = run("inspect", "videos", "--subject-pattern", r"^(p\d)", capsys=capsys)
    assert code == 0, out
    assert "Traceback" not in err
    for what in (
        "25 usable videos of 27 files, 2 labels, 8 people",
        "2 videos cannot be used and will be left out.",
        "p7_cut_off.mp4 is cut off: an MP4 or MOV file whose index is missing.",
        "copy it again from where it came from, or remove it.",
        "p7_sound.mp4 has no video stream, only audio; expected a video. Remove it.",
        "2 videos in HDR or a wide gamut. The pipeline converts them to the colours of ordinary",
        "p1_hdr.mov: HDR (HLG)",
        "p1_wide.mov: wide gamut (Display P3)",
        "1 file of several videos: the one is taken that players show.",
        "p3_two.mp4: 64x48 is taken, not 32x24",
        "1 video turned by an angle other than 0, 90, 180 or 270 degrees",
        "p2_turned.mp4: 36.9 degrees, taken as 0",
        "can be trained on.",
    ):
        assert what in out, out
    notes = out[out.index("note: What a score") : out.index("note: Nobody was found")]
    for name in ("p0_cut", "p2_mirrored", "p4_fields", "p5_varying", "p6_ending"):
        assert name not in notes  # nothing needs to be done
