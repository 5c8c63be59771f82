"""The quick look at a video: damage, and a few upright frames."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from video_files import corner_frames, write_numbered

import har.video.preview
from har.engine.errors import VideoError
from har.video.preview import FRAME_SIDE, NUM_STRIP_FRAMES, PreviewTask, preview_video
from har.video.writing import write_video


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


@pytest.mark.parametrize(("rotation", "shape"), [(0, (168, 224, 3)), (90, (224, 168, 3))])
def test_preview_video_keeps_the_frames_of_the_strip_upright(tmp_path, rotation, shape):
    path = write_numbered(tmp_path / "a.mov", 40, rotation=rotation)
    frames = preview_video(PreviewTask(path, 96, decode=False)).frames
    assert [frame.shape for frame in frames] == [shape] * NUM_STRIP_FRAMES
    assert [int(frame.mean()) for frame in frames] == pytest.approx([48, 103, 158, 213], abs=6)


def test_preview_video_takes_a_second_from_the_middle_as_far_apart_as_the_clip(tmp_path):
    path = write_numbered(tmp_path / "a.mp4", 101, codec="mpeg4", gop=1)
    run = preview_video(PreviewTask(path, 96, decode=False, num_frames=26)).run
    assert run.shape == (7, FRAME_SIDE, FRAME_SIDE, 3)
    # 101 frames of 26: every fourth. 25 a second: 26 in the middle, from 37 on.
    expected = [20 + 215 * frame / 100 for frame in range(37, 63, 4)]
    assert run.mean(axis=(1, 2, 3)) == pytest.approx(expected, abs=4)


def test_preview_video_bounds_the_run_and_leaves_it_out_without_a_strip(tmp_path, monkeypatch):
    path = write_numbered(tmp_path / "a.mp4", 40)
    assert preview_video(PreviewTask(path, 0, decode=False)).run is None
    monkeypatch.setattr(har.video.preview, "RUN_PIXELS", 64 * 48 * 5)
    assert len(preview_video(PreviewTask(path, 96, decode=False)).run) == 5
    one = write_numbered(tmp_path / "one.mp4", 1)
    assert len(preview_video(PreviewTask(one, 96, decode=False)).run) == 1
