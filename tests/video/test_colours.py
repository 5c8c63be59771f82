"""HDR and wide gamuts become the colours of ordinary screens, everywhere frames are looked at."""

import av
import numpy as np
import pytest
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc
from video_files import BEYOND, corner_colours, corner_frames, write_beyond

from har.engine.errors import VideoError
from har.video.annotating import annotate_video
from har.video.converting import convert_step, convert_video
from har.video.extracting import extract_clip
from har.video.live import live_shots
from har.video.preview import PreviewTask, preview_video
from har.video.reading import probe_video
from har.video.steady import steady_frames
from har.video.stored.colours import UNSAID, beyond_sdr, to_rgb
from har.video.writing import open_output, write_video

TOLERANCE = 6  # grey levels
NUM_FRAMES = 8
# The shortest additions of Dolby Vision to a picture of HEVC, without their first four bytes.
DOLBY = bytes.fromhex(
    "4061b6504f003ff801ffc00fffd0000008000006800000400000340000030200000300e8afe09e80"
)


def difference(picture: np.ndarray, kind: str) -> float:
    """The largest difference of a picture's corners to what FFmpeg with zscale makes of them."""
    return np.abs(corner_colours(picture) - np.reshape(BEYOND[kind][2], (2, 2, 3))).max()


@pytest.mark.parametrize("kind", BEYOND)
def test_colours_are_those_of_zscale_wherever_frames_are_looked_at(tmp_path, kind):
    path = write_beyond(tmp_path / "phone.mov", kind)
    assert probe_video(path).beyond_sdr == kind
    clip, _ = extract_clip(path, num_frames=2, size=48)
    assert difference(clip[1], kind) <= TOLERANCE
    _, square = next(steady_frames(path, interval=1.0, size=48, aspect="stretch"))
    np.testing.assert_array_equal(square, clip[0])
    shot = next(live_shots(str(path), interval=1.0, size=48, aspect="stretch"))
    np.testing.assert_array_equal(shot.square, clip[0])
    assert difference(shot.picture, kind) <= TOLERANCE
    preview = preview_video(PreviewTask(path, 48, False))
    assert difference(preview.frames[0], kind) <= TOLERANCE
    assert difference(preview.run[0], kind) <= TOLERANCE
    list(annotate_video(path, tmp_path / "drawn.mp4", lambda picture, at: None))
    drawn, _ = extract_clip(tmp_path / "drawn.mp4", num_frames=1, size=48)
    assert difference(drawn[0], kind) <= TOLERANCE


@pytest.mark.parametrize("num_frames", [None, 3])
@pytest.mark.parametrize("kind", BEYOND)
def test_convert_makes_ordinary_colours_and_says_so(tmp_path, kind, num_frames):
    path = write_beyond(tmp_path / "phone.mov", kind)
    converted = tmp_path / "a.mp4"
    _, is_encoded = convert_video(path, converted, max_side=640, num_frames=num_frames)
    assert is_encoded
    info = probe_video(converted)
    assert (info.beyond_sdr, info.pixel_format) == ("", "yuv420p")
    assert info.num_frames == (num_frames or NUM_FRAMES)
    clip, _ = extract_clip(converted, num_frames=1, size=48)
    assert difference(clip[0], kind) <= TOLERANCE
    assert convert_step(path, converted, max_side=640)["note"] == f"{kind}, made BT.709"


@pytest.mark.parametrize("kind", ["HDR (HLG)", "HDR (PQ)"])
def test_hdr_whose_file_names_no_matrix_has_that_of_bt2020(tmp_path, kind):
    path = write_beyond(tmp_path / "a.mov", kind, matrix=UNSAID)
    clip, _ = extract_clip(path, num_frames=1, size=48)
    assert difference(clip[0], kind) <= TOLERANCE
    convert_video(path, tmp_path / "b.mp4", max_side=640)
    clip, _ = extract_clip(tmp_path / "b.mp4", num_frames=1, size=48)
    assert difference(clip[0], kind) <= TOLERANCE


@pytest.mark.parametrize("kind", BEYOND)
def test_convert_never_copies_an_8_bit_stream_of_such_colours(tmp_path, kind):
    path = write_beyond(tmp_path / "a.mp4", kind, codec="libx264", depth=8)
    _, is_encoded = convert_video(path, tmp_path / "b.mp4", max_side=640)
    assert is_encoded
    clip, _ = extract_clip(tmp_path / "b.mp4", num_frames=1, size=48)
    # 8 bits hold the shadows of HDR by steps of up to 25 grey levels.
    assert difference(clip[0], kind) <= (25 if kind.startswith("HDR") else TOLERANCE)


def test_hdr_turned_and_scaled_is_upright(tmp_path):
    flat = write_beyond(tmp_path / "a.mov", "HDR (HLG)")
    turned = tmp_path / "b.mov"
    with av.open(str(flat)) as source, open_output(turned) as output:
        stream = output.add_stream_from_template(source.streams.video[0])
        stream.set_display_rotation(-90)
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                output.mux(packet)
    convert_video(turned, tmp_path / "c.mp4", max_side=48)
    info = probe_video(tmp_path / "c.mp4")
    assert (info.width, info.height) == (36, 48)
    clip, _ = extract_clip(tmp_path / "c.mp4", num_frames=1, size=48)
    assert difference(np.rot90(clip[0]), "HDR (HLG)") <= TOLERANCE


@pytest.mark.parametrize(("profile", "is_refused"), [(0, True), (1, False)])
def test_dolby_vision_that_nothing_else_can_show_is_refused_by_name(tmp_path, profile, is_refused):
    """It was green, in silence; the Dolby Vision of phones is HLG with additions."""
    plain, path = write_beyond(tmp_path / "a.mov", "HDR (HLG)"), tmp_path / "b.mov"
    additions = bytes([62 << 1, 1, 0x19, 8, 9, profile << 3]) + DOLBY
    with av.open(str(plain)) as source, open_output(path) as output:
        stream = output.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                added = av.Packet(bytes(packet) + len(additions).to_bytes(4, "big") + additions)
                added.pts, added.dts, added.time_base = packet.pts, packet.dts, packet.time_base
                added.is_keyframe, added.stream = packet.is_keyframe, stream
                output.mux(added)
    if is_refused:
        with pytest.raises(VideoError, match=r"b\.mov is Dolby Vision of profile 5.* Convert it"):
            convert_step(path, tmp_path / "c.mp4", max_side=640)
    else:
        found = convert_step(path, tmp_path / "c.mp4", max_side=640)
        assert found["note"] == "HDR (HLG), made BT.709"


def test_highlights_are_compressed_and_not_cut(tmp_path):
    """1000 cd/m2 is white, 203 a light grey, and between them all levels differ."""
    frame = av.VideoFrame(64, 16, "yuv420p10le")
    luma = np.tile(np.linspace(64, 723, 64).round().astype(np.uint16), (16, 1))  # PQ: 723 is 1000
    frame.planes[0].update(luma.tobytes())
    for plane in frame.planes[1:]:
        plane.update(np.full(plane.buffer_size // 2, 512, np.uint16).tobytes())
    frame.color_trc, frame.color_primaries = ColorTrc.SMPTE2084, ColorPrimaries.BT2020
    frame.colorspace, frame.color_range = Colorspace.BT2020, ColorRange.MPEG
    greys = to_rgb(frame)[0, :, 1].astype(int)
    assert (np.diff(greys)[4:] > 0).all()
    assert greys[0] == 0
    assert greys[-1] in (254, 255)


@pytest.mark.parametrize("pixel_format", ["rgb24", "gbrp"])
def test_ordinary_colours_stay_the_same_to_the_bit(tmp_path, pixel_format):
    path = tmp_path / "a.mp4"
    write_video(path, corner_frames(2), fps=25)
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
    assert beyond_sdr(frame) == ""
    expected = frame.reformat(32, 24, format=pixel_format).to_ndarray()
    np.testing.assert_array_equal(to_rgb(frame, 32, 24, pixel_format=pixel_format), expected)
