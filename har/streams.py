"""What the backbone is shown of a clip: its frames as they are, and how they change.

Two streams, of which one sees what there is and the other what moves, as in Simonyan and Zisserman,
"Two-Stream Convolutional Networks for Action Recognition in Videos", NeurIPS 2014. Here one
backbone sees both, and motion is the difference of two frames instead of optical flow.
"""

from types import ModuleType
from typing import Any

import numpy as np

STREAMS = ("frames", "motion")
MOTION_GAIN = 2  # small differences are dark; larger ones than 127 grey levels are cut off


def show_stream(name: str, clips: Any, *, xp: ModuleType = np) -> Any:
    """Return what a stream shows of clips.

    Args:
        name: One of `STREAMS`.
        clips: uint8 RGB, shape (..., num_frames, height, width, 3).
        xp: Computes it: `numpy`, or `keras.ops` within a model, with the same result.

    Returns:
        uint8, the same shape as the clips.

    Example:
        >>> clips = np.array([10, 13, 9], dtype=np.uint8).reshape(3, 1, 1, 1)
        >>> show_stream("motion", clips).ravel().tolist()
        [6, 6, 8]
    """
    if name == "frames":
        return clips
    num_frames = clips.shape[-4]
    # The first frame has none before it: it is compared to the second; of 3 frames to 1, 0, 1.
    others = np.abs(np.arange(num_frames) - 1).clip(max=num_frames - 1)
    before = xp.take(clips, others, axis=-4)
    difference = xp.maximum(clips, before) - xp.minimum(clips, before)
    return xp.minimum(difference, np.uint8(255 // MOTION_GAIN)) * np.uint8(MOTION_GAIN)


def read_features(path: str, streams: tuple[str, ...] = ("frames",)) -> list[np.ndarray]:
    """Return the features of a video in each of some streams, mapped from its packed file.

    Args:
        path: The file that the stage `features` wrote, of shape (1 + num_views, num_streams,
            num_frames, num_features).
        streams: Of `STREAMS`.

    Returns:
        One array per stream, float32, shape (1 + num_views, num_frames, num_features).
    """
    packed = np.load(path, mmap_mode="r")
    return [packed[:, STREAMS.index(stream)] for stream in streams]
