"""Training: epochs, early stopping, and going on after a kill with the same result.

One epoch shows as many clips as there are training videos, each in one of its views drawn anew. All
that is random is drawn from the seed and the epoch's number, so a run that was stopped and goes on
from its checkpoint draws what it would have drawn.
"""

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from har.engine.progress import progress
from har.engine.runtime import keras
from har.engine.seeds import generator_for
from har.training.examples import Examples
from har.training.mixing import disturb

VERSION = 2  # of the code below; another number gives up checkpoints written by the old code
WARM_UP_SHARE = 0.05  # of all steps, in which the learning rate rises to its full value


@dataclass
class Progress:
    """Where training is: all that must outlive a kill, beside the weights."""

    epoch: int = 0
    best_epoch: int = 0
    best_loss: float = float("inf")
    history: list[dict[str, Any]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


def train(
    model: keras.Model,
    training: Examples,
    validation: Examples | None,
    *,
    settings: dict[str, Any],
    balanced: bool,
    seed: int,
    checkpoint: Path,
    on_epoch: Callable[[list[dict[str, Any]]], None] = lambda rows: None,
    section: str | None = None,
    num_epochs_before: int = 0,
    num_epochs: int | None = None,
) -> Progress:
    """Train, and keep the weights with the lowest validation loss, or the last ones.

    With few validation videos the loss is luck; without `patience` they decide nothing, all epochs
    are trained, and the learning rate, which has fallen to 0, makes the last weights good ones.

    Args:
        model: Not compiled. Afterwards it has the weights kept.
        training: The training videos and their views.
        validation: The validation videos, without views; None: there are none to choose by, so the
            last weights are kept.
        settings: `epochs`, `patience` (epochs without a lower validation loss before stopping;
            None: train them all), `batch_size`, `learning_rate`, `weight_decay`,
            `label_smoothing`, and `mixup` and `time_mask` of `har.training.mixing`.
        balanced: Whether each label is drawn equally often in an epoch.
        seed: Of everything that is drawn.
        checkpoint: A file for this model, data and settings alone; training goes on from it where
            it exists, writes it after each epoch and leaves it to the caller to remove.
        on_epoch: Called with the new rows of the history after each epoch.
        section: Of params.yaml, where messages say that settings are; None: `models.<name>`.
        num_epochs_before: By another training before this one; numbers of epochs go on from it.
        num_epochs: Where to stop, the learning rate falling as if all of `epochs` came; None: all.

    Returns:
        The history, one row each for train and val an epoch, and the epoch of the weights.

    Raises:
        ValueError: A setting is out of its range, or the loss is not a number any more; the message
            names the setting or the step.
    """
    section = section or f"models.{model.name}"
    check_settings(settings, section)
    num_classes = model.output_shape[-1]
    steps_per_epoch = -(-len(training.label_indices) // settings["batch_size"])
    _compile(model, settings, num_steps=settings["epochs"] * steps_per_epoch)
    patience = settings["patience"] if validation else None
    state = Progress(epoch=num_epochs_before, best_epoch=num_epochs_before)
    best_weights = model.get_weights()
    last_epoch = num_epochs_before + (num_epochs or settings["epochs"])
    if checkpoint.exists():
        state, best_weights = _restore(model, checkpoint)
        print(f"train: goes on after epoch {state.epoch} of {last_epoch}")
    epochs = range(state.epoch + 1, last_epoch + 1)
    for epoch in progress(
        epochs, total=last_epoch, initial=state.epoch, description="train", unit="epochs"
    ):
        if patience is not None and epoch - state.best_epoch > patience:
            break
        start = time.perf_counter()
        rng = generator_for(seed, "epoch", str(epoch))
        _seed_layers(model, rng)
        order = draw_epoch(training, balanced=balanced, rng=rng)
        batches = _batches(training, order, settings["batch_size"], num_classes)
        disturbed = disturb(
            batches, mixup=settings["mixup"], time_mask=settings["time_mask"], rng=rng
        )
        trained = _train_epoch(model, disturbed, epoch, section)
        rows = [{"epoch": epoch, "split": "train", **trained}]
        if validation:
            validated = _validate(model, validation, settings["batch_size"], num_classes)
            _check_loss(validated["loss"], f"on the validation videos after epoch {epoch}", section)
            rows.append({"epoch": epoch, "split": "val", **validated})
        state.epoch = epoch
        state.history += rows
        if patience is None or rows[-1]["loss"] < state.best_loss:
            state.best_loss, state.best_epoch = rows[-1]["loss"], epoch
            best_weights = model.get_weights()
        state.seconds.append(time.perf_counter() - start)
        _save(model, state, best_weights, checkpoint)
        on_epoch(rows)
    model.set_weights(best_weights)
    return state


def check_settings(settings: dict[str, Any], section: str) -> None:
    """Check what `train` takes.

    Args:
        settings: As for `train`.
        section: Of params.yaml, where the settings are.

    Raises:
        ValueError: A setting is text or out of its range.
    """
    for name, value in settings.items():
        if name != "stream" and isinstance(value, str):
            raise ValueError(
                f"{section}.{name} is the text {value!r}; expected a number. Change it "
                "in params.yaml; YAML takes 1e-3 for text and 1.0e-3 for a number."
            )
    for name in ("epochs", "patience", "batch_size"):
        value, or_null = settings[name], " or null" if name == "patience" else ""
        if value is None and or_null:
            continue
        if value is None or value < 1:
            raise ValueError(
                f"{section}.{name} is {'null' if value is None else value}; expected 1 "
                f"or more{or_null}. Change it in params.yaml."
            )
    for name, end, range_text in (("mixup", np.inf, "0 or more"), ("time_mask", 1, "in [0, 1)")):
        value = settings[name]
        if value is None or not 0 <= value < end:
            raise ValueError(
                f"{section}.{name} is {'null' if value is None else value}; expected a number "
                f"{range_text}, where 0 switches it off. Change it in params.yaml."
            )


def fingerprint(made_by: dict[str, Any], *, files: Sequence[Path]) -> str:
    """Return a name for one training and no other: 16 hexadecimal digits.

    Args:
        made_by: The parameters that decide the weights.
        files: The tables of the data, which name what they point at by its digest.
    """
    digest = hashlib.sha256(json.dumps([VERSION, made_by], sort_keys=True).encode())
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
    return np.concatenate(
        [
            model.predict_on_batch(np.stack([examples.read(video, 0) for video in batch]))
            for batch in batches
        ]
    )


def draw_epoch(
    examples: Examples, *, balanced: bool, rng: np.random.Generator
) -> list[tuple[int, int]]:
    """Draw the order of an epoch: which video in which view.

    Args:
        examples: The training videos.
        balanced: True: the labels take turns, each drawn equally often (to one), videos of small
            classes more than once and of large ones not all. False: each video once.
        rng: Decides the order and the views.

    Returns:
        Pairs of a video's place and a view's number, as many as there are videos.
    """
    num_videos = len(examples.label_indices)
    if balanced:
        labels = np.unique(examples.label_indices)
        drawn = [_endless(np.flatnonzero(examples.label_indices == label), rng) for label in labels]
        turns = _endless(np.arange(len(labels)), rng)
        videos = [next(drawn[next(turns)]) for _ in range(num_videos)]
    else:
        videos = rng.permutation(num_videos).tolist()
    num_views = np.broadcast_to(examples.num_views, num_videos)[videos]
    views = rng.integers(num_views.max() + 1, size=num_videos) % (num_views + 1)
    return list(zip(map(int, videos), map(int, views), strict=True))


def _endless(values: np.ndarray, rng: np.random.Generator) -> Iterator[int]:
    """Yield all values in random order, then all again in another."""
    while True:
        yield from rng.permutation(values)


def _compile(model: keras.Model, settings: dict[str, Any], *, num_steps: int) -> None:
    warm_up = max(1, round(WARM_UP_SHARE * num_steps))
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0,
        decay_steps=max(1, num_steps - warm_up),
        warmup_target=settings["learning_rate"],
        warmup_steps=warm_up,
    )
    model.compile(
        keras.optimizers.AdamW(schedule, weight_decay=settings["weight_decay"], clipnorm=1.0),
        keras.losses.CategoricalCrossentropy(label_smoothing=settings["label_smoothing"]),
        weighted_metrics=[
            keras.metrics.CategoricalAccuracy(name="accuracy"),
            keras.metrics.CategoricalCrossentropy(name="cross_entropy"),
        ],
        jit_compile=False,  # XLA is seven times slower on CPUs
    )


def _batches(
    examples: Examples, order: Sequence[tuple[int, int]], batch_size: int, num_classes: int
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    for start in range(0, len(order), batch_size):
        chosen = order[start : start + batch_size]
        videos = [video for video, _ in chosen]
        inputs = np.stack([examples.read(video, view) for video, view in chosen])
        targets = np.eye(num_classes, dtype=np.float32)[examples.label_indices[videos]]
        yield inputs, targets, examples.weights[videos].astype(np.float32)


def _train_epoch(
    model: keras.Model,
    batches: Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]],
    epoch: int,
    section: str,
) -> dict[str, float]:
    logs, weights = [], []
    for step, batch in enumerate(batches, start=1):
        logs.append(model.train_on_batch(*batch, return_dict=True))
        weights.append(batch[2].sum())
        _check_loss(logs[-1]["loss"], f"in epoch {epoch}, step {step}", section)
    return _average(logs, weights)


def _validate(
    model: keras.Model, examples: Examples, batch_size: int, num_classes: int
) -> dict[str, float]:
    order = [(video, 0) for video in range(len(examples.label_indices))]
    logs, weights = [], []
    for batch in _batches(examples, order, batch_size, num_classes):
        logs.append(model.test_on_batch(*batch, return_dict=True))
        weights.append(batch[2].sum())
    return _average(logs, weights)


def _average(logs: list[dict[str, float]], weights: list[float]) -> dict[str, float]:
    """Return the scores over all batches; Keras 3.15 starts its metrics anew with each batch."""
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
    """Write the checkpoint so that a kill leaves the old one or the new one, never a part."""
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    arrays = {f"weight{i}": value for i, value in enumerate(model.get_weights())}
    arrays |= {f"best{i}": value for i, value in enumerate(best_weights)}
    arrays |= {f"optimizer{i}": v.numpy() for i, v in enumerate(model.optimizer.variables)}
    partial = checkpoint.with_name(checkpoint.name + ".part")
    with partial.open("wb") as file:
        np.savez(file, state=np.array(json.dumps(vars(state))), **arrays)
    os.replace(partial, checkpoint)


def _restore(model: keras.Model, checkpoint: Path) -> tuple[Progress, list[np.ndarray]]:
    model.optimizer.build(model.trainable_variables)
    with np.load(checkpoint) as saved:
        state = Progress(**json.loads(str(saved["state"])))
        num_weights = len(model.weights)
        model.set_weights([saved[f"weight{i}"] for i in range(num_weights)])
        best_weights = [saved[f"best{i}"] for i in range(num_weights)]
        for i, variable in enumerate(model.optimizer.variables):
            variable.assign(saved[f"optimizer{i}"])
    return state, best_weights
