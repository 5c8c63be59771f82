"""Where a model looks: on models whose answer is known to depend on one place or one frame."""

import numpy as np
import pytest

from har.backbones.building import build_backbone
from har.clips.streams import find_person, show_streams
from har.engine.runtime import keras
from har.evaluation.gradcam import (
    FromFrames,
    find_heat_map,
    find_maps_layer,
    of_clips,
    paint_heat_map,
    with_backbone,
)
from har.features.packed import seen_in_place
from har.models.contract import build_model, find_model, settings_type
from har.pose.joints import NUM_POSE_FEATURES
from har.recognizer.recognizer import load_trained, save_trained

layers = keras.layers
SIZE, NUM_FRAMES = 32, 4
THREE = ["frames", "motion", "person"]
STREAMS = {"fusion": [*THREE, "pose"], "attention": [*THREE, "pose"], "mobilenet_lstm": THREE}
SETTINGS = {"dropout": 0.3, "batch_norm_momentum": 0.9, "stream": "frames"}


@pytest.fixture(scope="module")
def frames() -> np.ndarray:
    return np.random.default_rng(0).integers(1, 256, (NUM_FRAMES, SIZE, SIZE, 3), dtype=np.uint8)


def corner_weights(corner: tuple[int, int], *, frame: int | None = None) -> np.ndarray:
    """Weights of flattened (frames, 8, 8, 1) maps: only one quarter is evidence for label 0."""
    weights = np.zeros((NUM_FRAMES, 8, 8, 2), np.float32)
    top, left = 4 * corner[0], 4 * corner[1]
    chosen = slice(None) if frame is None else slice(frame, frame + 1)
    weights[chosen, top : top + 4, left : left + 4, 0] = 1
    return weights.reshape(-1, 2)


def positive(layer: keras.Layer) -> None:
    """Make a convolution's maps the mean of what it sees, everywhere above 0."""
    kernel, bias = layer.get_weights()
    layer.set_weights([np.full_like(kernel, 1 / kernel[..., 0].size), bias])


def clip_model(corner: tuple[int, int]) -> FromFrames:
    """A model of clips that says label 0 for what is in one quarter, and sees all quarters."""
    inputs = keras.Input((NUM_FRAMES, SIZE, SIZE, 3), dtype="uint8")
    x = layers.Rescaling(1 / 255)(inputs)
    x = layers.Conv3D(1, 3, padding="same", activation="relu", name="maps")(x)
    x = layers.MaxPool3D((1, 4, 4))(x)
    x = layers.Flatten()(x)
    model = keras.Model(inputs, layers.Dense(2, activation="softmax", name="probabilities")(x))
    positive(model.get_layer("maps"))
    model.layers[-1].set_weights([corner_weights(corner), np.zeros(2)])
    return of_clips(model, clip_frames=NUM_FRAMES)


def frame_model(
    corner: tuple[int, int],
    *,
    frame: int | None = None,
    stream: str = "frames",
    context: float = 1.0,
) -> FromFrames:
    """A frozen network of frames within the model, and a head that looks at one quarter."""
    inputs = keras.Input((SIZE, SIZE, 3))
    x = layers.Rescaling(1 / 255)(inputs)
    x = layers.Conv2D(1, 3, strides=4, padding="same", use_bias=True, name="conv")(x)
    x = layers.BatchNormalization(name="norm")(x)
    x = layers.ReLU(name="maps")(x)
    backbone = keras.Model(inputs, layers.Flatten()(x))
    positive(backbone.get_layer("conv"))
    backbone.trainable = False
    features = keras.Input((NUM_FRAMES, 64))
    head = layers.Dense(2, activation="softmax", name="probabilities")(layers.Flatten()(features))
    trained = keras.Model(features, head)
    trained.layers[-1].set_weights([corner_weights(corner, frame=frame), np.zeros(2)])
    return with_backbone(trained, backbone, [stream], clip_frames=NUM_FRAMES, context=context)


def shares(heat: np.ndarray) -> np.ndarray:
    """The share of the heat in each quarter of the frames, shape (2, 2)."""
    quarters = heat.reshape(len(heat), 2, SIZE // 2, 2, SIZE // 2).sum(axis=(0, 2, 4))
    return quarters / quarters.sum()


@pytest.mark.parametrize("build", [clip_model, frame_model])
@pytest.mark.parametrize("corner", [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_find_heat_map_is_in_the_corner_that_decides(build, corner, frames):
    model = build(corner)
    heat = find_heat_map(model, frames, 0)
    assert heat.shape == (NUM_FRAMES, SIZE, SIZE)
    assert heat.max() == 1
    assert shares(heat)[corner] > 0.85  # some is drawn over the border as the map is enlarged


@pytest.mark.parametrize("build", [clip_model, frame_model])
def test_find_heat_map_is_nowhere_when_nothing_speaks_for_the_label(build, frames):
    model = build((0, 0))
    assert not find_heat_map(model, frames, 1).any()


def test_find_heat_map_is_in_the_frame_that_decides_and_those_it_was_seen_for(frames):
    model = frame_model((0, 1), frame=2)
    heat = find_heat_map(model, frames, 0)
    assert [bool(one.any()) for one in heat] == [True, True, True, False]  # 1 1 1 3 are seen


def test_frames_that_are_seen_by_one_share_what_it_adds():
    frames = np.full((NUM_FRAMES, SIZE, SIZE, 3), 128, np.uint8)
    heat = find_heat_map(frame_model((0, 0)), frames, 0)
    np.testing.assert_allclose(heat, np.repeat(heat[:1], NUM_FRAMES, axis=0), atol=1e-6)


@pytest.mark.parametrize("corner", [(0, 0), (1, 1)])
def test_find_heat_map_of_a_person_is_where_the_person_is(corner):
    frames = np.full((NUM_FRAMES, SIZE, SIZE, 3), 60, np.uint8)
    for number, frame in enumerate(frames):
        frame[18:26, 2 + 3 * number : 8 + 3 * number] = 200
    model = frame_model(corner, stream="person", context=1.5)
    heat = find_heat_map(model, frames, 0)
    left, top, side = find_person(*show_streams(["motion"], frames), context=1.5)
    assert 8 <= side < SIZE  # a part of the frame, larger than the smallest box
    seen = seen_in_place("person", np.arange(NUM_FRAMES), NUM_FRAMES)
    for one, x, y in zip(heat, left[seen], top[seen], strict=True):
        half = side // 2
        quarter = one[y + corner[0] * half :, x + corner[1] * half :][: half + 1, : half + 1]
        assert quarter.sum() > 0.85 * one.sum() > 0
        box = one[y : y + side, x : x + side]
        assert box.sum() == pytest.approx(one.sum())


def test_find_heat_map_goes_on_where_the_probability_is_1(frames):
    model = clip_model((1, 0))
    dense = model.model.layers[-1]
    before = find_heat_map(model, frames, 0)
    dense.set_weights([weights * 1000 for weights in dense.get_weights()])
    assert model.model.predict_on_batch(frames[np.newaxis])[0, 0] == 1
    np.testing.assert_allclose(find_heat_map(model, frames, 0), before, atol=1e-5)


def test_find_heat_map_leaves_the_model_as_it_was(frames):
    model = frame_model((0, 0))
    seen = frames[np.newaxis, model.seen[0]]
    answer = model.model.predict_on_batch(seen)
    find_heat_map(model, frames, 0)
    assert "call" not in vars(model.maps_layer)
    again = model.model.predict_on_batch(seen)
    np.testing.assert_array_equal(again, answer)


@pytest.mark.parametrize(
    ("name", "maps_name"),
    [
        ("cnn3d", "conv3d"),
        ("mobilenet_lstm", "features_18_1_relu"),
        ("fusion", "features_18_1_relu"),
        ("attention", "features_18_1_relu"),
    ],
)
def test_find_heat_map_of_the_project_s_models_as_saved(name, maps_name, frames, tmp_path):
    keras.utils.set_random_seed(1)
    module = find_model(name)
    streams = STREAMS.get(name, [])
    params = SETTINGS | {"streams": streams}
    options = {
        "frame_size": SIZE,
        "num_features": sum(NUM_POSE_FEATURES if stream == "pose" else 1280 for stream in streams),
    }
    kind = settings_type(name)
    settings = kind(**{key: value for key, value in params.items() if key in kind.model_fields})
    model = build_model(name, settings, num_classes=3, num_frames=NUM_FRAMES * 2, **options)
    last = model.layers[-1]  # may start at 0, where nothing is evidence for any label
    last.set_weights([np.random.default_rng(0).normal(size=last.kernel.shape), np.zeros(3)])
    save_trained(model, tmp_path)
    loaded = load_trained(tmp_path)
    if module.INPUT == "features":
        backbone = build_backbone(weights="random", seed=0, frame_size=SIZE)
        looks = with_backbone(loaded, backbone, streams, clip_frames=NUM_FRAMES * 2)
    else:
        looks = of_clips(loaded, clip_frames=NUM_FRAMES * 2)
    assert looks.maps_layer.name.startswith(maps_name)
    clip = np.tile(frames, (2, 1, 1, 1))
    heats = [find_heat_map(looks, clip, label) for label in range(3)]
    assert all(heat.shape == (NUM_FRAMES * 2, SIZE, SIZE) for heat in heats)
    still = find_heat_map(looks, np.repeat(frames[:1], NUM_FRAMES * 2, axis=0), 0)
    assert all(np.isfinite(heat).all() for heat in [*heats, still])
    assert any(not np.allclose(heats[0], heat) for heat in heats[1:])


def test_find_maps_layer_follows_a_shortcut_and_stops_where_the_shape_changes():
    inputs = keras.Input((SIZE, SIZE, 3))
    x = layers.Conv2D(4, 3, padding="same")(inputs)
    y = layers.Conv2D(4, 3, padding="same")(x)
    y = layers.ReLU(name="after")(layers.Add()([layers.BatchNormalization()(y), x]))
    outputs = layers.Dense(2)(layers.Dropout(0.1)(layers.GlobalAveragePooling2D()(y)))
    assert find_maps_layer(keras.Model(inputs, outputs)).name == "after"
    dense = keras.Sequential([keras.Input((4,)), layers.Dense(2)])
    assert find_maps_layer(dense) is None


def test_find_maps_layer_finds_none_where_attention_mixes_the_places():
    inputs = keras.Input((SIZE, SIZE, 3))
    x = layers.Reshape((16, 4))(layers.Conv2D(4, 8, strides=8)(inputs))
    outputs = layers.Dense(2)(layers.MultiHeadAttention(1, 4)(x, x)[:, 0])
    assert find_maps_layer(keras.Model(inputs, outputs)) is None


def test_paint_heat_map_colours_what_is_hot_only(frames):
    heat = np.zeros(frames.shape[:3], np.float32)
    heat[:, :16] = 1
    painted = paint_heat_map(frames, heat)
    assert (np.ptp(painted[:, 16:].astype(int), axis=-1) == 0).all()  # grey
    assert (np.ptp(painted[:, :16].astype(int), axis=-1) > 0).all()
