"""Tests of reading videos: what they hold, and which frames are taken."""

import errno
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from places import REAL
from video_files import (
    CORNERS,
    brightness_of,
    corner_colours,
    corner_frames,
    numbered_frames,
    write_at_times,
    write_damaged,
    write_numbered,
    write_sound,
)

from har.engine.errors import VideoError
from har.video.converting import convert_video
from har.video.extracting import extract_clip, extract_step, spaced_indices, stretched_aspect
from har.video.reading import blame_video, probe_video, read_packets
from har.video.writing import open_output, set_up_stream, write_video

FORMATS = [
    ("a.mp4", "libx264", "yuv420p"),
    ("a.mov", "libx265", "yuv420p"),
    ("ten_bit.mov", "libx265", "yuv420p10le"),
    ("full_range.mp4", "libx264", "yuvj420p"),
    ("a.avi", "mpeg4", "yuv420p"),
    ("motion_jpeg.avi", "mjpeg", "yuvj420p"),
    ("a.mkv", "ffv1", "yuv444p"),
    ("a.webm", "libvpx-vp9", "yuv420p"),
    ("old.webm", "libvpx", "yuv420p"),
    ("a.mpg", "mpeg2video", "yuv420p"),
    ("a.wmv", "wmv2", "yuv420p"),
]


@pytest.mark.parametrize(("name", "codec", "pixel_format"), FORMATS)
def test_extract_clip_keeps_count_and_colours_of_any_format(tmp_path, name, codec, pixel_format):
    path = tmp_path / name
    write_video(path, corner_frames(20), fps=25, codec=codec, pixel_format=pixel_format, crf=8)
    info = probe_video(path)
    assert (info.num_frames, info.fps, info.width, info.height) == (20, 25, 64, 48)
    assert info.constant_frame_rate
    clip, num_repeated = extract_clip(path, num_frames=5, size=64)
    assert clip.shape == (5, 64, 64, 3)
    assert clip.dtype == np.uint8
    assert num_repeated == 0
    np.testing.assert_allclose(corner_colours(clip[-1]), CORNERS, atol=8)


def test_extract_clip_reads_gif(tmp_path):
    path = tmp_path / "a.gif"
    write_video(path, numbered_frames(10), fps=10, codec="gif", pixel_format="rgb8")
    assert probe_video(path).num_frames == 10
    clip, _ = extract_clip(path, num_frames=2, size=32)
    assert clip[0].mean() < 60 < 200 < clip[1].mean()


@pytest.mark.parametrize("ending", [".mov", ".mp4", ".mkv"])
@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_extract_clip_is_upright_when_file_says_rotation(tmp_path, rotation, ending):
    path = tmp_path / f"a{ending}"
    lying = [np.rot90(picture, rotation // 90) for picture in corner_frames(4)]
    write_video(path, lying, fps=25, rotation=rotation, crf=8)
    info = probe_video(path)
    assert (info.rotation, info.width, info.height) == (rotation, 64, 48)
    clip, _ = extract_clip(path, num_frames=2, size=64)
    np.testing.assert_allclose(corner_colours(clip[0]), CORNERS, atol=8)


@pytest.mark.parametrize("num_source_frames", [30, 31, 97])
def test_extract_clip_takes_first_last_and_evenly_between(tmp_path, num_source_frames):
    path = write_numbered(tmp_path / "a.mp4", num_source_frames)
    clip, num_repeated = extract_clip(path, num_frames=7, size=16)
    wanted = [int(i * (num_source_frames - 1) / 6 + 0.5) for i in range(7)]
    expected = [brightness_of(index, num_source_frames) for index in wanted]
    np.testing.assert_allclose(clip.mean(axis=(1, 2, 3)), expected, atol=2)
    assert num_repeated == 0


def test_extract_clip_repeats_last_frame_when_too_short(tmp_path):
    clip, num_repeated = extract_clip(write_numbered(tmp_path / "a.mp4", 3), num_frames=5, size=16)
    assert num_repeated == 2
    np.testing.assert_array_equal(clip[2], clip[3])
    np.testing.assert_array_equal(clip[2], clip[4])
    assert clip[0].mean() < clip[1].mean() < clip[2].mean()


def test_extract_clip_repeats_the_only_frame(tmp_path):
    clip, num_repeated = extract_clip(write_numbered(tmp_path / "a.mp4", 1), num_frames=4, size=16)
    assert num_repeated == 3
    assert (clip == clip[0]).all()


def test_extract_clip_goes_by_time_when_frame_rate_varies(tmp_path):
    times = [0, 10, 20, 30, 40, 50, 60, 70, 80, 1000]
    path = write_at_times(tmp_path / "a.mp4", numbered_frames(10), times)
    assert not probe_video(path).constant_frame_rate
    clip, _ = extract_clip(path, num_frames=3, size=16)
    # 500 ms is nearer to 80 ms (frame 8) than to 1000 ms (frame 9)
    expected = [brightness_of(index, 10) for index in (0, 8, 9)]
    np.testing.assert_allclose(clip.mean(axis=(1, 2, 3)), expected, atol=2)


@pytest.mark.parametrize("size", [(63, 47), (33, 65)])
def test_extract_clip_reads_odd_sizes(tmp_path, size):
    path = tmp_path / "a.mkv"
    frames = corner_frames(4, width=size[0], height=size[1])
    write_video(path, frames, fps=25, codec="ffv1", pixel_format="yuv444p")
    clip, _ = extract_clip(path, num_frames=2, size=64)
    np.testing.assert_allclose(corner_colours(clip[0]), CORNERS, atol=8)


def test_extract_clip_pads_with_black_and_keeps_shape(tmp_path):
    path = tmp_path / "a.mp4"
    write_video(path, corner_frames(2, width=64, height=32), fps=25, crf=8)
    clip, _ = extract_clip(path, num_frames=1, size=64, aspect="pad")
    assert clip[0, :15].max() <= 2
    assert clip[0, -15:].max() <= 2
    np.testing.assert_allclose(corner_colours(clip[0, 16:48]), CORNERS, atol=8)


def test_extract_clip_crops_the_middle(tmp_path):
    picture = np.full((32, 64, 3), 200, np.uint8)
    picture[:, :16] = picture[:, -16:] = 0
    write_video(tmp_path / "a.mp4", [picture] * 2, fps=25, crf=1)
    clip, _ = extract_clip(tmp_path / "a.mp4", num_frames=1, size=32, aspect="crop")
    assert clip[0, :, 2:-2].min() > 180


@pytest.mark.parametrize(("rotation", "expected"), [(0, 64 / 48), (90, 48 / 64)])
def test_stretched_aspect_is_that_of_the_upright_picture(tmp_path, rotation, expected):
    write_video(tmp_path / "a.mp4", corner_frames(2), fps=25, rotation=rotation)
    assert stretched_aspect(tmp_path / "a.mp4", "stretch") == pytest.approx(expected)


@pytest.mark.parametrize("aspect", ["pad", "crop"])
def test_stretched_aspect_is_1_where_nothing_is_stretched(tmp_path, aspect):
    write_video(tmp_path / "a.mp4", corner_frames(2), fps=25)
    assert stretched_aspect(tmp_path / "a.mp4", aspect) == 1


def test_stretched_aspect_counts_the_shape_of_a_pixel(tmp_path):
    with open_output(tmp_path / "a.mp4") as output:
        stream = output.add_stream("libx264", rate=25)
        set_up_stream(stream, 64, 48, pixel_format="yuv420p", threads=1)
        stream.codec_context.sample_aspect_ratio = Fraction(3, 2)  # as in old camcorders: wider
        for picture in corner_frames(2):
            output.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        output.mux(stream.encode(None))
    assert stretched_aspect(tmp_path / "a.mp4", "stretch") == pytest.approx(1.5 * 64 / 48)


def test_extract_clip_averages_when_shrinking(tmp_path):
    stripes = np.zeros((256, 256, 3), np.uint8)
    stripes[:, ::2] = 255
    write_video(tmp_path / "a.mkv", [stripes], fps=25, codec="ffv1", pixel_format="yuv444p")
    clip, _ = extract_clip(tmp_path / "a.mkv", num_frames=1, size=32)
    np.testing.assert_allclose(clip, 127, atol=3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_frames": 0}, r"extract\.num_frames is 0"),
        ({"size": 0}, r"extract\.size is 0"),
        ({"aspect": "fill"}, r"extract\.aspect is 'fill'; expected one of stretch, pad, crop"),
    ],
)
def test_extract_clip_refuses_wrong_arguments(tmp_path, arguments, message):
    path = write_numbered(tmp_path / "a.mp4", 2)
    with pytest.raises(ValueError, match=message):
        extract_clip(path, **{"num_frames": 2, "size": 16, **arguments})


def test_probe_video_says_when_file_is_empty(tmp_path):
    path = tmp_path / "a.mp4"
    path.touch()
    with pytest.raises(VideoError, match=r"a\.mp4 is empty \(0 bytes\).*Copy it again"):
        probe_video(path)


def test_probe_video_says_when_file_is_garbage(tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(np.random.default_rng(0).bytes(20_000))
    with pytest.raises(VideoError, match=r"a\.mp4 is not a video.*expected MP4"):
        probe_video(path)


def test_probe_video_says_when_index_is_cut_off(tmp_path):
    path = write_numbered(tmp_path / "a.mp4", 20)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(VideoError, match=r"a\.mp4 is cut off"):
        probe_video(path)


def test_probe_video_says_when_there_is_only_sound(tmp_path):
    with pytest.raises(VideoError, match=r"a\.mp4 has no video stream, only audio"):
        probe_video(write_sound(tmp_path / "a.mp4"))


@pytest.mark.parametrize("ending", [".jpg", ".png", ".bmp"])
def test_probe_video_says_when_it_is_a_picture(tmp_path, ending):
    _, encoded = cv2.imencode(ending, corner_frames(1)[0])
    (tmp_path / "a.mp4").write_bytes(encoded.tobytes())
    with pytest.raises(VideoError, match=r"a\.mp4 is a picture, whatever its name"):
        probe_video(tmp_path / "a.mp4")


def test_probe_video_reads_a_video_with_the_ending_of_another(tmp_path):
    write_numbered(tmp_path / "a.mkv", 20).rename(tmp_path / "a.avi")
    assert probe_video(tmp_path / "a.avi").container == "matroska,webm"
    assert extract_clip(tmp_path / "a.avi", num_frames=2, size=16)[1] == 0


def test_probe_video_says_when_there_is_only_a_header(tmp_path):
    path = write_numbered(tmp_path / "a.avi", 20, codec="mpeg4")
    content = path.read_bytes()
    path.write_bytes(content[: content.index(b"movi") + 4])
    with pytest.raises(VideoError, match=r"a\.avi"):
        probe_video(path)


def test_probe_video_reads_any_file_name(tmp_path):
    for name in ["a b.mp4", 'it\'s "so".mp4', "größe 走路.mp4", "-rf.mp4", "http:x.mp4", "%d.mp4"]:
        assert probe_video(write_numbered(tmp_path / name, 2)).num_frames == 2


def test_extract_clip_uses_true_count_when_header_lies(tmp_path):
    path = write_numbered(tmp_path / "a.avi", 40, codec="mpeg4")
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * 0.7)])  # its header still says 40
    info = probe_video(path)
    assert 5 < info.num_frames < 40
    clip, num_repeated = extract_clip(path, num_frames=5, size=16)
    assert num_repeated == 0
    assert (np.diff(clip.mean(axis=(1, 2, 3))) > 0).all()


def test_extract_step_blames_the_video_for_colours_that_cannot_be_read(tmp_path):
    path = tmp_path / "a.mp4"
    with open_output(path) as output:
        stream = output.add_stream("libx264", rate=25)
        set_up_stream(stream, 64, 48, pixel_format="yuv420p", threads=1)
        stream.colorspace = 8  # YCgCo, which swscale does not know
        frame = av.VideoFrame.from_ndarray(corner_frames(1)[0], format="rgb24")
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    with pytest.raises(VideoError, match=r"a\.mp4 could not be worked on \(.*extract\.memory_gig"):
        extract_step(path, tmp_path / "a.npy", num_frames=2, size=16, aspect="stretch")


def test_probe_video_reads_a_file_that_names_an_absurd_frame_rate(tmp_path):
    path = write_numbered(tmp_path / "a.avi", 4, codec="mpeg4")
    content = bytearray(path.read_bytes())
    scale = content.index(b"strh") + 28  # 25 frames in `scale` seconds
    content[scale : scale + 4] = (2**23).to_bytes(4, "little")
    path.write_bytes(content)
    assert probe_video(path).fps == pytest.approx(1 / 1001)
    convert_video(path, tmp_path / "a.mp4", max_side=640)
    assert probe_video(tmp_path / "a.mp4").num_frames == 4


@pytest.mark.parametrize(("number", "kind"), [(errno.ENOSPC, OSError), (errno.ENOMEM, MemoryError)])
def test_blame_video_does_not_blame_it_for_a_full_disk_or_memory(number, kind):
    with pytest.raises(kind) as caught, blame_video(Path("a.mp4"), section="convert"):
        av.error.err_check(-number)
    assert not isinstance(caught.value, VideoError)


def test_read_packets_ends_where_pyav_trips_over_a_stream_that_began_late():
    class Container:
        def demux(self, stream):
            yield av.Packet(b"1")
            raise IndexError("list index out of range")

    assert [packet.size for packet in read_packets(Container(), None)] == [1]


def test_extract_clip_goes_on_when_less_than_half_is_damaged(tmp_path):
    path = write_damaged(tmp_path / "a.avi", keep=0.8)
    clip, _ = extract_clip(path, num_frames=5, size=16)
    assert clip.shape == (5, 16, 16, 3)


def test_extract_clip_refuses_when_more_than_half_is_damaged(tmp_path):
    path = write_damaged(tmp_path / "a.avi", keep=0.3)
    with pytest.raises(VideoError, match=r"a\.avi is damaged: only \d+ of its \d+ frames"):
        extract_clip(path, num_frames=5, size=16)


def test_spaced_indices_are_nearest_by_brute_force():
    rng = np.random.default_rng(0)
    for _ in range(200):
        times = np.unique(rng.integers(0, 1000, rng.integers(2, 60)))
        num_frames = int(rng.integers(2, len(times) + 1)) if len(times) > 2 else 2
        instants = np.linspace(times[0], times[-1], num_frames)
        for index, instant in zip(spaced_indices(times, num_frames), instants, strict=True):
            assert abs(times[index] - instant) <= np.abs(times - instant).min() + 1e-9


def test_write_video_gives_the_same_bytes_each_time_whatever_lies_in_memory(tmp_path):
    rng = np.random.default_rng(0)
    picture = np.cumsum(rng.normal(0, 3, (240, 320, 3)), axis=1) + 120
    moving = [np.roll(picture, step, axis=1) + rng.normal(0, 2, picture.shape) for step in range(9)]
    frames = [np.clip(frame, 0, 255).astype(np.uint8) for frame in moving]
    written, junk = set(), []
    for _ in range(40):
        junk.append(rng.bytes(rng.integers(300_000)))
        write_video(tmp_path / "a.mp4", frames, fps=25, rotation=90)
        written.add((tmp_path / "a.mp4").read_bytes())
    assert len(written) == 1


@pytest.mark.parametrize(
    ("frames", "options", "message"),
    [
        ([], {}, "there are no frames"),
        ([np.zeros((47, 64, 3), np.uint8)], {}, "Frames of 64x47 cannot be stored as yuv420p"),
        ([np.zeros((48, 64, 3), np.float32)], {}, "frame 0 is float32"),
        (corner_frames(1) + corner_frames(1, width=32), {}, r"frame 1 is uint8 of shape"),
        (corner_frames(1), {"rotation": 45}, "rotation=45 is not one of"),
    ],
)
def test_write_video_refuses_wrong_input_and_leaves_nothing(tmp_path, frames, options, message):
    with pytest.raises(ValueError, match=message):
        write_video(tmp_path / "a.mp4", frames, fps=25, **options)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not REAL.is_dir(), reason="no real clips beside this project")
@pytest.mark.parametrize(
    ("name", "num_frames", "fps"),
    [
        ("weizmann/walk/daria_walk.avi", 84, 25),
        ("gmdcsa24/standing/S2_Fall_12_standing.mp4", 46, 14.985),
    ],
)
def test_probe_video_reads_real_clips(name, num_frames, fps):
    info = probe_video(REAL / name)
    assert info.num_frames == num_frames
    assert info.fps == pytest.approx(fps, abs=0.01)
