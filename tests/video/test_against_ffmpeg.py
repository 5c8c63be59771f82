"""Our frames against those of the ffmpeg on this machine, for every odd kind of file.

Skipped where there is no ffmpeg: the project itself uses the libraries in PyAV's wheel only.
"""

import functools
import re
import shutil
import subprocess
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from field_coded import field_pictures, write_fields
from video_files import (
    BEYOND,
    brightness_of,
    corner_colours,
    corner_picture,
    set_edits,
    set_matrix,
    write_at_times,
    write_beyond,
)

from har.video.converting import convert_video
from har.video.extracting import extract_clip, spaced_indices
from har.video.reading import open_video, probe_video, read_video_timing
from har.video.writing import open_output, set_up_stream, write_video

FFMPEG = shutil.which("ffmpeg")
pytestmark = pytest.mark.skipif(FFMPEG is None, reason="needs ffmpeg, to compare with")

SIZE, NUM_FRAMES = 48, 12
TO_BT709 = "zscale=p=bt709:t=bt709:m=bt709:r=tv,format=yuv444p"
TONE_MAPPED = (
    "zscale=t=linear:npl=203:agamma=0,format=gbrpf32le,zscale=p=bt709,"
    "tonemap=tonemap=mobius:desat=0:peak=4.926,zscale=t=bt709:m=bt709:r=tv,format=yuv444p"
)
SCALED = (
    f"scale={SIZE}:{SIZE}:flags=bicubic+accurate_rnd+full_chroma_int+full_chroma_inp,format=rgb24"
)
# Grey levels: of the mean colour of a quarter of the picture, and of all pixels on average.
CORNER, AVERAGE = 6, 4
CORNER_ENCODED, AVERAGE_ENCODED = 8, 6  # once encoded again, with edges that blur


def moving(width: int = 64, height: int = 48) -> list[np.ndarray]:
    """The picture of four colours with a bar on top that shows the time by its brightness."""
    frames = []
    for index in range(NUM_FRAMES):
        frame = corner_picture(width=width, height=height)
        frame[: height // 6] = brightness_of(index, NUM_FRAMES)
        frames.append(frame)
    return frames


def turned(path: Path, matrix: tuple[int, int, int, int]) -> None:
    write_video(path, moving(), fps=25, crf=8)
    set_matrix(path, matrix)


def edited(path: Path, edits: list[tuple[float, float]]) -> None:
    write_video(path, moving(), fps=25, crf=8, gop=5)
    set_edits(path, edits)


def with_wide_pixels(path: Path) -> None:
    with open_output(path) as output:
        stream = output.add_stream("libx264", 25, options={"crf": "8"})
        set_up_stream(stream, 64, 48, pixel_format="yuv420p", threads=1)
        stream.codec_context.sample_aspect_ratio = Fraction(4, 3)
        for index, array in enumerate(moving()):
            frame = av.VideoFrame.from_ndarray(array, format="rgb24")
            frame.pts = index
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))


def two_tracks(path: Path) -> None:
    """A small grey video and then the one that is shown."""
    with open_output(path) as output:
        streams = [output.add_stream("libx264", 25, options={"crf": "8"}) for _ in range(2)]
        for stream, (width, height) in zip(streams, [(32, 24), (64, 48)], strict=True):
            set_up_stream(stream, width, height, pixel_format="yuv420p", threads=1)
        streams[0].disposition = 0
        streams[1].disposition = av.stream.Disposition.default
        grey = [np.full((24, 32, 3), 120, np.uint8)] * NUM_FRAMES
        for stream, frames in zip(streams, [grey, moving()], strict=True):
            for index, array in enumerate(frames):
                frame = av.VideoFrame.from_ndarray(array, format="rgb24")
                frame.pts = index
                output.mux(stream.encode(frame))
            output.mux(stream.encode(None))


def stored_as(pixel_format: str, **options) -> Callable[[Path], None]:
    size = options.pop("size", {})
    return lambda path: write_video(
        path, moving(**size), fps=25, pixel_format=pixel_format, **{"crf": 6, **options}
    )


def at_times(times: list[int], x264: str = "") -> Callable[[Path], None]:
    return lambda path: write_at_times(path, moving(), times, x264=x264)


EVEN = list(range(0, 40 * NUM_FRAMES, 40))
VARYING = [0, 33, 66, 166, 200, 233, 400, 800, 833, 866, 1200, 1233]
FIELDS = field_pictures(NUM_FRAMES)
ODD = {"width": 63, "height": 47}
KINDS: dict[str, tuple[str, Callable[[Path], object]]] = {
    **{
        f"matrix {matrix}": (".mp4", lambda path, matrix=matrix: turned(path, matrix))
        for matrix in [
            (-1, 0, 0, 1), (1, 0, 0, -1), (-1, 0, 0, -1),
            (0, 1, -1, 0), (0, -1, 1, 0), (0, 1, 1, 0), (0, -1, -1, 0),
        ]
    },
    "edit list": (".mp4", lambda path: edited(path, [(0.28, 0.2)])),
    "two edits": (".mp4", lambda path: edited(path, [(0.08, 0.12), (0.28, 0.16)])),
    "wide pixels": (".mp4", with_wide_pixels),
    "two tracks": (".mp4", two_tracks),
    "fields": (".mp4", lambda path: write_fields(path, enumerate(FIELDS))),
    "fields in MKV": (".mkv", lambda path: write_fields(path, enumerate(FIELDS))),
    "varying rate": (".mp4", at_times(VARYING)),
    "interlaced": (".mp4", at_times(EVEN, "tff=1:interlaced=1")),
    "reordered": (".mkv", at_times(EVEN, "bframes=3:b-adapt=0:keyint=6")),
    "open groups": (".mp4", at_times(EVEN, "bframes=3:open-gop=1:keyint=5")),
    "10 bits": (".mp4", stored_as("yuv420p10le")),
    "full range": (".mp4", stored_as("yuvj420p")),
    "4:2:2": (".mp4", stored_as("yuv422p")),
    "odd size": (".mkv", stored_as("yuv444p", size=ODD)),
    "MPEG-4 in AVI": (".avi", stored_as("yuv420p", codec="mpeg4")),
    "HEVC": (".mov", stored_as("yuv420p", codec="libx265")),
    **{
        kind: (".mov", lambda path, kind=kind: write_beyond(path, kind)) for kind in BEYOND
    },
}  # fmt: skip


@functools.cache
def known_filters() -> str:
    command = [FFMPEG, "-hide_banner", "-filters"]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def reference(path: Path, kind: str, *, deinterlace: bool) -> tuple[np.ndarray, list[float]]:
    """The frames that ffmpeg shows, scaled, and their seconds from the first."""
    with open_video(path) as (_, stream):
        number = stream.index
    filters = ["yadif=deint=interlaced"] if deinterlace else []
    if kind in BEYOND:
        if "zscale" not in known_filters():
            pytest.skip("needs an ffmpeg with zscale, to compare colours with")
        filters.append(TONE_MAPPED if kind.startswith("HDR") else TO_BT709)
    made = subprocess.run(
        [
            *(FFMPEG, "-hide_banner", "-nostats", "-threads", "1", "-i", str(path)),
            *("-map", f"0:{number}", "-vf", ",".join([*filters, SCALED, "showinfo"])),
            *("-fps_mode", "passthrough", "-f", "rawvideo", "-"),
        ],
        capture_output=True,
        check=True,
        timeout=60,
    )
    times = [float(one) for one in re.findall(rb"\bn: *\d+ .*?pts_time:([\d.]+)", made.stderr)]
    frames = np.frombuffer(made.stdout, np.uint8).reshape(-1, SIZE, SIZE, 3)
    return frames, [time - times[0] for time in times]


def check_alike(ours: np.ndarray, theirs: np.ndarray, *, average: float, corner: float) -> None:
    difference = ours.astype(float) - theirs
    assert np.abs(difference).mean() < average
    assert np.abs(corner_colours(ours) - corner_colours(theirs)).max() < corner


@pytest.mark.parametrize("kind", KINDS)
def test_frames_and_times_are_those_of_ffmpeg(tmp_path, kind):
    ending, write = KINDS[kind]
    path = tmp_path / f"a{ending}"
    write(path)
    frames, times = reference(path, kind, deinterlace=False)
    clip, num_repeated = extract_clip(path, num_frames=len(frames), size=SIZE)
    assert num_repeated == 0
    timing = read_video_timing(path)
    since_first = [float((time - timing.times[0]) * timing.unit) for time in timing.times]
    np.testing.assert_allclose(since_first, times, atol=2e-3)
    # All of them; where the rate varies, those nearest to even instants.
    for ours, place in zip(clip, spaced_indices(timing.times, len(frames)), strict=True):
        check_alike(ours, frames[place], average=AVERAGE, corner=CORNER)


@pytest.mark.parametrize("kind", KINDS)
def test_converted_videos_show_what_ffmpeg_shows_at_the_same_instants(tmp_path, kind):
    ending, write = KINDS[kind]
    path, converted = tmp_path / f"a{ending}", tmp_path / "b.mp4"
    write(path)
    convert_video(path, converted, max_side=640)
    frames, times = reference(path, kind, deinterlace=True)
    info = probe_video(converted)
    assert info.duration_seconds == pytest.approx(times[-1] + 1 / info.fps, abs=0.05)
    clip, _ = extract_clip(converted, num_frames=info.num_frames, size=SIZE)
    for index, ours in enumerate(clip):
        instant = index / info.fps
        # The frame nearest in time; of two that are as near, either one.
        distances = np.abs(np.array(times) - instant)
        near = np.flatnonzero(distances <= distances.min() + 0.5 / info.fps)
        differences = [np.abs(ours - frames[place].astype(float)).sum() for place in near]
        theirs = frames[near[np.argmin(differences)]]
        check_alike(ours, theirs, average=AVERAGE_ENCODED, corner=CORNER_ENCODED)
