"""The models' layers, and the folder that keeps a trained one."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from places import ROOT

from har.backbones.building import build_backbone
from har.clips.streams import show_streams
from har.engine.runtime import keras
from har.models import mobilenet_lstm
from har.models.contract import (
    build_model,
    count_parameters,
    find_model,
    model_names,
    settings_type,
)
from har.recognizer.making import count_all_parameters, make_recognizer
from har.recognizer.recognizer import Recognizer, load_recognizer
from har.settings.loading import make_settings

PREPROCESSING = {"num_frames": 12, "size": 8, "aspect": "stretch", "model_frames": 8}
PREPROCESSING |= {"streams": ["frames"], "context": 1.0, "max_side": 64}
LABELS = ["sitting down", "Übung"]


def build_cnn3d(*, num_frames: int = 8, frame_size: int = 8, num_classes: int = 2) -> keras.Model:
    return build_model(
        "cnn3d", num_classes=num_classes, num_frames=num_frames, frame_size=frame_size
    )


def build_head(
    *, num_frames: int = 16, num_classes: int = 6, streams: tuple[str, ...] = ("frames",)
) -> keras.Model:
    return build_model(
        "mobilenet_lstm",
        settings_type("mobilenet_lstm")(streams=list(streams)),
        num_classes=num_classes,
        num_frames=num_frames,
        num_features=1280 * len(streams),
    )


def random_clips(num_clips: int, num_frames: int, size: int) -> np.ndarray:
    shape = (num_clips, num_frames, size, size, 3)
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def test_cnn3d_has_the_original_number_of_parameters():
    model = build_cnn3d(num_frames=16, frame_size=224, num_classes=6)
    assert count_parameters(model) == {"total": 19_897_708 + 388, "trainable": 19_897_708}
    assert model.count_params() == 19_898_096
    assert model.input_shape == (None, 16, 224, 224, 3)
    assert model.output_shape == (None, 6)


def test_mobilenet_lstm_has_the_original_number_of_parameters():
    head = build_head()
    assert count_parameters(head) == {"total": 1_476_486, "trainable": 1_476_486}
    settings = make_settings(
        {
            "model": "mobilenet_lstm",
            "backbone": {"weights": "random"},
            "dataset": {"synthetic": False},
        }
    )
    counts = count_all_parameters(head, settings)
    assert counts == {"total": 3_734_470, "trainable": 1_476_486}


def test_mobilenet_lstm_starts_out_remembering_the_whole_clip():
    keras.utils.set_random_seed(0)
    head = build_head(num_frames=30)
    recurrent = recurrent_layer(head)
    bias = recurrent.forward_layer.cell.bias.numpy()
    assert np.array_equal(bias, recurrent.backward_layer.cell.bias.numpy())
    forgotten = 1 / (1 + np.exp(bias[128:256]))
    assert forgotten[[0, -1]] == pytest.approx([1 / 2, 1 / 30])  # of a frame, with the next one
    assert bias[:128] == pytest.approx(-bias[128:256])
    assert not bias[256:].any()
    left = influence_of_the_first_frame(head)
    recurrent.forward_layer.cell.bias.assign(np.repeat([0, 1, 0, 0], 128))  # as Keras has it
    assert left > 4 * influence_of_the_first_frame(head)


def test_mobilenet_lstm_centres_its_inputs_on_the_training_videos(tmp_path):
    rng = np.random.default_rng(0)
    clips = (rng.uniform(1, 3, (5, 16, 2560)) * rng.uniform(0, 2, 2560)).astype(np.float32)
    mean = (clips[..., :1280] + clips[..., 1280:]) / 2
    head = build_head(streams=("frames", "person"))
    mobilenet_lstm.adapt(head, iter(clips))
    scaling = head.get_layer(mobilenet_lstm.SCALING)
    centred = keras.Model(head.input, scaling.output).predict_on_batch(clips)
    expected = (mean - mean.mean(axis=(0, 1))) * mobilenet_lstm.DEVIATION / mean.std()
    assert np.allclose(centred, expected, atol=1e-5)
    assert count_parameters(head) == {"total": 1_476_486, "trainable": 1_476_486}
    head.save(tmp_path / "head.keras")
    loaded = keras.models.load_model(tmp_path / "head.keras")
    assert np.array_equal(loaded.predict_on_batch(clips), head.predict_on_batch(clips))


def recurrent_layer(head: keras.Model) -> keras.layers.Layer:
    return next(x for x in head.layers if isinstance(x, keras.layers.Bidirectional))


def influence_of_the_first_frame(head: keras.Model) -> float:
    """Return how much it changes what the forward direction says after the last."""
    clips = np.zeros((2, 30, 1280), np.float32)
    clips[1, 0] = 1
    said = keras.Model(head.input, recurrent_layer(head).output).predict_on_batch(clips)[:, :128]
    return float(np.abs(said[1] - said[0]).mean())


@pytest.mark.parametrize("frame_size", [64, 128])
def test_cnn3d_changes_its_probabilities_little_in_one_step_of_adam(frame_size):
    keras.utils.set_random_seed(0)
    model = build_cnn3d(num_frames=16, frame_size=frame_size)
    model.compile(keras.optimizers.Adam(1e-3), "categorical_crossentropy", jit_compile=False)
    clips, targets = random_clips(4, 16, frame_size), np.eye(2)[[0, 1, 0, 1]]
    before, after = (float(model.train_on_batch(clips, targets)) for _ in range(2))
    # Unscaled, one step makes it certain, whatever comes: the loss is 0.00 after it.
    assert 0.1 < after < before < 1


def test_recognizer_on_features_gives_the_probabilities_of_backbone_and_head(tmp_path):
    settings = make_settings(
        {
            "model": "mobilenet_lstm",
            "extract": {"num_frames": 3, "size": 32},
            "backbone": {"weights": "random"},
            "features": {"streams": ["frames", "motion"]},
            "models": {"mobilenet_lstm": {"streams": ["frames", "motion"]}},
        }
    )
    backbone = build_backbone(weights="random", seed=42, frame_size=32)
    head = build_head(num_frames=3, num_classes=len(LABELS), streams=("frames", "motion"))
    clips = random_clips(2, 3, 32)
    frames, motions = zip(
        *(show_streams(["frames", "motion"], clip) for clip in clips), strict=True
    )
    features = [
        np.hstack([backbone.predict_on_batch(one[[1, 1, 1]]), backbone.predict_on_batch(motion)])
        for one, motion in zip(frames, motions, strict=True)
    ]
    expected = head.predict_on_batch(np.stack(features))
    make_recognizer(head, LABELS, settings, {}).save(tmp_path)
    loaded = load_recognizer(tmp_path)
    probabilities = np.stack([loaded.predict(clip) for clip in clips])
    assert np.abs(probabilities - expected).max() < 1e-4
    assert probabilities.sum(axis=1) == pytest.approx([1, 1], abs=1e-5)
    assert not np.allclose(probabilities[0], probabilities[1], atol=1e-6)
    (tmp_path / "backbone.tflite").unlink()
    with pytest.raises(ValueError, match=r"has no backbone\.tflite\. Train a model"):
        load_recognizer(tmp_path)


def test_find_model_finds_every_model_by_its_file():
    assert model_names() == ["attention", "cnn3d", "fusion", "mobilenet_lstm"]
    inputs = [find_model(name).INPUT for name in model_names()]
    assert inputs == ["features", "clips", "features", "features"]


@pytest.mark.parametrize("name", ["resnet", "__init__", "", None])
def test_find_model_refuses_unknown_name(name):
    names = ", ".join(model_names())
    message = rf"There is no model {name!r}; expected one of {names}\. Set `model`"
    with pytest.raises(ValueError, match=message):
        find_model(name)


def make_tiny() -> tuple[keras.Model, Recognizer]:
    keras.utils.set_random_seed(3)
    model, params = build_cnn3d(), {"model": "cnn3d", "seed": 3}
    return model, Recognizer.of_model(model, LABELS, PREPROCESSING, params)


def folder_digests(folder: Path) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.iterdir()}


def test_recognizer_predicts_the_same_after_saving_and_loading(tmp_path):
    model, recognizer = make_tiny()
    recognizer.save(tmp_path / "model")
    loaded = load_recognizer(tmp_path / "model")
    assert (loaded.labels, loaded.preprocessing) == (LABELS, PREPROCESSING)
    assert loaded.params == {"model": "cnn3d", "seed": 3}
    clips = random_clips(3, 12, 8)
    probabilities = np.stack([loaded.predict(clip) for clip in clips])
    assert probabilities.shape == (3, 2)
    assert np.array_equal(probabilities[1], recognizer.predict(clips[1]))
    # It takes 8 of the 12 frames, evenly spaced.
    chosen = model.predict_on_batch(clips[:, [0, 2, 3, 5, 6, 8, 9, 11]])
    assert np.abs(probabilities - chosen).max() < 1e-4


def test_recognizer_saves_the_same_bytes_again(tmp_path):
    _, recognizer = make_tiny()
    recognizer.save(tmp_path / "first")
    recognizer.save(tmp_path / "second")
    first = folder_digests(tmp_path / "first")
    described = ["labels.json", "model.tflite", "params.json", "preprocessing.json"]
    assert sorted(first) == ["digests.json", *described]
    assert folder_digests(tmp_path / "second") == first
    assert json.loads((tmp_path / "first" / "labels.json").read_text(encoding="utf-8")) == LABELS


@pytest.mark.slow
def test_recognizer_saves_the_same_bytes_in_another_process(tmp_path):
    code = """if True:
        import sys; from pathlib import Path; sys.path[:0] = ["tests", "tests/models"]
        from test_models import make_tiny
        from har.engine.runtime import setup_tensorflow
        setup_tensorflow(num_threads=2, seed=0)
        make_tiny()[1].save(Path(sys.argv[1]))
    """
    for name in ("first", "second"):
        subprocess.run([sys.executable, "-c", code, tmp_path / name], cwd=ROOT, check=True)
    assert folder_digests(tmp_path / "first") == folder_digests(tmp_path / "second")


def test_load_recognizer_refuses_folder_without_model(tmp_path):
    message = r"nowhere has no model\.tflite, labels\.json.* Train a model .* or .* `dvc pull`"
    with pytest.raises(ValueError, match=message):
        load_recognizer(tmp_path / "nowhere")
