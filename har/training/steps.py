"""One step of training or validation: on one device as Keras does it, or shared out to several.

Shared out, a step does what it does on one device but for rounding and what is drawn in it: the
loss is the mean over the examples of all devices, the gradients are added before they are clipped,
and batch normalization goes by all examples (`Devices.prepare`). Keras itself would clip the
gradients of each device by itself, and average scores of shares that are not equally large.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from har.engine.runtime import keras, tf
from har.models.contract import ModelSettings
from har.training.batches import Arrays, Batch, Drawn, Share
from har.training.devices import Devices

WARM_UP_SHARE = 0.05  # of all steps, in which the learning rate rises to its full value


def make_steps(
    model: keras.Model, settings: ModelSettings, devices: Devices, *, num_steps: int
) -> OneDevice | SeveralDevices:
    """Return the steps of a model, which gets its optimizer.

    Args:
        model: Built for the devices.
        settings: Of the model.
        devices: To train on.
        num_steps: Of the whole training, over which the learning rate falls to 0.
    """
    warm_up = max(1, round(WARM_UP_SHARE * num_steps))
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0,
        decay_steps=max(1, num_steps - warm_up),
        warmup_target=settings.learning_rate,
        warmup_steps=warm_up,
    )
    options = {"weight_decay": settings.weight_decay, "clipnorm": 1.0}
    if devices.strategy is not None:
        return SeveralDevices(model, schedule, options, settings.label_smoothing)
    model.compile(
        keras.optimizers.AdamW(schedule, **options),
        keras.losses.CategoricalCrossentropy(label_smoothing=settings.label_smoothing),
        weighted_metrics=[
            keras.metrics.CategoricalAccuracy(name="accuracy"),
            keras.metrics.CategoricalCrossentropy(name="cross_entropy"),
        ],
        jit_compile=devices.xla,
    )
    # Where the first step makes its variables, TensorFlow traces that step twice.
    model.optimizer.build(model.trainable_variables)
    return OneDevice(model)


class OneDevice:
    """The steps of Keras itself."""

    def __init__(self, model: keras.Model):
        self._model = model

    def share(self, chosen: Sequence[Drawn]) -> list[Share]:
        """Return what of a step each device of this process is shown, and how much it counts."""
        return [(chosen, 1.0)]

    def draw_apart(self) -> None:
        """Let the layers of each device draw something else; there is but one."""

    def check_together(self, epoch: int, checkpoint: Path) -> None:
        """Check that all processes go on from the same epoch; there is but one."""

    def train(self, batch: Batch) -> dict[str, float]:
        """Train a step; return its `loss` and the scores `accuracy` and `cross_entropy`."""
        return self._model.train_on_batch(*batch.shares[0], return_dict=True)

    def validate(self, batch: Batch) -> dict[str, float]:
        """Return what `train` does, without training."""
        return self._model.test_on_batch(*batch.shares[0], return_dict=True)


class SeveralDevices:
    """Steps whose examples are shared out; with the methods of `OneDevice`."""

    def __init__(
        self, model: keras.Model, schedule: Any, options: dict[str, Any], label_smoothing: float
    ):
        self._model, self._strategy = model, model.distribute_strategy
        with self._strategy.scope():
            model.compile(_adding_optimizer()(schedule, **options))
            model.optimizer.build(model.trainable_variables)
            entropy = keras.losses.CategoricalCrossentropy
            self._loss = entropy(label_smoothing=label_smoothing, reduction=None)
            self._cross_entropy = entropy(reduction=None)
        self._train = tf.function(self._train_all, reduce_retracing=True)
        self._validate = tf.function(self._validate_all, reduce_retracing=True)
        self._move_seeds = tf.function(self._move)
        self._places: list[int] = []  # of the devices of this process among all
        self._of_each(lambda place: self._places.append(place) or 0)

    def share(self, chosen: Sequence[Drawn]) -> list[Share]:
        """Return what of a step each device of this process is shown, and how much it counts.

        A device is left without examples only by the last step of an epoch; it is shown one that
        does not count.
        """
        parts = [chosen[place :: self._strategy.num_replicas_in_sync] for place in self._places]
        return [(part, 1.0) if part else (chosen[:1], 0.0) for part in parts]

    def draw_apart(self) -> None:
        """Let the layers of each device draw something else."""
        self._strategy.run(self._move_seeds)

    def _move(self) -> None:
        place = tf.distribute.get_replica_context().replica_id_in_sync_group
        for variable in self._model.variables:
            if "seed_generator" in variable.path:
                variable.assign(variable.value + tf.cast(place, variable.value.dtype))

    def check_together(self, epoch: int, checkpoint: Path) -> None:
        """Check that all processes go on from the same epoch.

        Raises:
            ValueError: They do not, as some do not see the checkpoint of the chief.
        """
        last = self._of_each(lambda place: [epoch])
        epochs = np.asarray(self._strategy.gather(last, axis=0)).tolist()
        if len(set(epochs)) > 1:
            raise ValueError(
                f"The processes of this training go on after epochs {epochs}, each by its "
                f"{checkpoint}. Let them run in the same folder, on a file system that they "
                "share, or copy the chief's file to the others, or remove it."
            )

    def train(self, batch: Batch) -> dict[str, float]:
        """Train a step; see `OneDevice.train`."""
        sums = self._train(*self._spread(batch.shares), tf.constant(float(batch.size)))
        return _scores(sums, batch.size)

    def validate(self, batch: Batch) -> dict[str, float]:
        """Return what `train` does, without training."""
        return _scores(self._validate(*self._spread(batch.shares)), batch.size)

    def _spread(self, shares: Sequence[Arrays]) -> list[Any]:
        """Return inputs, targets and weights, each as one value of all devices."""
        first = self._places[0]
        return [
            self._of_each(lambda place, part=part: part[place - first])
            for part in zip(*shares, strict=True)
        ]

    def _of_each(self, make: Callable[[int], Any]) -> Any:
        """Return what is made for each device of this process, by its place, as one value."""
        return self._strategy.experimental_distribute_values_from_function(
            lambda context: tf.convert_to_tensor(make(context.replica_id_in_sync_group))
        )

    def _train_all(self, inputs: Any, targets: Any, weights: Any, size: Any) -> Any:
        model = self._model

        def run(inputs: Any, targets: Any, weights: Any) -> Any:
            with tf.GradientTape() as tape:
                found = model(inputs, training=True)
                sums = self._sums(found, targets, weights)
                loss = sums[0] / size
                if model.losses:  # of layers, which every device has
                    loss += tf.add_n(model.losses) / self._strategy.num_replicas_in_sync
            gradients = tape.gradient(loss, model.trainable_variables)
            model.optimizer.apply(gradients, model.trainable_variables)
            return sums

        return self._added(self._strategy.run(run, (inputs, targets, weights)))

    def _validate_all(self, inputs: Any, targets: Any, weights: Any) -> Any:
        def run(inputs: Any, targets: Any, weights: Any) -> Any:
            return self._sums(self._model(inputs, training=False), targets, weights)

        return self._added(self._strategy.run(run, (inputs, targets, weights)))

    def _sums(self, found: Any, targets: Any, weights: Any) -> Any:
        """Return loss, accuracy, cross entropy and weights of a share, each added up, (4,)."""
        right = tf.argmax(found, -1) == tf.argmax(targets, -1)
        of_each = [self._loss(targets, found), tf.cast(right, weights.dtype)]
        of_each += [self._cross_entropy(targets, found), tf.ones_like(weights)]
        return tf.stack([tf.reduce_sum(weights * one) for one in of_each])

    def _added(self, of_devices: Any) -> Any:
        return self._strategy.reduce(tf.distribute.ReduceOp.SUM, of_devices, axis=None)


def _scores(sums: Any, size: int) -> dict[str, float]:
    loss, accuracy, cross_entropy, weight = np.asarray(sums)
    scores = {"loss": loss / size}
    return scores | {"accuracy": accuracy / weight, "cross_entropy": cross_entropy / weight}


def _adding_optimizer() -> type[keras.optimizers.AdamW]:
    """Return AdamW that adds the gradients of all devices before it clips them.

    Keras 3.15 clips those of each device and adds them then.
    """

    class AddingAdamW(keras.optimizers.AdamW):
        def apply(self, grads: Sequence[Any], trainable_variables: Any = None) -> None:
            """Update the variables of all devices."""
            context = tf.distribute.get_replica_context()
            added = context.all_reduce(tf.distribute.ReduceOp.SUM, grads)
            super().apply(added, trainable_variables)

        def _all_reduce_sum_gradients(self, grads_and_vars: Any) -> Any:
            return grads_and_vars

    return AddingAdamW
