"""Models of keras.applications: their weights, from Keras' cache or the network, and features."""

import http.server
import inspect
import re
import socket
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from keras_weights import write_keras_weights
from reference_frames import SIZE, reference_frames

import har.backbones.keras_applications
from har.backbones.building import build_backbone
from har.backbones.keras_applications import application_names, find_keras_weights
from har.backbones.weights import identify_weights
from har.engine.runtime import keras
from har.evaluation.gradcam import with_backbone

FILE_UTILS = inspect.getmodule(keras.utils.get_file)
MOBILENET = inspect.getmodule(keras.applications.MobileNetV2)
MOBILENET_FILE = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5"


@pytest.fixture
def models_folder(tmp_path, monkeypatch) -> Path:
    """The folder of weights in an empty cache of Keras."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setenv("no_proxy", "*")
    (tmp_path / "models").mkdir()
    return tmp_path / "models"


@pytest.mark.parametrize(
    ("name", "file_name", "num_features", "num_parameters"),
    [
        ("MobileNetV2", MOBILENET_FILE, 1280, 2_257_984),
        # Of these Keras scales the input otherwise when it is given the file.
        ("EfficientNetB0", "efficientnetb0_notop.h5", 1280, 4_049_571),
        # It wants blue first.
        ("VGG16", "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5", 512, 14_714_688),
        # It has layers that are not in keras.layers.
        ("ConvNeXtTiny", "convnext_tiny_notop.h5", 768, 27_820_128),
    ],
)
def test_build_backbone_gives_the_features_of_keras(
    name, file_name, num_features, num_parameters, models_folder, monkeypatch
):
    path = models_folder / file_name
    write_keras_weights(path, name)
    monkeypatch.setattr(FILE_UTILS, "validate_file", lambda *_, **__: True)
    frames = np.stack(list(reference_frames().values()))[:2]
    application = getattr(keras.applications, name)
    with monkeypatch.context() as patched:
        patched.setattr(FILE_UTILS, "get_file", lambda *_, **__: str(path))
        original = application(include_top=False, pooling="avg", input_shape=(SIZE, SIZE, 3))
    preprocess = inspect.getmodule(application).preprocess_input
    # Called and not `predict`, whose graph takes longer than two frames.
    expected = original(preprocess(frames.astype(np.float32))).numpy()

    backbone = build_backbone(name, "keras")
    features = backbone(frames).numpy()

    assert backbone.output_shape == (None, num_features)
    assert backbone.count_params() == num_parameters
    assert backbone.trainable_weights == []
    np.testing.assert_allclose(features, expected, rtol=0, atol=1e-5 * np.abs(expected).max())
    assert FILE_UTILS.get_file is keras.utils.get_file

    clips = keras.Input((2, num_features))
    head = keras.Model(clips, keras.layers.GlobalAveragePooling1D()(clips))
    whole = with_backbone(head, backbone, ["motion"], clip_frames=2).model
    mean = whole(frames[None]).numpy()
    np.testing.assert_allclose(
        mean[0], features.mean(axis=0), rtol=0, atol=1e-5 * np.abs(expected).max()
    )


def test_build_backbone_takes_mobilenet_v2_for_keras_own_name(models_folder):
    write_keras_weights(models_folder / MOBILENET_FILE, "MobileNetV2")
    first, second = (build_backbone(name, "keras") for name in ("mobilenet_v2", "MobileNetV2"))
    for one, other in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_build_backbone_refuses_damaged_keras_weights(models_folder):
    (models_folder / MOBILENET_FILE).write_bytes(b"cut short")
    with pytest.raises(ValueError, match=rf"{MOBILENET_FILE} does not hold the weights .*Delete"):
        build_backbone("mobilenet_v2", "keras")


def test_identify_weights_tells_keras_weights_apart(models_folder):
    path = models_folder / MOBILENET_FILE
    path.write_bytes(b"weights")
    first = identify_weights("mobilenet_v2", "keras")
    path.write_bytes(b"other weights")
    assert identify_weights("mobilenet_v2", "keras") != first


def test_find_keras_weights_fetches_what_is_missing(models_folder, monkeypatch, capsys):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(self.path.encode())

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/"
        monkeypatch.setattr(MOBILENET, "BASE_WEIGHT_PATH", address)
        path = find_keras_weights("MobileNetV2", 224)
        server.shutdown()

    assert path == models_folder / MOBILENET_FILE
    assert path.read_text() == f"/{MOBILENET_FILE}"
    assert f"Fetching {address}{MOBILENET_FILE} into {models_folder}" in capsys.readouterr().err
    assert find_keras_weights("MobileNetV2", 224) == path  # without the server
    assert capsys.readouterr().err == ""


def test_find_keras_weights_names_the_file_when_there_is_no_network(models_folder, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    monkeypatch.setattr(MOBILENET, "BASE_WEIGHT_PATH", f"http://127.0.0.1:{port}/")
    path = re.escape(str(models_folder / MOBILENET_FILE))
    message = rf"{path} is missing .*refused.*put the file there.*weights to 'registry'"
    with pytest.raises(ValueError, match=message):
        find_keras_weights("mobilenet_v2", 224)


def test_find_keras_weights_gives_up_on_a_network_that_never_answers(models_folder, monkeypatch):
    monkeypatch.setattr(har.backbones.keras_applications, "TIMEOUT_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}/"
        monkeypatch.setattr(MOBILENET, "BASE_WEIGHT_PATH", address)
        start = time.monotonic()
        with pytest.raises(ValueError, match=rf"could not be fetched from {address}.*timed out"):
            find_keras_weights("mobilenet_v2", 224)
    assert time.monotonic() - start < 10
    assert socket.getdefaulttimeout() is None


@pytest.mark.parametrize("name", ["vgg", "efficientnet_lite0", "", None])
def test_find_keras_weights_lists_all_models_when_there_is_none_of_that_name(name):
    assert {"EfficientNetV2S", "ConvNeXtTiny", "MobileNetV2"} <= set(application_names())
    listed = ", ".join(["mobilenet_v2", *application_names()])
    message = rf"backbone\.name is {name!r}, expected with backbone\.weights 'keras' .*: {listed}\."
    with pytest.raises(ValueError, match=message):
        find_keras_weights(name, 224)


def test_find_keras_weights_refuses_frames_that_are_too_small():
    with pytest.raises(ValueError, match=r"extract\.size is 64 pixels.*Xception.*at least 71x71"):
        find_keras_weights("Xception", 64)
