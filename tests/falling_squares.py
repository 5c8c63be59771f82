"""Clips of squares that fall or rise, and settings to train on them."""

import numpy as np

from har.training.examples import Examples

NUM_FRAMES, SIZE = 6, 32
STREAMS = ("frames", "motion")
SETTINGS = {
    "epochs": 3,
    "patience": None,
    "batch_size": 3,
    "learning_rate": 0.001,
    "weight_decay": 0.0001,
    "label_smoothing": 0.1,
}
BACKBONE = {"name": "mobilenet_v2", "weights": "random"}


def make_clips(num_clips: int, seed: int) -> Examples:
    """Squares that fall (1) or rise (0); view v is the clip, brighter by v."""
    rng = np.random.default_rng(seed)
    clips = np.full((num_clips, NUM_FRAMES, SIZE, SIZE, 3), 40, np.uint8)
    for index, clip in enumerate(clips):
        left, color = rng.integers(2, 20), rng.integers(120, 250, 3)
        for place, frame in enumerate(clip if index % 2 else clip[::-1]):
            frame[4 * place : 4 * place + 8, left : left + 8] = color
    return Examples(
        read=lambda video, view: clips[video] + np.uint8(view),
        label_indices=np.arange(num_clips) % 2,
        weights=np.ones(num_clips),
        num_views=1 if num_clips > 4 else 0,
    )
