"""Which of the features that stand side by side are of which stream."""

from collections.abc import Sequence

from har.clips.streams import POSE, picture_streams
from har.pose.joints import NUM_POSE_FEATURES


def stream_slices(streams: Sequence[str], num_features: int) -> dict[str, slice]:
    """Return where the features of each stream stand.

    Args:
        streams: In the order in which their features stand.
        num_features: Of all streams together.

    Example:
        >>> stream_slices(["frames", "pose"], 1280 + NUM_POSE_FEATURES)["pose"]
        slice(1280, 1333, None)
    """
    num_pictures = len(picture_streams(streams))
    num_of_pictures = num_features - streams.count(POSE) * NUM_POSE_FEATURES
    slices, start = {}, 0
    for stream in streams:
        width = NUM_POSE_FEATURES if stream == POSE else num_of_pictures // num_pictures
        slices[stream] = slice(start, start + width)
        start += width
    return slices
