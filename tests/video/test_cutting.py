"""Cutting parts out of videos: exact to the frame."""

import av
import numpy as np
import pytest
from small_data_sets import barcode_frames, numbers_of, write_barcodes
from video_files import (
    BEYOND,
    corner_colours,
    corner_frames,
    textured_frames,
    write_at_times,
    write_beyond,
)

import har.video.cutting
from har.video.converting import convert_video
from har.video.cutting import cut_video
from har.video.extracting import extract_clip
from har.video.parts import Cut, Span
from har.video.reading import decode_frames, open_video, probe_video
from har.video.writing import open_output, set_up_stream, write_video


@pytest.mark.parametrize(
    ("ending", "codec"),
    [(".mp4", "libx264"), (".mkv", "libx264"), (".webm", "libvpx-vp9"), (".avi", "mpeg4")],
)
def test_cut_video_is_exact_after_seeking(tmp_path, ending, codec):
    path = tmp_path / f"long{ending}"
    write_video(path, barcode_frames(80), fps=5, codec=codec, gop=7, crf=8)  # 16 seconds
    cuts = [
        Cut(tmp_path / "late.mp4", Span(12, 14, "seconds")),
        Cut(tmp_path / "later.mp4", Span(13.3, 14.3, "seconds")),
        Cut(tmp_path / "early.mp4", Span(2, 3, "seconds")),
    ]
    assert cut_video(path, cuts) == ["", "", ""]
    assert numbers_of(tmp_path / "late.mp4") == list(range(60, 70))
    assert numbers_of(tmp_path / "later.mp4") == [67, 68, 69, 70, 71]  # 13.4 to 14.2 seconds
    assert numbers_of(tmp_path / "early.mp4") == list(range(10, 15))
    alone = Cut(tmp_path / "alone.mp4", Span(12, 14, "seconds"))
    assert cut_video(path, [alone]) == [""]
    assert alone.destination.read_bytes() == (tmp_path / "late.mp4").read_bytes()


def test_cut_video_searches_for_each_part_that_lies_far_from_the_last(tmp_path, monkeypatch):
    path = tmp_path / "long.mp4"
    write_video(path, barcode_frames(250), fps=5, gop=10, crf=8)  # 50 seconds
    decoded = []
    decode = har.video.cutting.decode_frames
    monkeypatch.setattr(
        har.video.cutting,
        "decode_frames",
        lambda *of: (decoded.append(frame) or frame for frame in decode(*of)),
    )
    cuts = [Cut(tmp_path / f"{at}.mp4", Span(at, at + 1, "seconds")) for at in (2, 4, 20, 45)]
    assert cut_video(path, cuts) == [""] * 4
    for cut in cuts:
        first = 5 * cut.span.start
        assert numbers_of(cut.destination) == list(range(first, first + 5))
    assert len(decoded) < 100


def test_cut_video_keeps_times_that_vary(tmp_path):
    times = [0, 100, 200, 250, 700, 800, 1500, 1600]
    path = write_at_times(tmp_path / "phone.mkv", barcode_frames(8), times)
    cut = Cut(tmp_path / "cut.mp4", Span(0.2, 1.5, "seconds"))
    assert cut_video(path, [cut]) == [""]
    assert numbers_of(cut.destination) == [2, 3, 4, 5]
    with open_video(cut.destination) as (container, stream):
        times = [frame.pts * stream.time_base for frame in decode_frames(container, stream)]
    np.testing.assert_allclose(np.array(times, float), [0, 0.05, 0.5, 0.6], atol=1e-6)


def test_cut_video_says_when_frames_are_lost(tmp_path):
    path = tmp_path / "damaged.mp4"
    write_video(path, barcode_frames(60), fps=25, gop=5)
    content = bytearray(path.read_bytes())
    start, stop = content.index(b"mdat"), content.index(b"moov")
    third = (stop - start) // 3
    content[start + third : start + 2 * third] = bytes(third)
    path.write_bytes(content)
    cuts = [Cut(tmp_path / f"{start}.mp4", Span(start, start + 5, "frames")) for start in (0, 10)]
    first, last = cut_video(path, cuts)
    assert first == ""
    assert "damaged.mp4 is damaged: only" in last
    assert "frames can be decoded" in last
    assert numbers_of(cuts[0].destination)[:3] == [0, 1, 2]


def test_cut_video_counts_from_the_start_when_times_are_missing(tmp_path):
    path = tmp_path / "raw.h264"  # a bare stream, in which a search would lose its place
    write_video(path, barcode_frames(280), fps=25, gop=7)
    assert probe_video(path).fps == 25
    cut = Cut(tmp_path / "cut.mp4", Span(10.2, 11.2, "seconds"))
    assert cut_video(path, [cut]) == [""]
    assert numbers_of(cut.destination) == [number % 256 for number in range(255, 280)]


def test_cut_video_makes_what_convert_only_copies(tmp_path):
    numbered = write_barcodes(tmp_path / "numbered.avi")
    cut = Cut(tmp_path / "cut.mp4", Span(5, 15, "frames"))
    cut_video(numbered, [cut])
    _, is_encoded = convert_video(cut.destination, tmp_path / "converted.mp4", max_side=640)
    assert not is_encoded
    assert numbers_of(tmp_path / "converted.mp4") == list(range(5, 15))


@pytest.mark.parametrize("pixel_format", ["yuvj420p", "yuv420p10le", "yuv422p"])
def test_cut_video_keeps_colours(tmp_path, pixel_format):
    path = tmp_path / "colours.mp4"
    write_video(path, corner_frames(6), fps=25, pixel_format=pixel_format)
    cut = Cut(tmp_path / "cut.mp4", Span(1, 4, "frames"))
    assert cut_video(path, [cut]) == [""]
    before, _ = extract_clip(path, num_frames=1, size=48)
    after, _ = extract_clip(cut.destination, num_frames=1, size=48)
    np.testing.assert_allclose(corner_colours(after[0]), corner_colours(before[0]), atol=3)


@pytest.mark.parametrize("kind", BEYOND)
def test_cut_video_keeps_hdr_and_wide_gamuts(tmp_path, kind):
    path = write_beyond(tmp_path / "phone.mov", kind)
    cut = Cut(tmp_path / "cut.mp4", Span(1, 4, "frames"))
    assert cut_video(path, [cut]) == [""]
    assert probe_video(cut.destination).beyond_sdr == kind
    before, _ = extract_clip(path, num_frames=1, size=48)
    after, _ = extract_clip(cut.destination, num_frames=1, size=48)
    np.testing.assert_allclose(corner_colours(after[0]), corner_colours(before[0]), atol=4)


def test_cut_video_stays_interlaced(tmp_path):
    path, cut = tmp_path / "a.mp4", Cut(tmp_path / "cut.mp4", Span(2, 12, "frames"))
    frames = textured_frames(20)
    write_at_times(path, frames, range(0, 800, 40), x264="tff=1:interlaced=1", crf=4)
    cut_video(path, [cut])
    assert probe_video(cut.destination).interlaced
    whole, part = tmp_path / "whole.mp4", tmp_path / "part.mp4"
    convert_video(path, whole, max_side=640)
    convert_video(cut.destination, part, max_side=640)
    expected, _ = extract_clip(whole, num_frames=20, size=48)
    got, _ = extract_clip(part, num_frames=10, size=48)
    # At the ends the frames beside are missing, from which a line may be filled in.
    assert np.abs(got[1:-1].astype(int) - expected[3:11]).mean() < 3


@pytest.mark.parametrize(
    "flips", [{"hflip": True}, {"vflip": True}, {"hflip": True, "vflip": True}]
)
@pytest.mark.parametrize("rotation", [0, 90])
def test_cut_video_stays_mirrored(tmp_path, rotation, flips):
    path = tmp_path / "mirrored.mov"
    with open_output(path) as output:
        stream = output.add_stream("libx264", 25)
        set_up_stream(stream, 64, 48, pixel_format="yuv420p", threads=1)
        stream.set_display_rotation(rotation, **dict.fromkeys(flips, True))
        for index, array in enumerate(corner_frames(6)):
            frame = av.VideoFrame.from_ndarray(array, format="rgb24")
            frame.pts = index
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    cut = Cut(tmp_path / "cut.mp4", Span(1, 4, "frames"))
    assert cut_video(path, [cut]) == [""]
    before, after = probe_video(path), probe_video(cut.destination)
    assert before.is_mirrored == (len(flips) == 1)
    assert (after.is_mirrored, after.rotation) == (before.is_mirrored, before.rotation)


def test_cut_video_stays_upright_and_keeps_odd_sizes(tmp_path):
    lying = tmp_path / "lying.mp4"
    write_video(lying, [np.rot90(frame) for frame in corner_frames(6)], fps=25, rotation=90)
    odd = tmp_path / "odd.avi"
    frames = corner_frames(6, width=63, height=47)
    write_video(odd, frames, fps=25, codec="libx264", pixel_format="yuv444p")
    for path, size in ((lying, (64, 48)), (odd, (63, 47))):
        cut = Cut(path.with_suffix(".cut.mp4"), Span(1, 4, "frames"))
        assert cut_video(path, [cut]) == [""]
        info = probe_video(cut.destination)
        assert (info.width, info.height, info.num_frames) == (*size, 3)
        clip, _ = extract_clip(cut.destination, num_frames=1, size=48)
        np.testing.assert_allclose(
            corner_colours(clip[0]), corner_colours(corner_frames(1)[0]), atol=12
        )
