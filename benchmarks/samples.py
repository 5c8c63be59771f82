"""Inputs of the benchmarks: generated videos that cost a decoder what real ones do."""

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np

from har.video.writing import open_output, set_up_stream, write_video

FPS = 30
CRF = 20
TEXTURE = ((64, 45), (16, 25), (4, 14), (1, 5))  # size of a patch in pixels, deviation of its grey
NOISE = 2.5  # deviation of the sensor's noise, new in each frame
PHONE_GOP = FPS  # phones set a key frame each second


def moving_frames(
    num_frames: int, width: int, height: int, *, seed: int = 0
) -> Iterator[np.ndarray]:
    """Yield frames of a textured scene: the camera pans and shakes, a figure walks, noise.

    Args:
        num_frames: Number of frames.
        width: In pixels.
        height: In pixels.
        seed: Another one gives another scene.

    Yields:
        uint8 RGB, shape (height, width, 3).
    """
    rng = np.random.default_rng(seed)
    margin = 32
    scene = _texture(height + 2 * margin, width + 2 * margin + num_frames, rng)
    figure = _texture(height // 2, max(2, width // 8), rng)
    # Drawing new noise is slow; another place of one large picture of noise is as good.
    noise = rng.normal(0, NOISE, (height + margin, width + margin, 1)).astype(np.float32)
    for time in range(num_frames):
        top = margin + round(6 * np.sin(time / 9)) + int(rng.integers(-1, 2))
        frame = scene[top : top + height, time : time + width].copy()
        left = round((width - figure.shape[1]) * (0.5 + 0.5 * np.sin(time / 25)))
        rise = height // 4 + round(height / 60 * np.sin(time / 2))
        frame[rise : rise + len(figure), left : left + figure.shape[1]] = figure
        down, right = rng.integers(0, margin, 2)
        frame += noise[down : down + height, right : right + width]
        yield frame.clip(0, 255).astype(np.uint8)


def write_sample(
    path: Path, *, kind: str, width: int, height: int, num_frames: int, seed: int = 0
) -> Path:
    """Write a video of `moving_frames`.

    Args:
        path: The file.
        kind: `x264` (H.264, key frames up to 250 apart, B-frames: what most programs write),
            `phone` (H.264, a key frame a second, no B-frames) or `hevc` (a key frame a second,
            B-frames).
        width: In pixels.
        height: In pixels.
        num_frames: Number of frames.
        seed: Of the scene.
    """
    frames = moving_frames(num_frames, width, height, seed=seed)
    if kind == "x264":
        write_video(path, frames, fps=FPS, crf=CRF)
    elif kind == "hevc":
        write_video(path, frames, fps=FPS, crf=CRF, codec="libx265", gop=PHONE_GOP)
    else:
        _write_without_b_frames(path, frames, width, height)
    return path


def _write_without_b_frames(
    path: Path, frames: Iterator[np.ndarray], width: int, height: int
) -> None:
    options = {"crf": str(CRF), "preset": "veryfast"}
    with open_output(path) as output:
        stream = output.add_stream("libx264", rate=FPS, options=options)
        set_up_stream(stream, width, height, pixel_format="yuv420p", threads=1)
        stream.gop_size, stream.max_b_frames = PHONE_GOP, 0
        for array in frames:
            output.mux(stream.encode(av.VideoFrame.from_ndarray(array, format="rgb24")))
        output.mux(stream.encode(None))


def _texture(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    picture = np.full((height, width, 3), 120, np.float32)
    for size, deviation in TEXTURE:
        shape = (-(-height // size), -(-width // size))
        # Mostly light and dark, a little colour: as surfaces are, and as codecs count on.
        patches = rng.normal(0, deviation, (*shape, 1)) + rng.normal(0, deviation / 5, (*shape, 3))
        large = np.repeat(np.repeat(patches.astype(np.float32), size, axis=0), size, axis=1)
        picture += large[:height, :width]
    return picture
