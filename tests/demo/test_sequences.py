"""Tests of drawn people as landmarks alone."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from drawn_people import SHOWN, true_landmarks, whole_people

from har.demo import draw_frames, plan_videos
from har.demo.motion import LABELS
from har.demo.sequences import draw_sequence, find_hidden, go_wrong, torso_length
from har.pose.following import clip_landmarks
from har.pose.joints import HIPS
from har.pose.landmarks import pose_features
from har.pose.networks import PoseNetworks, find_pose_files

NUM_FRAMES = 10


def draw(label: str, seed: int = 0, *, num_frames: int = NUM_FRAMES) -> np.ndarray:
    return draw_sequence(label, np.random.default_rng(seed), num_frames=num_frames)


@pytest.mark.parametrize("label", LABELS)
def test_draw_sequence_gives_landmarks_of_another_person_each_time(label):
    first, again, other = draw(label), draw(label), draw(label, 1)
    assert (first.shape, first.dtype) == ((NUM_FRAMES, 33, 8), np.float32)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert np.isfinite(pose_features(first)).all()


def test_draw_sequence_misses_the_person_now_and_then():
    shares = [np.isfinite(draw("walking", seed)[:, 0, 0]).mean() for seed in range(60)]
    assert 0.6 < np.mean(np.array(shares) == 1) < 0.95
    assert min(shares) > 0


def test_joints_beyond_the_edge_are_hidden():
    seen = np.zeros((1, 33, 8))
    seen[..., :2] = 0.5
    seen[:, [11, 12], 1] = 0.3
    seen[0, 15, :2], seen[0, 16, :2] = (1.4, 0.5), (0.9, 0.5)
    hidden = find_hidden(seen, aspect=1.0)
    assert (hidden[0, 15], hidden[0, 16]) == (True, False)
    assert find_hidden(seen, aspect=1.5)[0, 15] == False  # noqa: E712 - a NumPy bool


def test_an_arm_behind_the_trunk_is_hidden():
    seen = np.zeros((1, 33, 8))
    seen[..., :2] = 0.5
    seen[:, [11, 12], 1] = 0.3
    seen[0, 15, 7], seen[0, 16, 7] = 0.3, -0.3
    assert find_hidden(seen, aspect=1.0)[0, [15, 16]].tolist() == [True, False]


@pytest.fixture(scope="module")
def errors() -> dict[str, list[np.ndarray]]:
    """By how much landmarks are off: of the network on drawn videos, and of drawn sequences."""
    networks = PoseNetworks(*find_pose_files())
    found: dict[str, list[np.ndarray]] = {"network": [], "sequences": []}
    videos = plan_videos(num_subjects=24, num_videos=120, seed=42)[::6]
    # No more frames are drawn than are looked at.
    slow = [
        replace(video, num_frames=NUM_FRAMES, fps=round(NUM_FRAMES * video.fps / video.num_frames))
        for video in videos
    ]
    for video in slow:
        true, aspect = true_landmarks(video), video.size[0] / video.size[1]
        clip = np.stack([cv2.resize(frame, (224, 224)) for frame in draw_frames(video)])
        landmarks = clip_landmarks(clip, networks, aspect=aspect)
        is_seen = ~find_hidden(true, aspect=aspect)[:, SHOWN]
        off = np.linalg.norm((landmarks - true)[:, SHOWN, :2], axis=-1) / torso_length(true)
        found["network"].append(off[is_seen & np.isfinite(off)])
    rng = np.random.default_rng(0)
    for video in slow:
        true = true_landmarks(video)
        hidden = find_hidden(true, aspect=video.size[0] / video.size[1])
        off = (go_wrong(true, hidden, rng) - true)[:, SHOWN, :2]
        found["sequences"].append(
            (np.linalg.norm(off, axis=-1) / torso_length(true))[~hidden[:, SHOWN]]
        )
    return found


def test_sequences_are_as_wrong_as_the_network(errors):
    network, sequences = (np.concatenate(errors[name]) for name in ("network", "sequences"))
    for share, ratio in ((0.25, 1.7), (0.5, 1.7), (0.75, 1.7)):
        expected, made = np.quantile(network, share), np.quantile(sequences, share)
        assert expected / ratio < made < expected * ratio, share


def test_network_finds_whole_drawn_people():
    networks = PoseNetworks(*find_pose_files())
    video = next(whole_people("standing"))
    frame = next(draw_frames(video))
    clip = cv2.resize(frame, (224, 224))[np.newaxis]
    landmarks = clip_landmarks(clip, networks, aspect=video.size[0] / video.size[1])
    true = true_landmarks(video)[:1]
    off = np.linalg.norm((landmarks - true)[:, HIPS, :2], axis=-1)
    assert off.max() < 0.3 * torso_length(true)
