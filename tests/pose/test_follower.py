"""A person followed through frames as they arrive."""

import cv2
import numpy as np
import pytest
from drawn_people import whole_people

from har.demo import draw_frames
from har.pose.follower import Follower
from har.pose.following import clip_landmarks
from har.pose.networks import PoseNetworks, find_pose_files

SIZE = 224


@pytest.fixture(scope="module")
def networks() -> PoseNetworks:
    return PoseNetworks(*find_pose_files())


@pytest.fixture(scope="module")
def person() -> tuple[np.ndarray, float]:
    """Square frames of a drawn person, and the aspect that they had."""
    video = next(whole_people("walking"))
    frames = [cv2.resize(frame, (SIZE, SIZE)) for frame in draw_frames(video)]
    return np.stack(frames[:24]), video.size[0] / video.size[1]


def follow(networks: PoseNetworks, frames: np.ndarray, aspect: float) -> np.ndarray:
    follower = Follower(networks, aspect=aspect, person="moving")
    return np.stack([follower.look(frame) for frame in frames])


def test_follower_finds_what_is_found_in_a_clip(networks, person):
    frames, aspect = person
    in_clip = clip_landmarks(frames, networks, aspect=aspect)
    found = follow(networks, frames, aspect)
    assert np.isfinite(found).all()
    difference = np.abs(found[:, 11:, :2] - in_clip[:, 11:, :2])  # without the face
    assert np.median(difference) < 0.01  # heights of the frame


def test_follower_finds_nobody_in_an_empty_picture_and_whoever_comes(networks, person):
    frames, aspect = person
    empty = np.full((15, SIZE, SIZE, 3), 120, np.uint8)
    found = follow(networks, np.concatenate([empty, frames]), aspect)
    is_found = np.isfinite(found[:, 0, 0])
    assert not is_found[:15].any()
    assert is_found[15:].mean() > 0.9


def test_follower_lets_go_of_whoever_has_left(networks, person):
    """The picture fades, so that nothing tells of a cut."""
    frames, aspect = person
    grey = np.full_like(frames[0], 120)
    fading = [
        cv2.addWeighted(frames[-1], 1 - share, grey, share, 0) for share in np.linspace(0.1, 1, 10)
    ]
    gone = np.repeat(grey[np.newaxis], 25, axis=0)
    found = follow(networks, np.concatenate([frames, fading, gone]), aspect)
    is_found = np.isfinite(found[:, 0, 0])
    assert is_found[:24].all()
    assert not is_found[-5:].any()


def test_follower_starts_anew_after_a_cut(networks, person):
    frames, aspect = person
    mirrored = 255 - frames[:, :, ::-1]
    found = follow(networks, np.concatenate([frames[:5], mirrored[:5]]), aspect)
    alone = follow(networks, mirrored[:5], aspect)
    np.testing.assert_array_equal(found[5:], alone)
