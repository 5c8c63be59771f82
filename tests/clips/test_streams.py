"""What the backbone is shown of a clip, alone and within a model."""

import numpy as np
import pytest

from har.clips.streams import STREAMS, find_person, show_streams

SIZE = 8


def random_clip(num_frames: int = 6) -> np.ndarray:
    shape = (num_frames, SIZE, SIZE, 3)
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def show_stream(name: str, clip: np.ndarray, context: float = 1.0) -> np.ndarray:
    (shown,) = show_streams([name], clip, context=context)
    return shown


def test_motion_is_twice_the_difference_to_the_frame_before():
    clip = random_clip()
    motion = show_stream("motion", clip)
    difference = np.abs(np.diff(clip.astype(int), axis=0))
    assert motion.dtype == np.uint8
    assert np.array_equal(motion[1:], np.minimum(2 * difference, 254))
    assert np.array_equal(motion[0], motion[1])


def test_motion_of_one_frame_is_nothing():
    assert not show_stream("motion", random_clip(1)).any()


def test_show_streams_gives_each_what_it_gives_alone():
    clip = walking_square(num_frames=9)
    together = show_streams(list(STREAMS), clip, context=1.2)
    for name, shown in zip(STREAMS, together, strict=True):
        assert np.array_equal(shown, show_stream(name, clip, context=1.2))
        assert (shown.dtype, shown.shape) == (np.uint8, clip.shape)
    assert not np.array_equal(together[2], show_stream("person", clip, context=2.0))


def walking_square(num_frames: int = 12, size: int = 64) -> np.ndarray:
    """Return a bright square of 12 pixels that goes right by 3 a frame, from column 8."""
    clip = np.full((num_frames, size, size, 3), 40, np.uint8)
    for place, frame in enumerate(clip):
        frame[20:32, 8 + 3 * place : 20 + 3 * place] = 200
    return clip


def test_find_person_follows_who_moves_with_a_box_of_one_size():
    motion = show_stream("motion", walking_square())
    left, top, side = find_person(motion, context=1.0)
    assert 16 <= side <= 32
    centres = left + side // 2
    # Near the ends of the clip only frames from one side are near, so that the box lags there.
    assert (np.diff(centres) >= 0).all()
    assert abs(centres[6] - (8 + 6 + 3 * 6)) <= 3
    assert (np.abs(top + side // 2 - 26) <= 3).all()
    wider = find_person(motion, context=1.5)[2]
    assert wider == pytest.approx(1.5 * side, abs=1)


@pytest.mark.parametrize("clip", [np.zeros((6, 16, 16, 3), np.uint8), random_clip()])
def test_find_person_takes_the_whole_frame_when_nothing_or_everything_moves(clip):
    left, top, side = find_person(show_stream("motion", clip), context=1.2)
    assert side == clip.shape[1]
    assert not left.any()
    assert not top.any()
    assert np.array_equal(show_stream("person", clip, context=1.2), clip)


def test_person_is_as_large_in_the_picture_wherever_it_walks():
    shown = show_stream("person", walking_square(), context=1.2)
    bright = (shown > 120).all(axis=-1).sum(axis=(1, 2))
    assert bright.min() > 2 * 12 * 12
    assert bright.max() - bright.min() < 0.1 * bright.max()


def test_show_stream_names_the_streams_when_there_is_none_of_that_name():
    with pytest.raises(ValueError, match=r"There is no stream 'sound'; expected one of frames, m"):
        show_streams(["frames", "sound"], random_clip())
