"""Clips in packed files, the choice of frames, and the views that augmentation makes of a clip.

A *clip* is a uint8 RGB array of shape (num_frames, size, size, 3) in one `.npy` file. A *view* says
how a training clip is shown differently: mirrored, cropped, in other times and colours, with a part
hidden; the same for all its frames, so that what moves still moves as it did.
"""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd

from har.engine.seeds import generator_for

LUMA = (0.299, 0.587, 0.114)  # how bright red, green and blue are, ITU-R BT.601
GREY = 127  # in the middle; what fills an erased box
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
        shift: How much later than that it starts, as a share of the clip, and then holds the last
            frame; below 0 it holds the first one before it starts.
        brightness: Factor of all values.
        contrast: Factor of their distance to the middle grey.
        saturation: Factor of their distance to a grey as bright; 0 makes the clip grey.
        hue: By how much colours turn around the grey axis, in turns.
        erase_size: Side of the box that is filled with grey, as a share of the frame's; 0 for none.
        erase_top: Where the box starts, as a share of the height, in [0, 1 - erase_size].
        erase_left: The same for the width.
    """

    flip: bool = False
    crop_size: float = 1.0
    crop_top: float = 0.0
    crop_left: float = 0.0
    speed: float = 1.0
    start: float = 0.0
    shift: float = 0.0
    brightness: float = 1.0
    contrast: float = 1.0
    saturation: float = 1.0
    hue: float = 0.0
    erase_size: float = 0.0
    erase_top: float = 0.0
    erase_left: float = 0.0


# Fields that came later. A table has one only where a view uses it, so that tables and cached
# features made before it existed are still the right ones.
LATER_FIELDS = (
    "shift", "brightness", "contrast", "saturation", "hue", "erase_size", "erase_top", "erase_left"
)  # fmt: skip


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
    shift: float = 0.0,
    colour: float = 0.0,
    erase: float = 0.0,
    seed: int,
) -> list[View]:
    """Draw the views of one clip; they depend on its name and the seed, not on other clips.

    Shift, colour and the erased box are drawn apart from the rest and from each other: switching
    one on leaves all else as it was.

    Args:
        video_id: The clip's name.
        num_views: How many views.
        flip: Chance of mirroring, in [0, 1].
        crop: Smallest side of the crop as a share of the frame's, in (0, 1].
        speed: Slowest and fastest, both positive; drawn evenly in the logarithm.
        shift: Largest share of the clip by which a view starts later or earlier, in [0, 1).
        colour: Strength, in [0, 1): brightness, contrast and saturation are multiplied by 1 -
            colour to 1 + colour, and the hue turns by up to colour / 4 of a turn.
        erase: Largest side of the box that is filled with grey, as a share of the frame's, in
            [0, 1).
        seed: The run's seed.

    Raises:
        ValueError: A setting is out of its range; the message names it.

    Example:
        >>> first, = draw_views("a", num_views=1, flip=0.5, crop=0.8, speed=(0.5, 2), seed=1)
        >>> first == draw_views("a", num_views=2, flip=0.5, crop=0.8, speed=(0.5, 2), seed=1)[0]
        True
    """
    _check_view_settings(num_views=num_views, flip=flip, crop=crop, speed=speed)
    _check_shares(shift=shift, colour=colour, erase=erase)
    rng = generator_for(seed, "views", video_id)
    views = [_draw_view(rng, flip=flip, crop=crop, speed=speed) for _ in range(num_views)]
    for name, largest, draw in (
        ("shift", shift, _draw_shift),
        ("colour", colour, _draw_colour),
        ("erase", erase, _draw_box),
    ):
        if largest:
            rng = generator_for(seed, "views", video_id, name)
            views = [replace(view, **draw(rng, largest)) for view in views]
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
    return _erase(_recolour(shown, view), view)


def view_indices(view: View, num_frames: int) -> np.ndarray:
    """Return which frame of the clip stands at each place of the view.

    Example:
        >>> view_indices(View(speed=2.0), 6).tolist()  # over in half the time, then still
        [0, 2, 4, 5, 5, 5]
        >>> view_indices(View(speed=0.5, start=0.5), 6).tolist()
        [2, 3, 4, 4, 4, 5]
        >>> view_indices(View(shift=-0.4), 6).tolist()  # still at first
        [0, 0, 0, 1, 2, 3]
    """
    places = view.start * (num_frames - 1) + view.speed * np.arange(num_frames)
    places += view.shift * (num_frames - 1)
    return places.round().clip(0, num_frames - 1).astype(np.int64)


def write_views(path: Path, views: dict[str, list[View]]) -> None:
    """Write the views of each clip as a table: `video_id`, `view` from 1, the view's fields."""
    rows = [
        {"video_id": video_id, "view": number, **asdict(view)}
        for video_id, views_of_clip in views.items()
        for number, view in enumerate(views_of_clip, start=1)
    ]
    table = pd.DataFrame(rows, columns=["video_id", "view", *View.__dataclass_fields__])
    unused = [name for name in LATER_FIELDS if (table[name] == getattr(View, name)).all()]
    table.drop(columns=unused).to_csv(path, index=False)


def read_views(path: Path) -> dict[str, list[View]]:
    """Read what `write_views` wrote, to the last bit."""
    table = pd.read_csv(path, dtype={"video_id": str})
    fields = View.__dataclass_fields__
    columns = [name for name in fields if name in table or name not in LATER_FIELDS]
    views: dict[str, list[View]] = {}
    for row in table.to_dict("records"):
        view = View(**{name: row[name] for name in columns})
        views.setdefault(row["video_id"], []).append(view)
    return views


def describe_view(view: View) -> dict[str, Any]:
    """Return the view's fields, without the later ones that change nothing in it.

    Example:
        >>> describe_view(View(flip=True)) | {"hue": 0.1} == describe_view(View(flip=True, hue=0.1))
        True
    """
    return {
        name: value
        for name, value in asdict(view).items()
        if name not in LATER_FIELDS or value != getattr(View, name)
    }


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


def _draw_shift(rng: np.random.Generator, largest: float) -> dict[str, float]:
    return {"shift": rng.uniform(-largest, largest)}


def _draw_colour(rng: np.random.Generator, strength: float) -> dict[str, float]:
    factors = rng.uniform(1 - strength, 1 + strength, size=3).tolist()
    hue = rng.uniform(-HUE_SHARE * strength, HUE_SHARE * strength)
    return dict(zip(("brightness", "contrast", "saturation"), factors, strict=True)) | {"hue": hue}


def _draw_box(rng: np.random.Generator, largest: float) -> dict[str, float]:
    size = rng.uniform(0, largest)
    top, left = rng.uniform(0, 1 - size, size=2).tolist()
    return {"erase_size": size, "erase_top": top, "erase_left": left}


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


def _erase(frames: np.ndarray, view: View) -> np.ndarray:
    """Fill the view's box in all frames, in place."""
    height, width = frames.shape[1:3]
    top, left = round(view.erase_top * height), round(view.erase_left * width)
    bottom, right = top + round(view.erase_size * height), left + round(view.erase_size * width)
    frames[:, top:bottom, left:right] = GREY
    return frames


def _check_shares(**shares: float) -> None:
    for name, value in shares.items():
        if not isinstance(value, int | float) or not 0 <= value < 1:
            raise ValueError(
                f"augment.{name} is {value!r}; expected a number in [0, 1), where 0 switches it "
                "off. Change it in params.yaml."
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
