"""The Transformer over frames: its size, what it can tell apart, and that it repeats itself."""

import numpy as np
import pytest
from pydantic import ValidationError

from har.backbones.building import build_backbone
from har.clips.streams import show_streams
from har.engine.runtime import keras
from har.models.contract import build_model, count_parameters, settings_type
from har.pose.joints import NUM_POSE_FEATURES
from har.recognizer.making import count_all_parameters, make_recognizer
from har.recognizer.recognizer import load_recognizer
from har.settings import SettingsError
from har.settings.loading import make_settings, parse_settings

NUM_FRAMES, NUM_FEATURES = 6, 5


def build_head(
    streams: tuple[str, ...] = ("frames", "motion"),
    *,
    num_frames: int = NUM_FRAMES,
    num_features: int = NUM_FEATURES,
    **settings,
) -> keras.Model:
    """Build the model, always with the same weights, whose classifier tells something already."""
    keras.utils.set_random_seed(0)
    head = build_model(
        "attention",
        settings_type("attention")(streams=list(streams), **settings),
        num_classes=3,
        num_frames=num_frames,
        num_features=num_features * len(streams),
    )
    kernel = np.random.default_rng(0).normal(scale=0.1, size=head.layers[-1].kernel.shape)
    head.layers[-1].set_weights([kernel, np.zeros(3)])
    return head


def random_features(num_clips: int = 4, num_streams: int = 2) -> np.ndarray:
    shape = (num_clips, NUM_FRAMES, NUM_FEATURES * num_streams)
    return np.random.default_rng(1).normal(size=shape).astype(np.float32)


def test_attention_has_some_hundred_thousand_parameters():
    settings = make_settings(
        {"model": "attention", "backbone": {"weights": "random"}, "dataset": {"synthetic": False}}
    )
    num_features = 3 * 1280 + NUM_POSE_FEATURES
    head = build_model("attention", num_classes=6, num_frames=30, num_features=num_features)
    assert count_parameters(head) == {"total": 393_392, "trainable": 385_606}
    counts = count_all_parameters(head, settings)
    assert counts == {"total": 2_257_984 + 393_392, "trainable": 385_606}


@pytest.mark.parametrize("settings", [{"width": 16}, {"width": 128, "num_layers": 2}])
def test_attention_grows_with_its_settings(settings):
    smaller, larger = (build_head(**one) for one in ({"width": 32}, settings))
    is_larger = count_parameters(larger)["total"] > count_parameters(smaller)["total"]
    assert is_larger == (settings["width"] > 32)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("width: 50", "models.attention.width is 50; expected one of 16, 32, 64, 128."),
        ("num_layers: 0", "models.attention.num_layers is 0; expected a whole number from 1 to 4."),
        (
            "dropout: 1",
            "models.attention.dropout is 1; expected a number of 0 or more and below 1.",
        ),
    ],
)
def test_attention_refuses_settings_out_of_range(text, message):
    with pytest.raises(SettingsError, match=message):
        parse_settings(f"models: {{attention: {{{text}}}}}")


def test_attention_settings_do_not_change():
    with pytest.raises(ValidationError, match="frozen"):
        settings_type("attention")().width = 32


def test_attention_sees_the_order_of_the_frames():
    head, features = build_head(), random_features()
    said, of_reversed = (head.predict_on_batch(x) for x in (features, features[:, ::-1]))
    assert np.abs(said - of_reversed).max(axis=1).min() > 0.01


def test_attention_sees_every_frame_of_every_stream():
    head, features = build_head(), random_features(1)
    said = head.predict_on_batch(features)
    for frame in range(NUM_FRAMES):
        for stream in range(2):
            changed = features.copy()
            changed[:, frame, stream * NUM_FEATURES : (stream + 1) * NUM_FEATURES] += 1
            assert np.abs(head.predict_on_batch(changed) - said).max() > 1e-4


def test_attention_learns_from_one_stream_at_a_time_and_adds_their_logits():
    head = build_head(width=16)
    joined = keras.Model(head.input, head.get_layer("one_stream").output)
    features = random_features(40)
    shown = keras.ops.convert_to_numpy(joined(features, training=True)).reshape(40, 2, 16)
    is_shown = (shown != 0).any(axis=-1)
    assert (is_shown.sum(axis=1) == 1).all()
    assert is_shown.any(axis=0).all()
    used = joined.predict_on_batch(features).reshape(40, 2, 16)
    assert (used != 0).any(axis=-1).all()


def test_attention_repeats_itself_with_the_same_seed(tmp_path):
    first, second, features = build_head(), build_head(), random_features()
    assert np.array_equal(first.predict_on_batch(features), second.predict_on_batch(features))
    first.save(tmp_path / "head.keras")
    loaded = keras.models.load_model(tmp_path / "head.keras")
    assert np.array_equal(first.predict_on_batch(features), loaded.predict_on_batch(features))


def test_recognizer_of_attention_gives_the_probabilities_of_backbone_and_head(tmp_path):
    streams = ["frames", "motion"]
    settings = make_settings(
        {
            "model": "attention",
            "extract": {"num_frames": NUM_FRAMES, "size": 32},
            "backbone": {"weights": "random"},
            "features": {"streams": streams},
            "models": {"attention": {"streams": streams}},
        }
    )
    backbone = build_backbone(weights="random", seed=42, frame_size=32)
    head = build_head(num_features=1280)
    shape = (2, NUM_FRAMES, 32, 32, 3)
    clips = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    seen = np.arange(NUM_FRAMES) // 3 * 3 + 1
    features = [
        np.hstack([backbone.predict_on_batch(x) for x in (frames[seen], motion)])
        for frames, motion in (show_streams(streams, clip) for clip in clips)
    ]
    expected = head.predict_on_batch(np.stack(features))
    make_recognizer(head, ["a", "b", "c"], settings, {}).save(tmp_path)
    loaded = load_recognizer(tmp_path)
    probabilities = np.stack([loaded.predict(clip) for clip in clips])
    assert np.abs(probabilities - expected).max() < 1e-4
    assert not np.allclose(probabilities[0], probabilities[1], atol=1e-6)
