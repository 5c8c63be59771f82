"""The camera's motion: found where it is known, and taken out of the streams."""

import cv2
import numpy as np
import pytest

from har.clips.camera import (
    MOVING,
    STILL,
    camera_motion,
    camera_state,
    follow_camera,
    measure_camera,
)
from har.clips.streams import show_streams
from har.clips.views import View, apply_view

SIZE = 128


def textured(size: int = SIZE) -> np.ndarray:
    """A picture with corners everywhere, uint8 RGB."""
    rng = np.random.default_rng(0)
    patches = rng.integers(0, 256, (size // 8, size // 8, 3), dtype=np.uint8)
    return cv2.resize(patches, (size, size), interpolation=cv2.INTER_NEAREST)


def walking_person(num_frames: int = 12) -> np.ndarray:
    """A still picture with a bright box that goes right in front of it."""
    clip = np.stack([textured() // 2] * num_frames)
    for place, frame in enumerate(clip):
        frame[40:100, 10 + 6 * place : 34 + 6 * place] = (230, 210, 190)
    return clip


@pytest.mark.parametrize(("right", "turn", "zoom"), [(4, 0, 1.0), (0, 2, 1.0), (-3, 1, 1.03)])
def test_a_move_of_the_whole_picture_is_found(right, turn, zoom):
    move = cv2.getRotationMatrix2D((SIZE / 2, SIZE / 2), turn, zoom)
    move[0, 2] += right
    picture = textured()
    after = cv2.warpAffine(picture, move, (SIZE, SIZE), borderMode=cv2.BORDER_REFLECT)
    first, found = camera_motion(np.stack([picture, after]))
    assert np.array_equal(first, STILL)
    corners = np.array([[16, 16, 1], [112, 16, 1], [16, 112, 1], [112, 112, 1]])
    assert corners @ found.T == pytest.approx(corners @ move.T, abs=0.7)
    followed, known = follow_camera(picture, found)
    assert np.median(np.abs(followed.astype(int) - after)[known]) < 12
    assert 0.7 < known.mean() < 1


@pytest.mark.parametrize(
    "clip",
    [np.full((4, 64, 64, 3), 90, np.uint8), np.stack([textured()] * 4), walking_person()],
    ids=["nothing", "a still picture", "a person before it"],
)
def test_a_camera_that_stands_still_changes_nothing(clip):
    assert all(np.array_equal(move, STILL) for move in camera_motion(clip))
    assert follow_camera(clip[0], STILL) == (pytest.approx(clip[0]), None)


def test_a_shaking_hand_is_taken_out_of_motion_and_of_where_the_person_is():
    clip = walking_person()
    shaken = apply_view(clip, View(shake=0.1, shake_seed=5))
    still, moved = (show_streams(["motion", "person"], one, context=1.2) for one in (clip, shaken))
    uncompensated = cv2.absdiff(shaken[1:], shaken[:-1]).mean() * 2
    assert moved[0].mean() < 0.6 * uncompensated
    bright = [(person > 180).all(axis=-1).mean() for person in (still[1], moved[1])]
    assert bright[1] == pytest.approx(bright[0], rel=0.5)
    assert bright[1] > 1.5 * (shaken > 180).all(axis=-1).mean()  # the box holds the person


def test_the_same_clip_has_the_same_motion_again():
    clip = apply_view(walking_person(), View(shake=0.1, shake_seed=5))
    assert np.array_equal(camera_motion(clip), camera_motion(clip))


def panning(step: int, num_frames: int = 6) -> np.ndarray:
    wall = textured(2 * SIZE)
    return np.stack([wall[:SIZE, step * i : step * i + SIZE] for i in range(num_frames)])


def test_measure_camera_returns_how_far_the_middle_of_the_picture_moves():
    assert measure_camera(panning(4)) == pytest.approx(4 / SIZE, rel=0.02)
    assert measure_camera(walking_person()) < MOVING / 3
    shaken = apply_view(walking_person(), View(shake=0.1, shake_seed=5))
    assert camera_state(measure_camera(shaken)) == "moving"


def test_measure_camera_does_not_take_a_person_before_a_bare_wall_for_the_camera():
    clip = np.full((6, SIZE, SIZE, 3), 220, np.uint8)
    for place, frame in enumerate(clip):
        frame[40:100, 20 + 4 * place : 60 + 4 * place] = textured()[:60, :40]
    assert not np.array_equal(camera_motion(clip)[1], STILL)  # all that has corners moves
    assert camera_state(measure_camera(clip)) == "cannot be told"


@pytest.mark.parametrize("num_frames", [0, 1])
def test_measure_camera_tells_nothing_without_two_frames(num_frames):
    assert np.isnan(measure_camera(panning(0)[:num_frames]))
