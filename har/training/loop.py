"""Training: epochs, early stopping, and going on after a kill with the same result.

One epoch shows as many clips as there are training videos, each in a view drawn for the epoch. All
that is random is drawn from the seed and the epoch's number, so a run that was stopped and goes on
from its checkpoint draws what it would have drawn.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from har.engine.progress import progress
from har.engine.runtime import keras
from har.engine.seeds import generator_for
from har.models.contract import ModelSettings
from har.training.batches import read_ahead, read_batches
from har.training.checkpoints import read_checkpoint, write_checkpoint
from har.training.devices import Devices
from har.training.examples import Examples
from har.training.steps import OneDevice, SeveralDevices, make_steps

ONE_DEVICE = Devices()


@dataclass
class Progress:
    """Where training is: all that must outlive a kill, beside the weights."""

    epoch: int = 0
    best_epoch: int = 0
    best_loss: float = float("inf")
    history: list[dict[str, Any]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def add(self, rows: list[dict[str, Any]], *, by_loss: bool) -> bool:
        """Add the rows of an epoch and return whether its weights are to be kept.

        Args:
            rows: The last one has the loss that decides.
            by_loss: Whether they are kept only where the loss is lower than any before.
        """
        self.epoch = rows[-1]["epoch"]
        self.history += rows
        if by_loss and not rows[-1]["loss"] < self.best_loss:
            return False
        self.best_loss, self.best_epoch = rows[-1]["loss"], self.epoch
        return True


@dataclass(frozen=True)
class Drawing:
    """What decides the order and the views of each epoch.

    Attributes:
        seed: Of everything that is drawn.
        balanced: Whether each label is drawn equally often in an epoch.
    """

    seed: int
    balanced: bool


def train(
    model: keras.Model,
    training: Examples,
    validation: Examples | None,
    *,
    settings: ModelSettings,
    drawing: Drawing,
    checkpoint: Path,
    on_epoch: Callable[[list[dict[str, Any]]], None] = lambda rows: None,
    num_epochs: int | None = None,
    devices: Devices = ONE_DEVICE,
) -> Progress:
    """Train, and keep the weights with the lowest validation loss, or the last ones.

    Without `patience` all epochs are trained: the learning rate, which falls to 0, makes the last
    weights good ones, and the loss of a few validation videos is luck.

    Args:
        model: Not compiled. Afterwards it has the weights kept.
        training: The training videos and their views.
        validation: The validation videos, without views; None: the last weights are kept.
        settings: Of the model.
        drawing: What decides the order and the views of an epoch.
        checkpoint: A file for this training alone, which goes on from it, writes it after each
            epoch and leaves it to the caller to remove.
        on_epoch: Called with the new rows of the history after each epoch.
        num_epochs: Where to stop, the learning rate falling as for all of them; None: `epochs`.
        devices: That the model was built for; the chief's process writes the checkpoint.

    Returns:
        The history, one row each for train and val an epoch, and the epoch kept.
    """
    steps_per_epoch = -(-training.epoch_size // _step_size(training, settings))
    num_steps = settings.epochs * steps_per_epoch
    steps = make_steps(model, settings, devices, num_steps=num_steps)
    last_epoch = num_epochs or settings.epochs
    state, best_weights = _start(model, checkpoint, last_epoch)
    steps.check_together(state.epoch, checkpoint)
    patience = settings.patience if validation else None
    for epoch in _count_epochs(state, last_epoch, patience):
        start = time.perf_counter()
        rows = _run_epoch(steps, model, training, validation, epoch, settings, drawing)
        if state.add(rows, by_loss=patience is not None):
            best_weights = model.get_weights()
        state.seconds.append(time.perf_counter() - start)
        if devices.is_chief:
            _save(model, state, best_weights, checkpoint)
        on_epoch(rows)
    model.set_weights(best_weights)
    return state


def fingerprint(made_by: dict[str, Any], *, code: str, files: Sequence[Path]) -> str:
    """Return a name for one training and no other: 16 hexadecimal digits.

    Args:
        made_by: The parameters that decide the weights.
        code: The digest of the code that decides them, of `har.engine.code`.
        files: The tables of the data, which name what they point at by its digest.
    """
    digest = hashlib.sha256(json.dumps([code, made_by], sort_keys=True).encode())
    for file in files:
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:16]


def predict(model: keras.Model, examples: Examples, *, batch_size: int) -> np.ndarray:
    """Return the probabilities of each video without views, shape (num_videos, num_classes)."""
    num_videos = len(examples.label_indices)
    batches = (
        range(start, min(start + batch_size, num_videos))
        for start in range(0, num_videos, batch_size)
    )
    inputs = read_ahead(lambda batch: np.stack([examples.read(one, 0) for one in batch]), batches)
    return np.concatenate([model.predict_on_batch(batch) for batch in inputs])


def draw_epoch(
    examples: Examples, *, balanced: bool, rng: np.random.Generator
) -> list[tuple[int, int]]:
    """Draw the order of an epoch: which video in which view.

    Args:
        examples: The training videos.
        balanced: True: the labels take turns, each drawn equally often (to one), videos of small
            classes more than once and of large ones not all. False: each video once, with drawn
            sequences as many examples as the epoch holds.
        rng: Decides the order and the views.

    Returns:
        Pairs of a video's place and a view's number, as many as the epoch holds.
    """
    num_videos = examples.epoch_size
    if balanced:
        labels = np.unique(examples.label_indices)
        drawn = [_endless(np.flatnonzero(examples.label_indices == label), rng) for label in labels]
        turns = _endless(np.arange(len(labels)), rng)
        videos = [next(drawn[next(turns)]) for _ in range(num_videos)]
    else:
        each = _endless(np.arange(len(examples.label_indices)), rng)
        videos = list(itertools.islice(each, num_videos))
    num_views = np.broadcast_to(examples.num_views, len(examples.label_indices))[videos]
    views = rng.integers(num_views.max() + 1, size=num_videos) % (num_views + 1)
    return list(zip(map(int, videos), map(int, views), strict=True))


def _endless(values: np.ndarray, rng: np.random.Generator) -> Iterator[int]:
    """Yield all values in random order, then all again in another."""
    while True:
        yield from rng.permutation(values)


def _step_size(training: Examples, settings: ModelSettings) -> int:
    """Return how many examples a step shows: its videos, and the drawn sequences beside them."""
    return settings.batch_size * (1 + training.drawn_per_video)


def _start(
    model: keras.Model, checkpoint: Path, last_epoch: int
) -> tuple[Progress, list[np.ndarray]]:
    """Return where training is and the best weights so far, from the checkpoint if there is one."""
    saved = read_checkpoint(checkpoint)
    if saved is None:
        return Progress(), model.get_weights()
    state, best_weights = _restore(model, saved)
    print(f"train: goes on after epoch {state.epoch} of {last_epoch}")
    return state, best_weights


def _count_epochs(state: Progress, last_epoch: int, patience: int | None) -> Iterator[int]:
    """Yield the numbers of the epochs that are left, until patience is at its end."""
    epochs = range(state.epoch + 1, last_epoch + 1)
    for epoch in progress(
        epochs, total=last_epoch, initial=state.epoch, description="train", unit="epochs"
    ):
        if patience is not None and epoch - state.best_epoch > patience:
            return
        yield epoch


def _run_epoch(
    steps: OneDevice | SeveralDevices,
    model: keras.Model,
    training: Examples,
    validation: Examples | None,
    epoch: int,
    settings: ModelSettings,
    drawing: Drawing,
) -> list[dict[str, Any]]:
    """Train for an epoch and validate; return the rows of the history."""
    num_classes, section = model.output_shape[-1], f"models.{model.name}"
    rng = generator_for(drawing.seed, "epoch", str(epoch))
    _seed_layers(model, rng)
    steps.draw_apart()
    order = draw_epoch(training, balanced=drawing.balanced, rng=rng)
    size = _step_size(training, settings)
    batches = read_batches(training, order, size, num_classes, steps.share)
    logs, weights = [], []
    for step, batch in enumerate(batches, start=1):
        logs.append(steps.train(batch))
        weights.append(batch.weight)
        _check_loss(logs[-1]["loss"], f"in epoch {epoch}, step {step}", section)
    rows = [{"epoch": epoch, "split": "train", **_average(logs, weights)}]
    if validation:
        validated = _validate(steps, validation, settings.batch_size, num_classes)
        _check_loss(validated["loss"], f"on the validation videos after epoch {epoch}", section)
        rows.append({"epoch": epoch, "split": "val", **validated})
    return rows


def _validate(
    steps: OneDevice | SeveralDevices, examples: Examples, batch_size: int, num_classes: int
) -> dict[str, float]:
    order = [(video, 0) for video in range(len(examples.label_indices))]
    logs, weights = [], []
    for batch in read_batches(examples, order, batch_size, num_classes, steps.share):
        logs.append(steps.validate(batch))
        weights.append(batch.weight)
    return _average(logs, weights)


def _average(logs: list[dict[str, float]], weights: list[float]) -> dict[str, float]:
    """Return the scores over all batches; Keras 3.15 starts its metrics again with each batch."""
    return {
        name: float(np.average([batch[key] for batch in logs], weights=weights))
        for name, key in (("accuracy", "accuracy"), ("loss", "cross_entropy"))
    }


def _check_loss(loss: float, where: str, section: str) -> None:
    if not np.isfinite(loss):
        raise ValueError(
            f"The loss is {float(loss)} {where}, so training cannot go on. Lower "
            f"{section}.learning_rate in params.yaml."
        )


def _seed_layers(model: keras.Model, rng: np.random.Generator) -> None:
    """Give every layer that draws (dropout) a seed of this epoch."""
    for variable in model.variables:
        if "seed_generator" in variable.path:
            variable.assign(rng.integers(2**31, size=variable.shape).astype(variable.dtype))


def _save(
    model: keras.Model, state: Progress, best_weights: list[np.ndarray], checkpoint: Path
) -> None:
    arrays = {f"weight{i}": value for i, value in enumerate(model.get_weights())}
    arrays |= {f"best{i}": value for i, value in enumerate(best_weights)}
    arrays |= {f"optimizer{i}": v.numpy() for i, v in enumerate(model.optimizer.variables)}
    arrays["state"] = np.array(json.dumps(vars(state)))
    write_checkpoint(arrays, checkpoint)


def _restore(model: keras.Model, saved: dict[str, np.ndarray]) -> tuple[Progress, list[np.ndarray]]:
    state = Progress(**json.loads(str(saved["state"])))
    num_weights = len(model.weights)
    model.set_weights([saved[f"weight{i}"] for i in range(num_weights)])
    for i, variable in enumerate(model.optimizer.variables):
        variable.assign(saved[f"optimizer{i}"])
    return state, [saved[f"best{i}"] for i in range(num_weights)]
