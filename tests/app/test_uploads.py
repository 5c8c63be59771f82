"""What browsers send: refused if too much or no video, named as its sender does, removed."""

from pathlib import Path

import pytest
from video_files import write_damaged, write_numbered, write_sound

from har.app.uploads import Accepted, check_upload, used_once
from har.engine.errors import VideoError
from har.engine.steps import Limits

LIMITS = Limits(workers=1, timeout_seconds=60, memory_gigabytes=2, max_gigabytes=1)


@pytest.fixture
def upload(tmp_path) -> Path:
    """A video of 0.8 s, where Gradio puts what was sent."""
    return write_numbered(tmp_path / "a1b2" / "walk.mp4", 20)


def test_check_upload_takes_a_video(upload):
    info = check_upload(upload, Accepted(), LIMITS)
    assert info.duration_seconds == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("accepted", "message"),
    [
        (Accepted(seconds=0.5), r"walk\.mp4 is 1 s long; .* up to 0\.5 s\. .*--max-seconds"),
        (Accepted(megabytes=0), r"walk\.mp4 has 0 MB; .* up to 0 MB\. .*--max-megabytes"),
    ],
)
def test_check_upload_refuses_what_is_too_much(upload, accepted, message):
    with pytest.raises(VideoError, match=message):
        check_upload(upload, accepted, LIMITS)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda path: path.write_bytes(b""), "is empty"),
        (lambda path: path.write_text("#!/bin/sh\nrm -r /"), "is not a video"),
        (lambda path: path.write_text("#EXTM3U\nhttp://elsewhere/a.ts\n"), "is not a video|no vid"),
        (write_sound, "no video stream"),
        (lambda path: path.write_bytes(b"\0\0\0\x20ftypisom" + bytes(99)), "is cut off"),
    ],
)
def test_check_upload_refuses_what_is_no_video(tmp_path, write, message):
    path = tmp_path / "sent.mp4"
    write(path)
    with pytest.raises(VideoError, match=message):
        check_upload(path, Accepted(), LIMITS)


def test_used_once_removes_the_file_and_its_folder(upload):
    with used_once(upload):
        assert upload.is_file()
    assert not upload.parent.exists()


def test_used_once_removes_a_bad_file_and_names_it_as_its_sender_does(upload):
    damaged = write_damaged(upload.parent / "broken.avi", keep=0.1)
    with pytest.raises(VideoError) as refused, used_once(damaged):
        raise VideoError(f"{damaged} is damaged.")
    assert str(refused.value) == "broken.avi is damaged."
    assert not damaged.exists()
    assert upload.is_file()


def test_used_once_removes_the_file_where_the_program_fails(upload):
    with pytest.raises(ZeroDivisionError), used_once(upload):
        _ = 1 / 0
    assert not upload.exists()
