"""A layer that shows each training example one stream alone."""

from typing import Any

from har.engine.runtime import keras, ops


@keras.saving.register_keras_serializable("har")
class OneStream(keras.layers.Layer):
    """Joins its inputs, of which in training each example keeps one, drawn at random.

    What comes after learns from each input alone. A linear layer then learns a classifier for each
    of them, and in use adds up their logits.
    """

    def __init__(self, **options: Any):
        super().__init__(**options)
        self.seed_generator = keras.random.SeedGenerator()

    def call(self, inputs: list[Any], training: bool = False) -> Any:
        """Return (batch, all features) of inputs (batch, features); the others are 0."""
        if not training:
            return ops.concatenate(inputs, axis=-1)
        batch_size = ops.shape(inputs[0])[:1]
        kept = keras.random.randint(batch_size, 0, len(inputs), seed=self.seed_generator)
        shown = [x * ops.cast(kept == index, x.dtype)[:, None] for index, x in enumerate(inputs)]
        return ops.concatenate(shown, axis=-1)
