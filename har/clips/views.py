"""Augmented views of a clip: one flip, crop, speed and colour for all its frames."""

from dataclasses import asdict, dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from har.engine.seeds import generator_for

LUMA = (0.299, 0.587, 0.114)  # how bright red, green and blue are, ITU-R BT.601
GREY = 127  # in the middle
HUE_SHARE = 0.25  # of a turn, the largest change of hue at a strength of 1


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
        brightness: Factor of all values.
        contrast: Factor of their distance to the middle grey.
        saturation: Factor of their distance to a grey as bright; 0 makes the clip grey.
        hue: By how much colours turn around the grey axis, in turns.
    """

    flip: bool = False
    crop_size: float = 1.0
    crop_top: float = 0.0
    crop_left: float = 0.0
    speed: float = 1.0
    start: float = 0.0
    brightness: float = 1.0
    contrast: float = 1.0
    saturation: float = 1.0
    hue: float = 0.0


def draw_views(
    video_id: str,
    *,
    num_views: int,
    flip: float,
    crop: float,
    speed: tuple[float, float],
    colour: float = 0.0,
    seed: int,
) -> list[View]:
    """Draw the views of one clip; they depend on its name and the seed, not on other clips.

    Colour is drawn apart from the rest: switching it on leaves all else as it was.

    Args:
        video_id: The clip's name.
        num_views: How many views.
        flip: Chance of mirroring, in [0, 1].
        crop: Smallest side of the crop as a share of the frame's, in (0, 1].
        speed: Slowest and fastest, both positive; drawn evenly in the logarithm.
        colour: Strength, in [0, 1): brightness, contrast and saturation are multiplied by 1 -
            colour to 1 + colour, and the hue turns by up to colour / 4 of a turn.
        seed: The run's seed.

    Example:
        >>> first, = draw_views("a", num_views=1, flip=0.5, crop=0.8, speed=(0.5, 2), seed=1)
        >>> first == draw_views("a", num_views=2, flip=0.5, crop=0.8, speed=(0.5, 2), seed=1)[0]
        True
    """
    rng = generator_for(seed, "views", video_id)
    views = [_draw_view(rng, flip=flip, crop=crop, speed=speed) for _ in range(num_views)]
    if colour:
        rng = generator_for(seed, "views", video_id, "colour")
        views = [replace(view, **_draw_colour(rng, colour)) for view in views]
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
    return _recolour(shown, view)


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
    table = pd.DataFrame(rows, columns=["video_id", "view", *View.__dataclass_fields__])
    table.to_csv(path, index=False)


def read_views(path: Path) -> dict[str, list[View]]:
    """Read what `write_views` wrote, to the last bit."""
    table = pd.read_csv(path, dtype={"video_id": str})
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


def _draw_colour(rng: np.random.Generator, strength: float) -> dict[str, float]:
    factors = rng.uniform(1 - strength, 1 + strength, size=3).tolist()
    hue = rng.uniform(-HUE_SHARE * strength, HUE_SHARE * strength)
    return dict(zip(("brightness", "contrast", "saturation"), factors, strict=True)) | {"hue": hue}


def _recolour(frames: np.ndarray, view: View) -> np.ndarray:
    """Return frames in the colours of the view; all four changes are one matrix."""
    if (view.brightness, view.contrast, view.saturation, view.hue) == (1.0, 1.0, 1.0, 0.0):
        return frames
    to_grey = np.tile(LUMA, (3, 1))
    saturate = to_grey + view.saturation * (np.eye(3) - to_grey)
    matrix = view.contrast * view.brightness * _turn_hue(view.hue) @ saturate
    offset = np.full((3, 1), (1 - view.contrast) * GREY)
    # Over one long picture; values beyond 0 and 255 become these.
    picture = frames.reshape(1, -1, 3)
    return cv2.transform(picture, np.hstack([matrix, offset])).reshape(frames.shape)


def _turn_hue(turns: float) -> np.ndarray:
    """Return the rotation of RGB about the grey axis, on which red, green and blue are equal."""
    cosine, sine = np.cos(2 * np.pi * turns), np.sin(2 * np.pi * turns)
    axis = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / np.sqrt(3)
    return cosine * np.eye(3) + (1 - cosine) / 3 + sine * axis
