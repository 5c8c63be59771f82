"""KerasHub's presets: their weights, from a folder or kagglehub's cache, and their features.

KerasHub is not in requirements.txt: what needs it is skipped without it, and the errors that name
it are tested in any case. The presets here are tiny and made by the tests.
"""

import importlib.metadata
import json
import shutil
import socket
import sys
import time
import tomllib
import types
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from places import ROOT

import har.backbones.conversion
import har.backbones.keras_hub
from har.backbones.building import build_backbone
from har.backbones.extractor import make_extractor
from har.backbones.keras_hub import find_preset
from har.backbones.weights import identify_weights
from har.engine.runtime import KERAS_HUB

SIZE = 64
NAME = "vit_base_patch16_224_imagenet"
FILES = ("config.json", "image_converter.json", "model.weights.h5")
TRANSFORMER = {"patch_size": 16, "num_layers": 2, "num_heads": 2, "hidden_dim": 32}
RESNET = {
    "input_conv_filters": [64],
    "input_conv_kernel_sizes": [7],
    "stackwise_num_filters": [64, 64],
    "stackwise_num_blocks": [1, 1],
    "stackwise_num_strides": [1, 2],
    "block_type": "basic_block",
}
SHAPE = {"image_shape": (SIZE, SIZE, 3)}
NO_BIAS = {"use_mha_bias": False, "use_mlp_bias": False, "use_patch_bias": False}
PRESETS: dict[str, tuple[str, dict[str, Any]]] = {
    "vit": ("ViT", TRANSFORMER | SHAPE | {"mlp_dim": 64, "dropout_rate": 0.1}),
    "vit_without_class_token": (
        "ViT",
        TRANSFORMER | SHAPE | NO_BIAS | {"mlp_dim": 64, "use_class_token": False},
    ),
    "dinov2": (
        "DINOV2",
        # Of another size: it adapts.
        TRANSFORMER
        | {"image_shape": (128, 128, 3), "intermediate_dim": 64, "num_register_tokens": 1},
    ),
    "resnet": ("ResNet", RESNET),
    "deit": ("DeiT", TRANSFORMER | SHAPE | {"intermediate_dim": 64}),
}


@pytest.fixture(scope="module")
def keras_hub() -> types.ModuleType:
    return pytest.importorskip("keras_hub", reason=f"needs `pip install {KERAS_HUB}`")


@pytest.fixture(scope="module")
def write_preset(keras_hub, tmp_path_factory):
    """Return a function that writes a preset with random weights and returns its folder."""

    def write(name: str) -> Path:
        folder = tmp_path_factory.mktemp("presets") / name
        kind, settings = PRESETS[name]
        backbone = getattr(keras_hub.models, f"{kind}Backbone")(**settings)
        rng = np.random.default_rng(0)  # by default, biases and the class token are nearly 0
        for weight in backbone.weights:
            weight.assign(np.abs(weight.numpy()) + rng.uniform(0.01, 0.1, weight.shape))
        backbone.save_to_preset(str(folder))
        converter = getattr(keras_hub.layers, f"{kind}ImageConverter")(
            (SIZE, SIZE), scale=[1 / 50, 1 / 60, 1 / 70], offset=[-1, -2, -0.5]
        )
        converter.save_to_preset(str(folder))
        return folder

    return write


@pytest.fixture(scope="module")
def vit(write_preset) -> Path:
    return write_preset("vit")


@pytest.fixture
def copied(vit, tmp_path) -> Path:
    """A copy of the preset, to damage."""
    return Path(shutil.copytree(vit, tmp_path / "copied"))


@pytest.fixture
def kaggle_folder(tmp_path, monkeypatch) -> Path:
    """Where kagglehub keeps the files of the preset `NAME`; empty."""
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path / "kagglehub"))
    folder = tmp_path / "kagglehub" / "models" / "keras" / "vit" / "keras" / NAME / "4"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def frames() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (3, SIZE, SIZE, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("name", "num_features", "is_plain"),
    [
        ("vit", 32, True),
        ("vit_without_class_token", 32, True),
        ("resnet", 64, True),
        ("dinov2", 32, False),
    ],
)
def test_build_backbone_gives_the_features_of_keras_hub(
    name, num_features, is_plain, write_preset, keras_hub, frames, tmp_path
):
    folder = write_preset(name)
    converter = keras_hub.layers.ImageConverter.from_preset(str(folder))
    original = keras_hub.models.Backbone.from_preset(str(folder), image_shape=(SIZE, SIZE, 3))
    converter.image_size = None
    images = converter(frames)
    maps = np.array(original({"images": images} if name == "dinov2" else images))
    if name in ("vit", "dinov2"):
        expected = maps[:, 0]
    else:
        expected = maps.mean(axis=tuple(range(1, maps.ndim - 1)))

    backbone = build_backbone(str(folder), "keras_hub", frame_size=SIZE)
    features = backbone.predict_on_batch(frames)

    assert backbone.output_shape == (None, num_features)
    assert backbone.trainable_weights == []
    assert features.std(axis=0).max() > 1e-3  # they tell the frames apart
    tolerance = {"rtol": 0, "atol": 1e-5 * np.abs(expected).max()}
    np.testing.assert_allclose(features, expected, **tolerance)

    extractor = make_extractor(
        str(folder), "keras_hub", frame_size=SIZE, runtime="litert", cache_folder=tmp_path
    )
    np.testing.assert_allclose(extractor(frames), expected, **tolerance)


def test_make_extractor_gives_the_same_bits_by_way_of_a_saved_model(
    vit, frames, tmp_path, monkeypatch
):
    features = []
    for max_constants in (har.backbones.conversion.MAX_CONSTANTS_BYTES, 0):
        monkeypatch.setattr(har.backbones.conversion, "MAX_CONSTANTS_BYTES", max_constants)
        extractor = make_extractor(
            str(vit),
            "keras_hub",
            frame_size=SIZE,
            runtime="litert",
            cache_folder=tmp_path / str(max_constants),
        )
        features.append(extractor(frames))
    np.testing.assert_array_equal(*features)


def test_identify_weights_tells_presets_apart_by_what_is_in_their_files(copied, vit):
    first = identify_weights(str(copied), "keras_hub")
    assert first == identify_weights(str(vit), "keras_hub")
    seen = {first}
    for file in FILES:
        content = (copied / file).read_bytes()
        (copied / file).write_bytes(content[:-1] + b" ")
        seen.add(identify_weights(str(copied), "keras_hub"))
        (copied / file).write_bytes(content)
    assert len(seen) == 1 + len(FILES)


def test_build_backbone_takes_a_name_from_the_cache_of_kagglehub(
    vit, kaggle_folder, frames, monkeypatch, capsys
):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")  # nobody is there
    done = kaggle_folder.parent / ".complete" / "4"
    done.mkdir(parents=True)
    for file in FILES:
        shutil.copy(vit / file, kaggle_folder)
        (done / f"{file}.complete").touch()
    by_name = build_backbone(NAME, "keras_hub", frame_size=SIZE)
    by_folder = build_backbone(str(vit), "keras_hub", frame_size=SIZE)
    np.testing.assert_array_equal(
        by_name.predict_on_batch(frames), by_folder.predict_on_batch(frames)
    )
    assert identify_weights(NAME, "keras_hub") == identify_weights(str(vit), "keras_hub")
    assert "Fetching" not in capsys.readouterr().err


def test_find_preset_fetches_what_is_missing(keras_hub, kaggle_folder, monkeypatch, capsys):
    import kagglehub

    asked = []

    def download(handle: str, file: str) -> str:
        asked.append((handle, file))
        return str(kaggle_folder / file)

    monkeypatch.setattr(kagglehub, "model_download", download)
    assert find_preset(NAME) == kaggle_folder
    assert asked == [(f"keras/vit/keras/{NAME}/4", file) for file in FILES]
    assert f"Fetching {NAME} from Kaggle into {kaggle_folder}" in capsys.readouterr().err


@pytest.mark.parametrize("function", [build_backbone, identify_weights])
def test_keras_hub_weights_are_never_random_when_there_is_no_network(
    function, keras_hub, kaggle_folder, monkeypatch
):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
    message = rf"{NAME} is not whole in {kaggle_folder}.*refused.*weights to 'registry'"
    with pytest.raises(ValueError, match=message):
        function(NAME, "keras_hub")


def test_find_preset_gives_up_on_a_network_that_never_answers(
    keras_hub, kaggle_folder, monkeypatch
):
    from requests.adapters import HTTPAdapter

    send = HTTPAdapter.send
    monkeypatch.setattr(har.backbones.keras_hub, "TIMEOUT_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{server.getsockname()[1]}")
        start = time.monotonic()
        with pytest.raises(ValueError, match=r"fetched from Kaggle.*timed out"):
            find_preset(NAME)
    assert time.monotonic() - start < 10
    assert HTTPAdapter.send is send


@pytest.mark.parametrize("name", ["vgg", "bert_base_en", "", None])
def test_find_preset_refuses_what_is_no_preset_of_images(name, keras_hub, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    message = rf"backbone\.name is {name!r}, expected .*'keras_hub' a preset of an image model"
    if name == "":  # the current folder
        message = r"\. is no preset of an image model: it has no config\.json and no image_conv"
    with pytest.raises(ValueError, match=message):
        find_preset(name)


def test_build_backbone_refuses_frames_of_another_size_than_the_preset(vit):
    with pytest.raises(ValueError, match=r"extract\.size is 224 pixels.*takes frames of 64x64"):
        build_backbone(str(vit), "keras_hub")


def test_build_backbone_refuses_a_preset_of_texts(copied):
    (copied / "config.json").write_text(json.dumps({"class_name": "BertBackbone", "config": {}}))
    with pytest.raises(ValueError, match=r"config\.json is not that of an image model"):
        build_backbone(str(copied), "keras_hub", frame_size=SIZE)


def test_build_backbone_refuses_layers_of_gigabytes(copied):
    config = json.loads((copied / "config.json").read_text())
    config["config"]["mlp_dim"] = 10**8
    (copied / "config.json").write_text(json.dumps(config))
    with pytest.raises(
        ValueError, match=r"copied does not hold .*too large: within 3 GB of memory"
    ):
        build_backbone(str(copied), "keras_hub", frame_size=SIZE)


def test_build_backbone_refuses_weights_of_another_model(copied, write_preset):
    shutil.copy(write_preset("resnet") / "model.weights.h5", copied)
    with pytest.raises(ValueError, match=r"copied does not hold the model of backbone\.name"):
        build_backbone(str(copied), "keras_hub", frame_size=SIZE)


def test_build_backbone_refuses_weights_that_are_not_whole(copied):
    with h5py.File(copied / "model.weights.h5", "r+") as file:
        file["layers/vi_t_encoder/layer_norm/vars/0"][3] = np.nan
    with pytest.raises(ValueError, match=r"h5 has no good numbers for vit_encoder/ln/gamma\. Wri"):
        build_backbone(str(copied), "keras_hub", frame_size=SIZE)
    with h5py.File(copied / "model.weights.h5", "r+") as file:
        del file["layers/vi_t_encoder/encoder_layers"]
    with pytest.raises(ValueError, match=r"copied does not hold .*could not be loaded.*ln_1"):
        build_backbone(str(copied), "keras_hub", frame_size=SIZE)


def test_build_backbone_refuses_weights_that_are_cut_short(copied):
    weights = (copied / "model.weights.h5").read_bytes()
    (copied / "model.weights.h5").write_bytes(weights[: len(weights) // 2])
    with pytest.raises(ValueError, match=r"copied does not hold the model of backbone\.name"):
        build_backbone(str(copied), "keras_hub", frame_size=SIZE)


def test_build_backbone_refuses_a_model_that_could_not_be_saved(write_preset):
    with pytest.raises(ValueError, match=rf"{KERAS_HUB} cannot save that model.*key_dim"):
        build_backbone(str(write_preset("deit")), "keras_hub", frame_size=SIZE)


@pytest.mark.parametrize("function", [build_backbone, identify_weights])
def test_keras_hub_weights_say_how_to_install_it(function, monkeypatch):
    monkeypatch.setitem(sys.modules, "keras_hub", None)
    message = rf"backbone\.weights 'keras_hub' in params\.yaml .*Run `pip install {KERAS_HUB}`"
    with pytest.raises(ValueError, match=message):
        function(NAME, "keras_hub")


def test_keras_hub_weights_refuse_another_version(monkeypatch):
    monkeypatch.setitem(sys.modules, "keras_hub", types.ModuleType("keras_hub"))
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "0.1.0")
    message = rf"needs {KERAS_HUB}, and keras-hub 0\.1\.0 is installed"
    with pytest.raises(ValueError, match=message):
        identify_weights(NAME, "keras_hub")


def test_keras_hub_is_an_extra_of_the_project():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["optional-dependencies"]["keras-hub"] == [KERAS_HUB]
