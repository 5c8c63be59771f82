"""Examples disturbed anew: frames held, pairs mixed with their labels, and nothing when off."""

import numpy as np
import pytest

from har.training.mixing import disturb, hold_frames, mix


def make_batch(num_examples: int = 6, num_frames: int = 10, dtype: type = np.float32) -> tuple:
    """Inputs whose example i is 10 x i + the frame's number everywhere; three labels."""
    inputs = 10 * np.arange(num_examples)[:, None, None] + np.arange(num_frames)[:, None]
    targets = np.eye(3, dtype=np.float32)[np.arange(num_examples) % 3]
    return inputs.repeat(4, axis=2).astype(dtype), targets, np.ones(num_examples, np.float32)


def disturbed(batches: list, *, seed: int = 0, **settings) -> list:
    return list(disturb(batches, rng=np.random.default_rng(seed), **settings))


def assert_same(first: list, second: list) -> None:
    for one, two in zip(first, second, strict=True):
        for a, b in zip(one, two, strict=True):
            assert a.dtype == b.dtype
            assert np.array_equal(a, b)


def test_disturb_returns_the_batches_and_draws_nothing_when_off():
    rng, batches = np.random.default_rng(0), [make_batch(), make_batch(3)]
    shown = list(disturb(batches, mixup=0, time_mask=0, rng=rng))
    for one, two in zip(shown, batches, strict=True):
        assert all(a is b for a, b in zip(one, two, strict=True))
    assert rng.random() == np.random.default_rng(0).random()


@pytest.mark.parametrize("settings", [(0.4, 0), (0, 0.5), (0.4, 0.5)])
def test_disturb_depends_on_the_generator_only(settings):
    settings = dict(zip(("mixup", "time_mask"), settings, strict=True))
    batches, before = [make_batch(), make_batch()], np.random.get_state()[1].copy()
    first = disturbed(batches, **settings)
    assert_same(disturbed(batches, **settings), first)
    other = disturbed(batches, **settings, seed=1)
    assert not np.array_equal(other[0][0], first[0][0])
    assert not np.array_equal(first[1][0], first[0][0])  # each batch is drawn anew
    assert np.array_equal(np.random.get_state()[1], before)
    assert_same(batches, [make_batch(), make_batch()])  # and left as it was


@pytest.mark.parametrize("seed", range(20))
def test_hold_frames_replaces_one_run_by_the_frame_before_it(seed):
    frames = np.arange(10)
    held = hold_frames(frames, 0.5, rng=np.random.default_rng(seed))
    replaced = np.flatnonzero(held != frames)
    assert len(replaced) <= 5
    if len(replaced):
        assert replaced[0] >= 1
        assert np.array_equal(replaced, np.arange(replaced[0], replaced[-1] + 1))
        assert (held[replaced] == replaced[0] - 1).all()


def test_hold_frames_replaces_any_number_and_any_frame_but_the_first():
    rng, frames = np.random.default_rng(0), np.arange(10)
    held = np.stack([hold_frames(frames, 0.5, rng=rng) for _ in range(1200)])
    counts = np.bincount((held != frames).sum(axis=1))
    assert len(counts) == 6  # of 0 to 5
    assert (counts > 150).all()
    changed = (held != frames).any(axis=0)
    assert not changed[0]
    assert changed[1:].all()


@pytest.mark.parametrize("num_frames", [1, 2, 3, 16])
def test_hold_frames_keeps_a_first_frame_however_short(num_frames):
    rng, largest = np.random.default_rng(0), np.nextafter(1, 0)
    for _ in range(50):
        held = hold_frames(np.arange(num_frames), largest, rng=rng)
        assert held[0] == 0
        assert len(held) == num_frames


def test_disturb_holds_other_frames_in_each_example():
    ((inputs, targets, weights),) = disturbed([make_batch(30)], mixup=0, time_mask=0.5)
    before = make_batch(30)
    assert_same([(targets, weights)], [before[1:]])
    assert (inputs == inputs[:, :, :1]).all()  # all values of a frame together
    assert len({tuple(one) for one in (inputs != before[0])[:, :, 0]}) > 10


def test_mix_gives_labels_the_shares_of_their_inputs():
    inputs, targets, weights = make_batch(12, 1)
    mixed, labels, mixed_weights = mix(
        inputs, targets, weights, alpha=1.0, rng=np.random.default_rng(0)
    )
    assert mixed.dtype == labels.dtype == mixed_weights.dtype == np.float32
    rng = np.random.default_rng(0)
    others, shares = rng.permutation(12), rng.beta(1.0, 1.0, size=12)
    for i, (other, share) in enumerate(zip(others, shares, strict=True)):
        expected = share * 10 * i + (1 - share) * 10 * other
        assert mixed[i] == pytest.approx(np.full((1, 4), expected), rel=1e-5)
        label = share * targets[i] + (1 - share) * targets[other]
        assert labels[i] == pytest.approx(label, abs=1e-6)
    assert labels.sum(axis=1) == pytest.approx(np.ones(12))
    assert mixed_weights == pytest.approx(weights)


def test_mix_weights_each_label_by_its_own_example():
    inputs, targets, _ = make_batch(3)
    weights = np.array([1, 2, 4], np.float32)
    _, labels, mixed = mix(inputs, targets, weights, alpha=1.0, rng=np.random.default_rng(3))
    rng = np.random.default_rng(3)
    others, shares = rng.permutation(3), rng.beta(1.0, 1.0, size=3)[:, None]
    expected = shares * np.diag(weights) + (1 - shares) * np.diag(weights)[others]
    assert labels * mixed[:, None] == pytest.approx(expected, rel=1e-5)


def test_mix_rounds_frames_and_keeps_them_bytes():
    inputs, targets, weights = make_batch(8, dtype=np.uint8)
    inputs += 200 - inputs.max()
    exact, *_ = mix(
        inputs.astype(np.float32), targets, weights, alpha=1.0, rng=np.random.default_rng(0)
    )
    mixed, *_ = mix(inputs, targets, weights, alpha=1.0, rng=np.random.default_rng(0))
    assert mixed.dtype == np.uint8
    assert np.abs(mixed - exact).max() <= 0.5
    assert mixed.max() <= inputs.max()


def test_mix_leaves_an_example_alone_when_nothing_is_beside_it():
    batch = make_batch(1)
    assert_same([mix(*batch, alpha=1.0, rng=np.random.default_rng(0))], [batch])


def test_mix_mixes_less_when_alpha_is_smaller():
    inputs, targets, weights = make_batch(300)
    largest = [
        mix(inputs, targets, weights, alpha=alpha, rng=np.random.default_rng(0))[1].max(axis=1)
        for alpha in (0.1, 10.0)
    ]
    assert largest[0].mean() > 0.9
    assert largest[1].mean() < 0.8
