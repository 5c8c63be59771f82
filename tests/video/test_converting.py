"""Converting one video: what is copied, what is encoded, and to what."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc
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
    write_phone_video,
)

from har.engine.errors import VideoError
from har.video.converting import convert_video
from har.video.extracting import extract_clip
from har.video.reading import probe_video, read_packets, survey_video
from har.video.writing import open_output, set_up_stream, write_video


def decoded(path: Path) -> np.ndarray:
    """All frames of an upright video by a plain decode, the reference."""
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


@pytest.mark.parametrize("ending", [".mp4", ".mov", ".mkv"])
def test_convert_video_copies_every_frame_unchanged_when_stream_is_right(tmp_path, ending):
    source = tmp_path / f"source{ending}"
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 255, (40, 48, 64, 3), dtype=np.uint8)  # moves, so has B-frames
    write_video(source, noise, fps=30000 / 1001, preset="medium")
    info, is_encoded = convert_video(source, tmp_path / "a.mp4", max_side=32)
    assert not is_encoded
    assert info.num_frames == 40
    np.testing.assert_array_equal(decoded(tmp_path / "a.mp4"), decoded(source))
    result = probe_video(tmp_path / "a.mp4")
    assert result.constant_frame_rate
    assert result.fps == pytest.approx(30000 / 1001)


@pytest.mark.parametrize(
    ("name", "codec", "pixel_format"),
    [
        ("a.avi", "mpeg4", "yuv420p"),
        ("a.mov", "libx265", "yuv420p10le"),
        ("a.webm", "libvpx-vp9", "yuv420p"),
        ("a.mpg", "mpeg2video", "yuv420p"),
        ("motion_jpeg.avi", "mjpeg", "yuvj420p"),
        ("ten_bit.mp4", "libx264", "yuv420p10le"),
    ],
)
def test_convert_video_encodes_other_formats(tmp_path, name, codec, pixel_format):
    source = tmp_path / name
    write_video(source, corner_frames(20), fps=25, codec=codec, pixel_format=pixel_format, crf=8)
    info, is_encoded = convert_video(source, tmp_path / "out" / "a.mp4", max_side=640)
    result = probe_video(tmp_path / "out" / "a.mp4")
    assert is_encoded
    assert info.pixel_format == pixel_format
    assert (result.codec, result.pixel_format, result.num_frames) == ("h264", "yuv420p", 20)
    frames = decoded(tmp_path / "out" / "a.mp4")
    np.testing.assert_allclose(corner_colours(frames[-1]), CORNERS, atol=8)


@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])  # copied, encoded
@pytest.mark.parametrize(
    ("fps", "width", "height"),
    [(5, 64, 64), (120, 64, 48), (24000 / 1001, 48, 64), (60, 3840, 2160), (30, 2160, 3840)],
)
def test_convert_and_extract_take_any_frame_rate_and_size(tmp_path, codec, fps, width, height):
    source = tmp_path / "a.mp4"
    write_video(source, corner_frames(3, width=width, height=height), fps=fps, codec=codec, crf=8)
    info, is_encoded = convert_video(source, tmp_path / "out.mp4", max_side=640)
    assert (info.fps, info.width, info.height) == (pytest.approx(fps), width, height)
    assert is_encoded == (codec == "mpeg4")
    result = probe_video(tmp_path / "out.mp4")
    assert result.fps == pytest.approx(fps)
    assert result.num_frames == 3
    assert result.width / result.height == pytest.approx(width / height)
    clip, _ = extract_clip(tmp_path / "out.mp4", num_frames=3, size=64)
    np.testing.assert_allclose(corner_colours(clip[-1]), CORNERS, atol=10)


def test_convert_video_makes_a_video_of_a_gif_with_its_own_delays(tmp_path):
    times = [0, 100, 200, 300, 1300]  # the fourth picture is shown for a second
    with open_output(tmp_path / "a.gif") as output:
        stream = output.add_stream("gif", rate=100)
        set_up_stream(stream, 64, 48, pixel_format="rgb8", threads=1)
        for array, time in zip(numbered_frames(5), times, strict=True):
            frame = av.VideoFrame.from_ndarray(array, format="rgb24").reformat(format="rgb8")
            frame.pts, frame.time_base = time // 10, Fraction(1, 100)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    info, _ = convert_video(tmp_path / "a.gif", tmp_path / "a.mp4", max_side=640)
    assert not info.constant_frame_rate
    shown = decoded(tmp_path / "a.mp4").mean(axis=(1, 2, 3))
    assert shown[len(shown) // 2] == pytest.approx(brightness_of(3, 5), abs=25)  # at 0.65 s
    assert shown[-1] == pytest.approx(brightness_of(4, 5), abs=25)  # of 8 levels


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_convert_video_turns_the_picture_upright(tmp_path, rotation):
    lying = [np.rot90(picture, rotation // 90) for picture in corner_frames(4)]
    write_video(tmp_path / "a.mov", lying, fps=25, rotation=rotation)
    info, is_encoded = convert_video(tmp_path / "a.mov", tmp_path / "a.mp4", max_side=640)
    assert is_encoded
    assert info.rotation == rotation
    assert probe_video(tmp_path / "a.mp4").rotation == 0
    frames = decoded(tmp_path / "a.mp4")
    assert frames.shape == (4, 48, 64, 3)
    np.testing.assert_allclose(corner_colours(frames[0]), CORNERS, atol=8)


@pytest.mark.parametrize("colorspace", [Colorspace.ITU601, Colorspace.ITU709])
@pytest.mark.parametrize("color_range", [ColorRange.MPEG, ColorRange.JPEG])
@pytest.mark.parametrize("rotation", [0, 90])
def test_convert_video_keeps_colours(tmp_path, colorspace, color_range, rotation):
    with av.open(str(tmp_path / "a.mov"), "w") as output:
        stream = output.add_stream("libx264", rate=25, options={"crf": "4"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.colorspace, stream.color_range = colorspace, color_range
        stream.color_primaries, stream.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
        if rotation:  # makes it encode
            stream.set_display_rotation(-rotation)
        for index, array in enumerate(corner_frames(3)):
            frame = av.VideoFrame.from_ndarray(array, format="rgb24").reformat(
                format="yuv420p", dst_colorspace=colorspace, dst_color_range=color_range
            )
            frame.pts = index
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    _, is_encoded = convert_video(tmp_path / "a.mov", tmp_path / "a.mp4", max_side=640)
    assert is_encoded == (rotation != 0)
    expected = np.rot90(np.array(CORNERS), -rotation // 90)
    clip, _ = extract_clip(tmp_path / "a.mp4", num_frames=1, size=64)
    np.testing.assert_allclose(corner_colours(clip[0]), expected, atol=6)


def test_convert_video_makes_varying_frame_rate_constant_by_time(tmp_path):
    times = [*range(0, 1000, 100), *range(1000, 2000, 25)]  # 10 a second, then 40
    frames = numbered_frames(len(times))
    write_at_times(tmp_path / "a.mp4", frames, times)
    info, is_encoded = convert_video(tmp_path / "a.mp4", tmp_path / "out.mp4", max_side=640)
    result = probe_video(tmp_path / "out.mp4")
    assert is_encoded
    assert not info.constant_frame_rate
    assert result.constant_frame_rate
    assert result.duration_seconds == pytest.approx(2.0, abs=0.1)
    shown = decoded(tmp_path / "out.mp4").mean(axis=(1, 2, 3))
    middle = shown[len(shown) // 2]  # at one second frame 10 of 50 is shown, not frame 25
    assert middle == pytest.approx(brightness_of(10, len(times)), abs=8)
    assert shown[0] == pytest.approx(brightness_of(0, len(times)), abs=3)
    assert shown[-1] == pytest.approx(brightness_of(49, len(times)), abs=3)


def test_convert_video_keeps_the_frames_when_a_time_jumps(tmp_path):
    write_numbered(tmp_path / "even.mp4", 20, codec="mpeg4")
    with av.open(str(tmp_path / "even.mp4")) as even, open_output(tmp_path / "a.mkv") as output:
        stream = output.add_stream_from_template(even.streams.video[0])
        for packet in read_packets(even, even.streams.video[0]):
            packet.stream = stream
            if packet.dts == 0:
                packet.pts = int(20 / packet.time_base)  # 20 s, and the next frame is at 0.04 s
            output.mux(packet)
    _, is_encoded = convert_video(tmp_path / "a.mkv", tmp_path / "a.mp4", max_side=640)
    assert is_encoded
    # 20 s at the rate of the frames around: the one with the wrong time is shown at 20 s.
    assert probe_video(tmp_path / "a.mp4").num_frames == 500


def test_convert_video_reads_frames_hours_apart(tmp_path):
    source = write_at_times(tmp_path / "a.mp4", numbered_frames(3), [0, 100, 4 * 3_600_000])
    assert convert_video(source, tmp_path / "out.mp4", max_side=640)[0].num_frames == 3
    shown = decoded(tmp_path / "out.mp4").mean(axis=(1, 2, 3))
    assert shown[-1] == pytest.approx(brightness_of(2, 3), abs=3)


def test_convert_video_leaves_out_sound_place_and_device(tmp_path):
    source = write_phone_video(tmp_path / "a.mov")
    assert b"+48.1371" in source.read_bytes()
    _, is_encoded = convert_video(source, tmp_path / "a.mp4", max_side=640)
    content = (tmp_path / "a.mp4").read_bytes()
    assert not is_encoded
    for secret in (b"+48.1371", b"PhoneModel", b"location", b"quicktime"):
        assert secret not in content
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert [stream.type for stream in container.streams] == ["video"]


def test_convert_video_shrinks_to_max_side_with_even_sizes(tmp_path):
    frames = corner_frames(3, width=321, height=181)
    write_video(tmp_path / "a.mkv", frames, fps=25, codec="ffv1", pixel_format="yuv444p")
    convert_video(tmp_path / "a.mkv", tmp_path / "a.mp4", max_side=160)
    info = probe_video(tmp_path / "a.mp4")
    assert (info.width, info.height) == (160, 90)


def test_convert_video_converts_a_single_frame(tmp_path):
    write_numbered(tmp_path / "a.avi", 1, codec="mpeg4")
    convert_video(tmp_path / "a.avi", tmp_path / "a.mp4", max_side=640)
    assert probe_video(tmp_path / "a.mp4").num_frames == 1


@pytest.mark.parametrize("ending", [".mp4", ".avi"])
def test_convert_video_gives_the_same_bytes_each_time(tmp_path, ending):
    source = tmp_path / f"source{ending}"
    write_video(source, corner_frames(5), fps=25, codec="mpeg4" if ending == ".avi" else "libx264")
    for name in ("a.mp4", "b.mp4"):
        convert_video(source, tmp_path / name, max_side=640)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_convert_video_leaves_nothing_behind_when_too_much_is_damaged(tmp_path):
    source = write_damaged(tmp_path / "a.avi", keep=0.3)
    with pytest.raises(VideoError, match=r"a\.avi is damaged: only \d+ of its 60 frames"):
        convert_video(source, tmp_path / "out" / "a.mp4", max_side=640)
    assert not list(tmp_path.glob("out/*"))


def test_convert_video_blames_no_more_than_the_video_when_encoder_fails(tmp_path, monkeypatch):
    monkeypatch.setattr("har.video.converting.PRESET", "no such preset")
    write_numbered(tmp_path / "a.avi", 3, codec="mpeg4")
    with pytest.raises(VideoError, match=r"a\.avi could not be worked on.*memory_gigabytes"):
        convert_video(tmp_path / "a.avi", tmp_path / "out" / "a.mp4", max_side=640)
    assert not list(tmp_path.glob("out/*"))


def test_convert_video_refuses_a_tiny_max_side(tmp_path):
    with pytest.raises(ValueError, match=r"convert\.max_side is 8; expected at least 16"):
        convert_video(tmp_path / "a.mov", tmp_path / "a.mp4", max_side=8)


@pytest.mark.skipif(not REAL.is_dir(), reason="no real clips beside this project")
def test_convert_video_keeps_real_phone_video(tmp_path):
    source = REAL / "gmdcsa24" / "sitting" / "S1_Fall_15_sitting.mp4"  # its frame rate varies
    info, is_encoded = convert_video(source, tmp_path / "a.mp4", max_side=640)
    assert is_encoded
    assert not info.constant_frame_rate
    before, _ = extract_clip(source, num_frames=10, size=64)
    after, _ = extract_clip(tmp_path / "a.mp4", num_frames=10, size=64)
    assert np.abs(before.astype(int) - after).mean() < 3


def write_case(path: Path, case: str) -> Path:
    """Write a video that has to be encoded, in one of several ways."""
    noise = np.random.default_rng(0).integers(0, 255, (2, 48, 64, 3), dtype=np.uint8)
    frames = [np.roll(noise[0], 3 * place, axis=1) for place in range(50)]
    if case == "its rate varies":
        write_at_times(path, frames, [*range(0, 1000, 100), *range(1000, 2000, 25)])
    elif case == "turned":
        write_video(path, frames, fps=25, rotation=90)
    elif case == "short":
        write_video(path, frames[:5], fps=25, codec="mpeg4")
    elif case == "damaged":
        write_damaged(path, keep=0.8)
    else:
        write_video(path, frames, fps=25, codec="libx265")
    return path


@pytest.mark.parametrize("case", ["its rate varies", "turned", "short", "damaged", "HEVC"])
def test_convert_video_for_a_clip_encodes_only_its_frames_and_each_the_same(tmp_path, case):
    source = write_case(tmp_path / ("a.avi" if case == "damaged" else "a.mov"), case)
    clips = []
    for name, num_frames in (("all.mp4", None), ("part.mp4", 12)):
        convert_video(source, tmp_path / name, max_side=64, num_frames=num_frames)
        clips.append(extract_clip(tmp_path / name, num_frames=12, size=32)[0])
    assert np.array_equal(*clips)
    counts = [probe_video(tmp_path / name).num_frames for name in ("all.mp4", "part.mp4")]
    assert counts[1] == min(counts[0], 12)


def test_convert_video_for_a_clip_encodes_all_where_the_packets_lie(tmp_path, monkeypatch):
    source = write_case(tmp_path / "a.mov", "HEVC")
    convert_video(source, tmp_path / "all.mp4", max_side=64)
    survey = survey_video(source)
    lying = replace(survey[1], times=survey[1].times[:-1])
    monkeypatch.setattr("har.video.converting.survey_video", lambda path: (survey[0], lying))
    convert_video(source, tmp_path / "part.mp4", max_side=64, num_frames=12)
    assert (tmp_path / "part.mp4").read_bytes() == (tmp_path / "all.mp4").read_bytes()
