"""Training examples disturbed anew each time they are shown: mixed in pairs, or held for a while.

What a view cannot do, as it is drawn once: whatever the model takes, features or frames, two
examples of a batch become one between them, and a run of frames is replaced by the one before.

References: Zhang et al., "mixup: Beyond Empirical Risk Minimization", ICLR 2018; Park et al.,
"SpecAugment", Interspeech 2019 (time masking, there with zeros).
"""

from collections.abc import Iterable, Iterator

import numpy as np

Batch = tuple[np.ndarray, np.ndarray, np.ndarray]  # inputs, targets and weights


def disturb(
    batches: Iterable[Batch], *, mixup: float, time_mask: float, rng: np.random.Generator
) -> Iterator[Batch]:
    """Yield batches with frames held and examples mixed, as far as the two are not 0.

    Args:
        batches: Inputs (batch, num_frames, ...), targets (batch, num_classes), weights (batch,).
        mixup: Alpha of the Beta distribution that the shares are drawn from; 0 mixes nothing.
        time_mask: Largest share of an example's frames that are replaced, in [0, 1).
        rng: Draws nothing where both are 0.
    """
    for inputs, targets, weights in batches:
        if time_mask:
            inputs = np.stack([hold_frames(one, time_mask, rng=rng) for one in inputs])
        if mixup:
            inputs, targets, weights = mix(inputs, targets, weights, alpha=mixup, rng=rng)
        yield inputs, targets, weights


def hold_frames(frames: np.ndarray, largest: float, *, rng: np.random.Generator) -> np.ndarray:
    """Return frames, or features of frames, of which a run is replaced by the one before it.

    Args:
        frames: Shape (num_frames, ...).
        largest: Largest share of frames that are replaced, in [0, 1); none are as likely as any
            other number.
        rng: Decides how many and where.
    """
    num_frames = len(frames)
    num_held = rng.integers(int(largest * num_frames) + 1)
    start = rng.integers(1, num_frames - num_held + 1)  # the first frame has none before it
    places = np.arange(num_frames)
    places[start : start + num_held] = start - 1
    return frames[places]


def mix(
    inputs: np.ndarray,
    targets: np.ndarray,
    weights: np.ndarray,
    *,
    alpha: float,
    rng: np.random.Generator,
) -> Batch:
    """Return each example mixed with another of its batch, by shares drawn from Beta(alpha, alpha).

    The loss of a mixed example is the mean of the losses of its two labels, by their shares and
    their weights.

    Args:
        inputs: float32 features, or uint8 frames, which are rounded; shape (batch, ...).
        targets: float32, shape (batch, num_classes).
        weights: float32, positive, shape (batch,).
        alpha: Positive; small numbers give shares near 0 and 1, 1 gives all alike.
        rng: Decides who is mixed with whom, and the shares.
    """
    others = rng.permutation(len(inputs))
    shares = rng.beta(alpha, alpha, size=len(inputs)).astype(np.float32)

    def between(values: np.ndarray) -> np.ndarray:
        share = shares.reshape(-1, *[1] * (values.ndim - 1))
        return share * values + (1 - share) * values[others]

    mixed = between(inputs)
    if inputs.dtype == np.uint8:
        mixed = mixed.round().astype(np.uint8)
    weighted = between(targets * weights[:, np.newaxis])
    mixed_weights = weighted.sum(axis=-1)
    return mixed, weighted / mixed_weights[:, np.newaxis], mixed_weights
