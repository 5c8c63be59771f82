"""A disk that fills up while a verb writes: one line with file, space and fix, and no remains."""

import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from brightness import brightness_recognizer
from command_line import run
from fake_camera import fake_camera
from small_data_sets import barcode_frames, put, write_barcodes, write_text
from small_disk import fill, small_disk

from har.app.answering import show_problem
from har.app.recording import keep_clip
from har.app.uploads import Accepted, used_once
from har.dataset.adding import add_video
from har.engine.errors import VideoError
from har.engine.steps import Limits
from har.video.writing import write_video

LINE = r"error: the disk is full: `python -m har {verb}` cannot write {file}: (at least )?.*free\. "


@pytest.fixture
def disk(project):
    """A disk of 64 kB with room for 500 files, below the current folder."""
    with small_disk(project / "disk", kilobytes=64, files=500) as folder:
        yield folder


def check_said(err: str, verb: str, file: str) -> None:
    (line,) = [line for line in err.splitlines() if line.startswith("error")]
    assert re.match(LINE.format(verb=verb, file=re.escape(file)), line), line
    assert "delete .har/cache first" in line
    assert "Traceback" not in err


def below(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def test_live_leaves_no_half_recording(project, disk, capsys):
    brightness_recognizer().save(Path("models/tiny"))
    noise = np.random.default_rng(0).integers(0, 256, (20, 96, 128, 3), np.uint8)
    write_video("noise.mp4", noise, fps=40)
    options = ["--model", "models/tiny", "--headless", "--record", "disk/r.mp4"]
    code, _, err = run("live", "noise.mp4", *options, capsys=capsys)
    assert code == 1
    check_said(err, "live", "disk/r.mp4")
    assert below(disk) == set()


def test_record_leaves_no_half_clip(project, disk, capsys):
    fill(disk, leaving=0)
    with fake_camera(grey=90, num_pictures=100) as address:
        options = ["--label", "waving", "--subject", "anna", "--camera", address, "--headless"]
        options += ["--seconds", "0.5", "--countdown", "0", "--videos", "disk/videos"]
        code, _, err = run("record", *options, capsys=capsys)
    assert code == 1
    check_said(err, "record", "disk/videos/.recording.mp4")
    assert below(disk) == {"filler", "videos"}


def test_add_video_leaves_no_video_without_its_row(disk):
    (disk / ".recording.mp4").write_bytes(b"clip")
    fill(disk, leaving=0)
    with pytest.raises(OSError, match=r"metadata\.csv"):
        add_video(disk / ".recording.mp4", disk, "waving", "anna")
    assert below(disk) == {"filler", ".recording.mp4", "waving"}


def test_export_leaves_no_half_folder(project, disk, capsys, monkeypatch):
    monkeypatch.setattr("har.exports.clips.NUM_DRAWN", 1)
    brightness_recognizer().save(Path("models/tiny"))
    code, _, err = run("export", "--model", "models/tiny", "--out", "disk/out", capsys=capsys)
    assert code == 1
    check_said(err, "export", "disk/out")
    assert below(disk) == set()


@pytest.fixture
def kth(project) -> Path:
    """KTH in miniature: a video of which a part is to be cut."""
    numbered = write_barcodes(project / "numbered.avi")
    put(numbered, "boxing/person11_boxing_d4_uncomp.avi", below=project / "kth")
    text = "Training: person11\nValidation: person19\nTest: person22\n"
    write_text(project / "kth", "00sequences.txt", f"{text}person11_boxing_d4 frames 1-10\n")
    return project / "kth"


def test_import_leaves_no_half_cut_and_goes_on(kth, disk, capsys):
    fill(disk, leaving=8)
    code, _, err = run("import", "kth", str(kth), "disk/out", capsys=capsys)
    assert code == 1
    check_said(err, "import", "disk/out/boxing/person11_boxing_d4_seg1.mp4")
    assert not [name for name in below(disk) if name.endswith((".mp4", ".import"))]
    (disk / "filler").unlink()
    assert run("import", "kth", str(kth), "disk/out", capsys=capsys)[0] == 0
    assert (disk / "out" / "boxing" / "person11_boxing_d4_seg1.mp4").is_file()


@pytest.mark.parametrize("packed", [False, True])
def test_import_leaves_no_half_copy(project, disk, capsys, packed):
    folder = project / "weizmann" / ("walk" if packed else ".")
    folder.mkdir(parents=True)
    write_video(folder / "daria_walk.avi", barcode_frames(4), fps=25, codec="mpeg4")
    if packed:
        shutil.make_archive(str(folder), "zip", folder)
        shutil.rmtree(folder)
    fill(disk, leaving=8)
    code, _, err = run("import", "weizmann", "weizmann", "disk/out", capsys=capsys)
    assert code == 1
    check_said(err, "import", f"disk/out/{'.import' if packed else 'walk'}/daria_walk.avi")
    assert not [name for name in below(disk) if name.endswith((".avi", ".import"))]


def test_the_page_says_it_too(project, disk):
    upload = project / "upload" / "clip.mp4"
    write_video(upload, barcode_frames(20), fps=20)
    fill(disk, leaving=0)
    limits = Limits(workers=1, timeout_seconds=60, memory_gigabytes=2, max_gigabytes=1)
    how = {"accepted": Accepted(), "limits": limits}
    with pytest.raises(VideoError) as caught, used_once(upload):
        keep_clip(upload, disk / "videos", "waving", "anna", **how)
    said = show_problem(caught.value)
    size = f"{os.path.getsize(upload) / 1e3:.1f}" if upload.exists() else r"[\d.]+"
    assert re.search(rf"the disk is full: the page cannot write .*clip\.mp4: at least {size}", said)
    assert below(disk) == {"filler", "videos"}
