"""Drawn people whose true joints are known."""

from collections.abc import Iterator

import numpy as np

from har.demo import DemoVideo, arrange, plan_videos
from har.demo.body import Body
from har.demo.sequences import ARMS, LEGS, see, skeleton
from har.demo.views import hold_camera
from har.pose.joints import NOSE

SHOWN = [NOSE, *ARMS[0], *ARMS[1], *LEGS[0], *LEGS[1]]


def true_landmarks(video: DemoVideo) -> np.ndarray:
    """Return where the joints are in the picture, shape (num_frames, 33, 8)."""
    motion, _, view, rng = arrange(video)
    times = np.arange(video.num_frames) / video.fps
    poses = motion.poses(times)
    cameras = hold_camera(view, poses.hips, times, rng)
    return see(skeleton(Body(video.subject, poses)), cameras)


def whole_people(label: str) -> Iterator[DemoVideo]:
    """Yield videos in which all of a person is in the picture and not small."""
    for video in plan_videos(num_subjects=24, num_videos=120, seed=42):
        if video.label != label:
            continue
        places = true_landmarks(video)[:, SHOWN, :2]
        aspect = video.size[0] / video.size[1]
        is_inside = (places > 0.02).all() and (places < (aspect - 0.02, 0.98)).all()
        if is_inside and np.ptp(places[..., 1]) > 0.4:
            yield video
