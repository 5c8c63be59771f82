"""The backbone: parity with the framework of the weights, freezing, saving and its errors."""

import json

import numpy as np
import pytest
from places import ROOT
from reference_frames import SIZE, reference_frames

from har.backbones.building import BACKBONES, build_backbone
from har.engine.runtime import keras

REFERENCES = ROOT / "tests" / "data"
NUM_FEATURES = 1280
NUM_PARAMETERS = {
    "mobilenet_v2": 2_257_984,
    # The published ones without the classifier: 4,694,024 - 1,281,000, and so on.
    "efficientnet_lite0": 3_413_024,
}


@pytest.fixture(scope="module", params=BACKBONES)
def pretrained(request) -> keras.Model:
    return build_backbone(request.param, weights="registry")


@pytest.fixture(scope="module")
def frames() -> np.ndarray:
    return np.stack(list(reference_frames().values()))


def test_build_backbone_agrees_with_the_original_framework(pretrained, frames):
    reference = json.loads((REFERENCES / f"{pretrained.name}_reference.json").read_text())
    features = pretrained.predict(frames, verbose=0)
    for name, row in zip(reference_frames(), features, strict=True):
        expected = reference["frames"][name]
        np.testing.assert_allclose(
            row[reference["indices"]], expected["features"], rtol=0, atol=1e-4, err_msg=name
        )
        assert np.linalg.norm(row) == pytest.approx(expected["norm"], rel=1e-5), name


def test_build_backbone_tells_the_reference_frames_apart(pretrained, frames):
    features = pretrained.predict(frames, verbose=0)
    similarities = np.corrcoef(features) - np.eye(len(features))
    assert similarities.max() < 0.9


def test_build_backbone_is_frozen_and_has_the_published_size(pretrained):
    assert pretrained.count_params() == NUM_PARAMETERS[pretrained.name]
    assert pretrained.trainable_weights == []
    assert pretrained.output_shape == (None, NUM_FEATURES)


def test_build_backbone_gives_the_same_features_for_uint8_and_float_frames(pretrained, frames):
    as_bytes = pretrained.predict(frames[:2], verbose=0)
    as_floats = pretrained.predict(frames[:2].astype(np.float32), verbose=0)
    np.testing.assert_array_equal(as_bytes, as_floats)


def test_build_backbone_ignores_training_mode(pretrained, frames):
    inference = pretrained(frames[:2], training=False)
    training = pretrained(frames[:2], training=True)
    np.testing.assert_allclose(training, inference, rtol=0, atol=1e-5)


def test_build_backbone_repeats_random_weights_when_the_seed_is_the_same():
    first, same, other = (build_backbone(weights="random", seed=seed) for seed in (3, 3, 4))
    kernels = [model.get_layer("features_0_0").get_weights()[0] for model in (first, same, other)]
    np.testing.assert_array_equal(kernels[0], kernels[1])
    assert not np.array_equal(kernels[0], kernels[2])


@pytest.mark.parametrize("name", BACKBONES)
def test_build_backbone_gives_useful_features_when_weights_are_random(name, frames):
    features = build_backbone(name, weights="random", seed=0).predict(frames, verbose=0)
    assert features.std(axis=0).max() > 0.1


@pytest.mark.parametrize("name", BACKBONES)
def test_build_backbone_can_be_nested_saved_and_loaded(name, tmp_path, frames):
    backbone = build_backbone(name, weights="random", seed=0)
    clip = keras.Input((2, SIZE, SIZE, 3), dtype="uint8")
    flat = keras.ops.reshape(clip, (-1, SIZE, SIZE, 3))
    features = keras.ops.reshape(backbone(flat), (-1, 2, NUM_FEATURES))
    keras.Model(clip, features).save(tmp_path / "model.keras")

    loaded = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)

    assert loaded.trainable_weights == []
    np.testing.assert_array_equal(
        loaded.predict(frames[None, :2], verbose=0)[0], backbone.predict(frames[:2], verbose=0)
    )


def test_build_backbone_refuses_an_unknown_backbone():
    with pytest.raises(ValueError, match=r"backbone\.name is 'vgg', expected one of: mobilenet_v2"):
        build_backbone("vgg")


def test_build_backbone_refuses_unknown_weights():
    with pytest.raises(ValueError, match=r"backbone\.weights is 'imagenet', expected one of"):
        build_backbone(weights="imagenet")


@pytest.mark.parametrize("name", BACKBONES)
def test_build_backbone_takes_frames_of_another_size(name):
    backbone = build_backbone(name, weights="random", seed=0, frame_size=96)
    assert backbone.input_shape == (None, 96, 96, 3)
    assert backbone.output_shape == (None, NUM_FEATURES)
    assert backbone.count_params() == NUM_PARAMETERS[name]


def test_build_backbone_refuses_frames_that_are_too_small():
    with pytest.raises(ValueError, match=r"extract\.size is 16 pixels, .* needs 32 or more"):
        build_backbone(weights="random", seed=0, frame_size=16)


def test_build_backbone_refuses_random_weights_without_a_seed():
    with pytest.raises(ValueError, match="need a seed"):
        build_backbone(weights="random")
