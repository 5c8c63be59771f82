"""Augmented views of a clip: one flip, crop, speed and shaking hand for all its frames."""

from dataclasses import asdict, dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from har.engine.files import write_table
from har.engine.seeds import generator_for
from har.names.escaping import as_text

SHAKEN_TURN = 2.0  # degrees, the most that a shaking hand turns the picture
SHAKEN_ZOOM = 0.03  # the most that it zooms
SMOOTHING = 9  # frames over which the hand's way is smoothed


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
        shake: How far the crop walks about as in a shaking hand, as a share of its side, in [0, 1).
        shake_seed: Decides its way.
    """

    flip: bool = False
    crop_size: float = 1.0
    crop_top: float = 0.0
    crop_left: float = 0.0
    speed: float = 1.0
    start: float = 0.0
    shake: float = 0.0
    shake_seed: int = 0


def draw_views(
    video_id: str,
    *,
    num_views: int,
    flip: float,
    crop: float,
    speed: tuple[float, float],
    shake: float = 0.0,
    seed: int,
) -> list[View]:
    """Draw the views of one clip; they depend on its name and the seed, not on other clips.

    Args:
        video_id: The clip's name.
        num_views: How many views.
        flip: Chance of mirroring, in [0, 1].
        crop: Smallest side of the crop as a share of the frame's, in (0, 1].
        speed: Slowest and fastest, both positive; drawn evenly in the logarithm.
        shake: How far the crop walks in one view of two, as a share of its side, in [0, 1); drawn
            apart from the rest, so that switching it off leaves all else as it was.
        seed: The run's seed.

    Example:
        >>> first, = draw_views("a", num_views=1, flip=0.5, crop=0.8, speed=(0.5, 2), seed=1)
        >>> first == draw_views("a", num_views=2, flip=0.5, crop=0.8, speed=(0.5, 2), seed=1)[0]
        True
    """
    rng = generator_for(seed, "views", video_id)
    views = [_draw_view(rng, flip=flip, crop=crop, speed=speed) for _ in range(num_views)]
    if shake:
        rng = generator_for(seed, "views", video_id, "shake")
        seeds = rng.integers(2**31, size=len(views)).tolist()
        views[::2] = [
            replace(view, shake=shake, shake_seed=drawn)
            for view, drawn in zip(views[::2], seeds[::2], strict=True)
        ]
    return views


def apply_view(clip: np.ndarray, view: View, places: np.ndarray | None = None) -> np.ndarray:
    """Show a clip through a view.

    Args:
        clip: uint8 RGB, shape (num_frames, size, size, 3).
        view: The same for every frame.
        places: Which frames of the view are wanted, int, shape (num_wanted,); None for all.

    Returns:
        uint8 RGB, shape (num_wanted, size, size, 3), a new array.
    """
    num_frames, height, width, channels = clip.shape
    places = np.arange(num_frames) if places is None else places
    sources = view_indices(view, num_frames)[places]
    if view.shake:
        return _show_windows(clip, sources, view_windows(view, num_frames)[places])
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


def view_windows(view: View, num_frames: int) -> np.ndarray:
    """Return which part of its frame each place of the view shows.

    Returns:
        float64, shape (num_frames, 2, 3): takes (column, row, 1) in the view, as shares of its
        width and height, to the place in the frame, in the same units.
    """
    windows = np.zeros((num_frames, 2, 3))
    walk = np.zeros((num_frames, 4))
    if view.shake:
        walk = _walk(np.random.default_rng(view.shake_seed), num_frames)
    side = view.crop_size * (1 - view.shake)
    turn = np.deg2rad(SHAKEN_TURN) * walk[:, 2]
    scale = side * (1 + SHAKEN_ZOOM * walk[:, 3])
    windows[:, 0, 0] = windows[:, 1, 1] = scale * np.cos(turn)
    windows[:, 1, 0], windows[:, 0, 1] = scale * np.sin(turn), -scale * np.sin(turn)
    middle = np.array([view.crop_left, view.crop_top]) + view.crop_size / 2
    middle = middle + walk[:, :2] * view.crop_size * view.shake / 2
    if view.flip:
        windows[:, :, 0] *= -1
    windows[:, :, 2] = middle - windows[:, :, :2] @ [0.5, 0.5]
    return windows


def write_views(path: Path, views: dict[str, list[View]]) -> None:
    """Write the views of each clip as a table: `video_id`, `view` from 1, the view's fields."""
    import pandas as pd  # here: naming new videos needs no tables

    rows = [
        {"video_id": video_id, "view": number, **asdict(view)}
        for video_id, views_of_clip in views.items()
        for number, view in enumerate(views_of_clip, start=1)
    ]
    table = pd.DataFrame(rows, columns=["video_id", "view", *View.__dataclass_fields__])
    write_table(table, path)


def read_views(path: Path) -> dict[str, list[View]]:
    """Read what `write_views` wrote, to the last bit."""
    import pandas as pd

    table = pd.read_csv(path, dtype={"video_id": str})
    table["video_id"] = table["video_id"].map(as_text)
    views: dict[str, list[View]] = {}
    for row in table.to_dict("records"):
        view = View(**{name: row[name] for name in View.__dataclass_fields__})
        views.setdefault(row["video_id"], []).append(view)
    return views


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


def _walk(rng: np.random.Generator, num_frames: int) -> np.ndarray:
    """Return a smooth random way in [-1, 1]: right, down, turn and zoom, shape (num_frames, 4)."""
    steps = rng.normal(size=(num_frames + 2 * SMOOTHING, 4))
    weights = np.hanning(SMOOTHING)
    way = np.stack([np.convolve(one, weights, "same") for one in np.cumsum(steps, axis=0).T], -1)
    way = way[SMOOTHING : SMOOTHING + num_frames]
    way = way - way.mean(axis=0)
    return way / (np.abs(way).max(axis=0) + 1e-9) * rng.uniform(0.5, 1, size=4)


def _show_windows(clip: np.ndarray, sources: np.ndarray, windows: np.ndarray) -> np.ndarray:
    """Return the part of each source frame that its window shows, as large as the frame."""
    size = (clip.shape[2], clip.shape[1])
    to_shares = np.array(
        [[1 / size[0], 0, 0.5 / size[0]], [0, 1 / size[1], 0.5 / size[1]], [0, 0, 1]]
    )
    to_pixels = np.linalg.inv(to_shares)[:2]
    shown = np.empty((len(sources), *clip.shape[1:]), dtype=clip.dtype)
    for target, (source, window) in enumerate(zip(sources, windows, strict=True)):
        window = to_pixels @ np.vstack([window, [0, 0, 1]]) @ to_shares
        shown[target] = cv2.warpAffine(
            np.ascontiguousarray(clip[source]),
            window,
            size,
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
    return shown
