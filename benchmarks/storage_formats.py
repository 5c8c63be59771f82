"""The ways to keep a clip that `benchmarks.storage` compares."""

import functools
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np

from benchmarks.samples import FPS
from har.clips.clip import load_clip
from har.video.writing import write_video

OURS, JPEG_FILES = ".npy", "a file per JPEG, quality 95"


@dataclass(frozen=True)
class Format:
    """A way to keep a clip.

    Attributes:
        ending: Of its file; empty for a folder.
        write: Takes the path and the clip.
        read: Takes the path and returns the clip, or an array that reads as it is indexed.
    """

    ending: str
    write: Callable[[Path, np.ndarray], object]
    read: Callable[[Path], np.ndarray]


def write_jpegs(folder: Path, clip: np.ndarray) -> None:
    """Write a file per frame."""
    folder.mkdir(exist_ok=True)
    for index, frame in enumerate(clip):
        (folder / f"{index:03}.jpg").write_bytes(to_jpeg(frame))


def read_jpegs(folder: Path) -> np.ndarray:
    """Read a file per frame."""
    return np.stack([from_jpeg(path.read_bytes()) for path in sorted(folder.iterdir())])


def write_zip(path: Path, clip: np.ndarray) -> None:
    """Write one archive of all frames, not compressed any further."""
    with zipfile.ZipFile(path, "w") as archive:
        for index, frame in enumerate(clip):
            archive.writestr(f"{index:03}.jpg", to_jpeg(frame))


def read_zip(path: Path) -> np.ndarray:
    """Read all frames of an archive."""
    with zipfile.ZipFile(path) as archive:
        return np.stack([from_jpeg(archive.read(name)) for name in archive.namelist()])


def to_jpeg(frame: np.ndarray) -> bytes:
    """Encode an RGB frame at quality 95."""
    bgr = cv2.cvtColor(frame, cv2.COLOR_RGB2BGR)
    return cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()


def from_jpeg(content: bytes) -> np.ndarray:
    """Decode to an RGB frame."""
    return cv2.cvtColor(cv2.imdecode(np.frombuffer(content, np.uint8), -1), cv2.COLOR_BGR2RGB)


def read_npz(path: Path) -> np.ndarray:
    """Read the one array of a compressed file."""
    with np.load(path) as arrays:
        return arrays["clip"]


def read_video(path: Path) -> np.ndarray:
    """Decode all frames with one thread."""
    with av.open(str(path)) as container:
        container.streams.video[0].codec_context.thread_count = 1
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


FORMATS = {
    OURS: Format(".npy", np.save, load_clip),
    "compressed .npz": Format(
        ".npz", lambda path, clip: np.savez_compressed(path, clip=clip), read_npz
    ),
    "zip of JPEG, quality 95": Format(".zip", write_zip, read_zip),
    JPEG_FILES: Format("", write_jpegs, read_jpegs),
    "FFV1 video": Format(
        ".mkv",
        functools.partial(write_video, fps=FPS, codec="ffv1", pixel_format="bgr0"),
        read_video,
    ),
    "H.264 video, CRF 18": Format(
        ".mp4", functools.partial(write_video, fps=FPS, crf=18), read_video
    ),
}
