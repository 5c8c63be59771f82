"""Which of the features that stand side by side are of which stream."""

from collections.abc import Sequence

from har.clips.streams import POSE
from har.pose.joints import NUM_POSE_FEATURES


def stream_widths(streams: Sequence[str], num_features: int) -> list[int]:
    """Return how many of the features of all streams are each one's.

    Args:
        streams: In the order in which their features stand.
        num_features: Of all streams together.

    Example:
        >>> stream_widths(["frames", "pose", "motion"], 2 * 1280 + NUM_POSE_FEATURES)
        [1280, 88, 1280]
    """
    num_pictures = len(streams) - streams.count(POSE)
    width = (num_features - streams.count(POSE) * NUM_POSE_FEATURES) // max(1, num_pictures)
    return [NUM_POSE_FEATURES if stream == POSE else width for stream in streams]


def stream_slices(streams: Sequence[str], num_features: int) -> dict[str, slice]:
    """Return where the features of each stream stand."""
    slices, start = {}, 0
    for stream, width in zip(streams, stream_widths(streams, num_features), strict=True):
        slices[stream] = slice(start, start + width)
        start += width
    return slices
