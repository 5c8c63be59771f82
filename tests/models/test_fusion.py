"""Linear layers on streams: trained apart, added in use; what they are shown of the pose."""

import numpy as np
import pytest

from har.engine.runtime import keras
from har.models.contract import build_model, settings_type
from har.pose.joints import NUM_POSE_FEATURES

FUSED = ["frames", "motion", "person"]


def test_fusion_learns_from_one_stream_at_a_time_and_adds_their_logits():
    keras.utils.set_random_seed(0)
    settings = settings_type("fusion")(streams=FUSED, dropout=0.0)
    head = build_model("fusion", settings, num_classes=3, num_frames=6, num_features=15)
    sizes = [20, 35, 35]  # statistics of 5 features: 4 of each, and 3 of the order but of frames
    kernel = np.zeros((90, 3))  # the logit of label i is the sum of what stream i is shown
    for stream, end in enumerate(np.cumsum(sizes)):
        kernel[end - sizes[stream] : end, stream] = 0.01
    head.layers[-1].set_weights([kernel, np.zeros(3)])
    features = np.random.default_rng(0).random((40, 6, 15)).astype(np.float32)
    logits = np.log(keras.ops.convert_to_numpy(head(features, training=True)))
    # Streams that are not shown have a logit of 0, so two labels of three are alike.
    ordered = np.sort(logits, axis=1)
    gaps = np.diff(ordered, axis=1)
    assert gaps.min(axis=1) == pytest.approx(0, abs=1e-5)
    assert gaps.max(axis=1).min() > 1e-3
    shown = np.abs(logits - np.median(logits, axis=1, keepdims=True)).argmax(axis=1)
    assert set(shown) == {0, 1, 2}
    used = np.sort(np.log(head.predict_on_batch(features)), axis=1)
    assert (np.diff(used, axis=1) > 1e-4).all()


def test_fusion_tells_getting_up_from_lying_down_by_the_ends_of_the_pose():
    settings = settings_type("fusion")(streams=["pose"], dropout=0.0)
    head = build_model(
        "fusion", settings, num_classes=2, num_frames=12, num_features=NUM_POSE_FEATURES
    )
    num_statistics = head.layers[-1].kernel.shape[0] // NUM_POSE_FEATURES
    assert num_statistics == 4 + 3 + 2
    kernel = np.zeros((num_statistics, NUM_POSE_FEATURES, 2), np.float32)
    kernel[-2, 0], kernel[-1, 0] = [1, -1], [-1, 1]  # the first joint, at the start and at the end
    head.layers[-1].set_weights([kernel.reshape(-1, 2), np.zeros(2)])
    rising = np.zeros((1, 12, NUM_POSE_FEATURES), np.float32)
    rising[0, :, 0] = [0] * 4 + [3] * 4 + [1] * 4
    (first, second), (last, other) = head.predict_on_batch(
        np.concatenate([rising, rising[:, ::-1]])
    )
    assert first < 0.5 < second
    assert [other, last] == pytest.approx([first, second])


@pytest.mark.parametrize(("streams", "share"), [(["frames", "pose"], 0.5), (["pose"], 1.0)])
def test_beside_other_streams_the_pose_counts_by_the_share_of_frames_with_a_person(streams, share):
    settings = settings_type("fusion")(streams=streams, dropout=0.0)
    num_others = 5 * (len(streams) - 1)
    head = build_model(
        "fusion",
        settings,
        num_classes=2,
        num_frames=12,
        num_features=num_others + NUM_POSE_FEATURES,
    )
    kernel = np.zeros(head.layers[-1].kernel.shape, np.float32)
    kernel[4 * num_others, 1] = 0.1  # the mean place of the first joint
    head.layers[-1].set_weights([kernel, np.zeros(2)])
    features = np.zeros((2, 12, num_others + NUM_POSE_FEATURES), np.float32)
    features[:, :, num_others] = 1.0
    features[0, :, -1], features[1, ::2, -1] = 1.0, 1.0  # found in all frames, in every second
    probabilities = head.predict_on_batch(features)
    whole, half = np.log(probabilities[:, 1] / probabilities[:, 0])
    assert whole > 0.1
    assert half == pytest.approx(share * whole, rel=1e-4)
