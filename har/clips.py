"""Clips in packed files, the choice of frames, and the views that augmentation makes of a clip.

A *clip* is a uint8 RGB array of shape (num_frames, size, size, 3) in one `.npy` file. A *view* says
how a training clip is shown differently: mirrored, cropped, faster or slower, the same for all its
frames, so that what moves still moves as it did.
"""

import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd


@dataclass(frozen=True)
class View:
    """One way to show a clip.

    Attributes:
        flip: Whether left and right change places.
        crop_size: Side of the crop as a share of the frame's, in (0, 1].
        crop_top: Where the crop starts, as a share of the height, in [0, 1 - crop_size].
        crop_left: The same for the width.
        speed: How fast time goes; 2 shows the whole clip in half the frames and then holds the
            last one, 0.5 stretches half of the clip over all frames.
        start: Where in time the view starts, as a share of the clip; 0 where speed is 1 or more.
    """

    flip: bool = False
    crop_size: float = 1.0
    crop_top: float = 0.0
    crop_left: float = 0.0
    speed: float = 1.0
    start: float = 0.0


def load_clip(path: Path | str) -> np.ndarray:
    """Return a clip, mapped from its file so that only the frames used are read.

    Returns:
        uint8 RGB, shape (num_frames, size, size, 3), read-only.
    """
    return np.load(path, mmap_mode="r")


def even_indices(num_available: int, num_wanted: int) -> np.ndarray:
    """Return which of `num_available` frames to take for `num_wanted`, evenly spaced.

    The first and the last are always taken. With fewer frames than wanted, some repeat.

    Returns:
        int64, shape (num_wanted,), rising.

    Example:
        >>> even_indices(30, 4).tolist()
        [0, 10, 19, 29]
    """
    return np.linspace(0, num_available - 1, num_wanted).round().astype(np.int64)


def draw_views(
    video_id: str,
    *,
    num_views: int,
    flip: float,
    crop: float,
    speed: tuple[float, float],
    seed: int,
) -> list[View]:
    """Draw the views of one clip; they depend on its name and the seed, not on other clips.

    Args:
        video_id: The clip's name.
        num_views: How many views.
        flip: Chance of mirroring, in [0, 1].
        crop: Smallest side of the crop as a share of the frame's, in (0, 1].
        speed: Slowest and fastest, both positive; drawn evenly in the logarithm.
        seed: The run's seed.

    Example:
        >>> first, = draw_views("a", num_views=1, flip=0.5, crop=0.8, speed=(0.5, 2), seed=1)
        >>> first == draw_views("a", num_views=2, flip=0.5, crop=0.8, speed=(0.5, 2), seed=1)[0]
        True
    """
    _check_view_settings(num_views=num_views, flip=flip, crop=crop, speed=speed)
    rng = generator_for(seed, "views", video_id)
    return [_draw_view(rng, flip=flip, crop=crop, speed=speed) for _ in range(num_views)]


def apply_view(clip: np.ndarray, view: View, places: np.ndarray | None = None) -> np.ndarray:
    """Show a clip through a view.

    Args:
        clip: uint8 RGB, shape (num_frames, size, size, 3).
        view: The same flip, crop and speed for every frame.
        places: Which frames of the view are wanted, int, shape (num_wanted,); None for all.

    Returns:
        uint8 RGB, shape (num_wanted, size, size, 3), a new array.
    """
    num_frames, height, width, channels = clip.shape
    sources = view_indices(view, num_frames)
    sources = sources if places is None else sources[places]
    crop_height = max(1, round(view.crop_size * height))
    crop_width = max(1, round(view.crop_size * width))
    # Both rounded up, the last row of the crop could lie outside.
    top = min(round(view.crop_top * height), height - crop_height)
    left = min(round(view.crop_left * width), width - crop_width)
    shown = np.empty((len(sources), height, width, channels), dtype=clip.dtype)
    for target, source in enumerate(sources):
        frame = clip[source, top : top + crop_height, left : left + crop_width]
        if view.flip:
            frame = frame[:, ::-1]
        shown[target] = cv2.resize(
            np.ascontiguousarray(frame), (width, height), interpolation=cv2.INTER_LINEAR
        )
    return shown


def view_indices(view: View, num_frames: int) -> np.ndarray:
    """Return which frame of the clip stands at each place of the view.

    Example:
        >>> view_indices(View(speed=2.0), 6).tolist()  # over in half the time, then still
        [0, 2, 4, 5, 5, 5]
        >>> view_indices(View(speed=0.5, start=0.5), 6).tolist()
        [2, 3, 4, 4, 4, 5]
    """
    places = view.start * (num_frames - 1) + view.speed * np.arange(num_frames)
    return places.round().clip(0, num_frames - 1).astype(np.int64)


def write_views(path: Path, views: dict[str, list[View]]) -> None:
    """Write the views of each clip as a table: `video_id`, `view` from 1, the view's fields."""
    rows = [
        {"video_id": video_id, "view": number, **asdict(view)}
        for video_id, views_of_clip in views.items()
        for number, view in enumerate(views_of_clip, start=1)
    ]
    columns = ["video_id", "view", *View.__dataclass_fields__]
    pd.DataFrame(rows, columns=columns).to_csv(path, index=False)


def read_views(path: Path) -> dict[str, list[View]]:
    """Read what `write_views` wrote, to the last bit."""
    table = pd.read_csv(path, dtype={"video_id": str})
    views: dict[str, list[View]] = {}
    for row in table.to_dict("records"):
        fields = {name: row[name] for name in View.__dataclass_fields__}
        views.setdefault(row["video_id"], []).append(View(**fields))
    return views


def generator_for(seed: int, *names: str) -> np.random.Generator:
    """Return a random generator of its own for a purpose and a name.

    Drawing for one video then never depends on which other videos there are.
    """
    text = "\0".join([str(seed), *names])
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "little"))


def _draw_view(
    rng: np.random.Generator, *, flip: float, crop: float, speed: tuple[float, float]
) -> View:
    crop_size = rng.uniform(crop, 1.0)
    drawn_speed = float(np.exp(rng.uniform(np.log(speed[0]), np.log(speed[1]))))
    return View(
        flip=bool(rng.random() < flip),
        crop_size=crop_size,
        crop_top=rng.uniform(0, 1 - crop_size),
        crop_left=rng.uniform(0, 1 - crop_size),
        speed=drawn_speed,
        start=rng.uniform(0, max(0.0, 1 - drawn_speed)),
    )


def _check_view_settings(
    *, num_views: int, flip: float, crop: float, speed: tuple[float, float]
) -> None:
    is_speed = len(speed) == 2 and 0 < speed[0] <= speed[1]
    if num_views < 0 or not 0 <= flip <= 1 or not 0 < crop <= 1 or not is_speed:
        raise ValueError(
            f"augment has num_views {num_views}, flip {flip}, crop {crop} and speed {speed}; "
            "expected num_views of 0 or more, flip in [0, 1], crop in (0, 1], and speed as two "
            "positive numbers, the slower first. Change them in params.yaml."
        )
