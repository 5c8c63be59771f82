"""KerasHub's Vision Transformer in Keras' own layers, so that a saved model loads without KerasHub.

Reference: Dosovitskiy et al., "An Image is Worth 16x16 Words", ICLR 2021, arXiv 2010.11929.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from har.engine.runtime import keras, layers


def copy_vision_transformer(original: keras.Model) -> keras.Model:
    """Copy a Vision Transformer, without its dropout layers, which only training needs.

    Args:
        original: A `keras_hub.models.ViTBackbone`.

    Returns:
        Model from images, shape (batch, height, width, 3), preprocessed, to tokens, shape (batch,
        num_tokens, num_features), the class token first if the source network has one.
    """
    embedding = original.get_layer("vit_patching_and_embedding")
    encoder = original.get_layer("vit_encoder")
    images = keras.Input(original.image_shape, name="images")
    x = _apply_copy(embedding.patch_embedding, images, name="patches")
    x = layers.Reshape((embedding.num_patches, embedding.hidden_dim), name="patch_tokens")(x)
    table = embedding.position_embedding.embeddings.numpy()
    if embedding.use_class_token:
        # The class token is learned as its position is: a token of zeros plus the sum of both.
        x = layers.ZeroPadding1D((1, 0), name="class_token")(x)
        table[0] += embedding.class_token.numpy()[0, 0]
    x = _add_table(x, table)
    for number, block in enumerate(encoder.encoder_layers, start=1):
        x = _apply_block(block, x, f"block_{number}")
    return keras.Model(images, _apply_copy(encoder.layer_norm, x, name="norm"), name=original.name)


def _apply_block(block: keras.Layer, x: Any, name: str) -> Any:
    """Apply a copy of one block: attention between the tokens, then two layers for each token."""
    y = _apply_copy(block.layer_norm_1, x, name=f"{name}_norm_1")
    y = _apply_copy(block.mha, y, y, name=f"{name}_attention")
    x = layers.Add(name=f"{name}_add_1")([x, y])
    y = _apply_copy(block.layer_norm_2, x, name=f"{name}_norm_2")
    y = _apply_copy(block.mlp.dense_1, y, name=f"{name}_dense_1")
    y = _apply_copy(block.mlp.dense_2, y, name=f"{name}_dense_2")
    return layers.Add(name=f"{name}_add_2")([x, y])


def _apply_copy(layer: keras.Layer, *inputs: Any, name: str) -> Any:
    """Apply a layer like this one, with its weights, under a name of its own in the model."""
    copy = type(layer).from_config(layer.get_config() | {"name": name})
    outputs = copy(*inputs)
    copy.set_weights(layer.get_weights())
    return outputs


def _add_table(x: Any, table: np.ndarray) -> Any:
    """Add weights of shape (num_tokens, num_features) to the tokens of every image."""
    ones = keras.ops.ones_like(x[:, :, 0], dtype="int32")
    places = keras.ops.cumsum(ones, axis=1) - 1  # 0 1 2 3 for four tokens
    layer = layers.Embedding(*table.shape, name="positions")
    x = layers.Add(name="add_positions")([x, layer(places)])
    layer.set_weights([table])
    return x
