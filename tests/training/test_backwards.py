"""Labels that are each other backwards in time: found, and learnt from clips backwards too."""

from dataclasses import replace

import numpy as np
import pytest

from har.engine.runtime import keras
from har.pose.landmarks import pose_features
from har.training.backwards import add_backwards, find_backwards, run_backwards
from har.training.examples import Examples
from har.training.fit import fit
from tests.training.test_fitting import settings_of

STREAMS = ["frames", "person"]
NUM_FRAMES, NUM_FEATURES, NUM_PEOPLE = 12, 20, 30
RISING, FALLING, STILL = range(3)


def made_examples(*, seed: int = 0, num_people: int = NUM_PEOPLE) -> Examples:
    """Return a clip of each label by each person, who differ more than the labels do."""
    rng = np.random.default_rng(seed)
    time = np.linspace(-1, 1, NUM_FRAMES)[:, np.newaxis]
    clips = []
    for _ in range(num_people):
        for way in (1, -1, 0):
            clip = np.tile(rng.normal(size=2 * NUM_FEATURES), (NUM_FRAMES, 1))
            clip[:, NUM_FEATURES:] += way * time * np.linspace(-1, 1, NUM_FEATURES)
            clips.append(clip + rng.normal(scale=0.3, size=clip.shape))
    features = np.stack(clips).astype(np.float32)
    return Examples(
        read=lambda video, view: features[video],
        label_indices=np.tile([RISING, FALLING, STILL], num_people),
        weights=np.ones(len(features)),
        num_views=2,
        people=np.repeat(np.arange(num_people), 3).astype(str),
    )


def test_labels_that_are_each_other_backwards_are_found_by_those_left_out():
    assert find_backwards(made_examples(), STREAMS) == {RISING: FALLING, FALLING: RISING}


def test_labels_that_differ_without_the_order_of_time_too_are_not_each_other_backwards():
    examples = made_examples()

    def read(video, view):
        return examples.read(video, view) + 3.0 * (examples.label_indices[video] == RISING)

    assert find_backwards(replace(examples, read=read), STREAMS) == {}


@pytest.mark.parametrize(
    ("people", "streams"),
    [(None, STREAMS), (np.full(3 * NUM_PEOPLE, "ann"), STREAMS), ("own", ["frames"])],
    ids=["unknown_people", "one_person", "a_stream_without_order"],
)
def test_nothing_is_found_without_people_to_leave_out_or_without_order(people, streams):
    examples = made_examples()
    if not isinstance(people, str):
        examples = replace(examples, people=people)
    assert find_backwards(examples, streams) == {}


def test_few_clips_are_not_enough_to_find_anything():
    assert find_backwards(made_examples(num_people=3), STREAMS) == {}


def test_clips_backwards_are_examples_of_the_other_label_and_make_no_epoch_longer():
    examples = made_examples(num_people=2)
    pairs = {RISING: FALLING, FALLING: RISING}
    more = add_backwards(examples, pairs, STREAMS, weight=0.5)
    assert more.label_indices.tolist() == [0, 1, 2, 0, 1, 2, 1, 0, 1, 0]
    assert more.weights.tolist() == [0.5, 0.5, 1, 0.5, 0.5, 1, 0.5, 0.5, 0.5, 0.5]
    assert more.num_views.tolist() == [2] * 10
    assert more.epoch_size == examples.epoch_size == 6
    for added, video in zip(range(6, 10), (0, 1, 3, 4), strict=True):
        assert np.array_equal(more.read(video, 0), examples.read(video, 0))
        assert np.array_equal(more.read(added, 0), examples.read(video, 0)[::-1])


def test_the_pose_backwards_is_that_of_the_landmarks_backwards():
    landmarks = np.random.default_rng(0).normal(size=(10, 33, 8)).astype(np.float32)
    landmarks[3:5] = np.nan
    pictures = np.random.default_rng(1).normal(size=(10, 7)).astype(np.float32)
    features = np.hstack([pictures, pose_features(landmarks)])
    turned = run_backwards(features, ["frames", "pose"])
    assert np.array_equal(turned[:, :7], pictures[::-1])
    assert turned[:, 7:] == pytest.approx(pose_features(landmarks[::-1]), abs=1e-4)
    several = run_backwards(np.stack([features, 2 * features]), ["frames", "pose"])
    assert np.array_equal(several[0], turned)


def test_fit_learns_such_labels_from_clips_backwards_too_unless_it_is_set_off(tmp_path):
    def fitted(backwards):
        keras.utils.set_random_seed(0)
        settings = settings_of(
            streams=STREAMS, refit=backwards, epochs=1, batch_size=45, backwards=backwards
        )
        extract = settings.extract.model_copy(update={"num_frames": NUM_FRAMES})
        return fit(
            lambda split: made_examples(num_people=NUM_PEOPLE if split == "train" else 2),
            settings.model_copy(update={"extract": extract}),
            num_classes=3,
            checkpoint=tmp_path / f"{backwards}.npz",
        )

    without, trained = fitted(False), fitted(True)
    assert without.backwards == {}
    assert trained.backwards == {RISING: FALLING, FALLING: RISING}
    kernels = [one.model.layers[-1].kernel.numpy() for one in (without, trained)]
    assert not np.array_equal(*kernels)
