"""Fine-tuning: which blocks are trained, that it repeats itself, and what is said of mistakes."""

import numpy as np
import pytest
from falling_squares import BACKBONE, NUM_FRAMES, SETTINGS, SIZE, STREAMS, make_clips

import har.training.fine_tuning
from har.backbones.building import build_backbone
from har.engine.runtime import keras
from har.models.contract import build_model, count_parameters, settings_type
from har.training.deployment import deployable
from har.training.examples import Examples
from har.training.fine_tuning import fine_tune, split_backbone
from har.training.loop import Drawing, Progress, predict

HEAD_EPOCHS = 4


def build_head() -> keras.Model:
    keras.utils.set_random_seed(1)
    return build_model(
        "fusion", settings_type("fusion")(dropout=0.3, streams=list(STREAMS)),
        num_classes=2, num_frames=NUM_FRAMES, num_features=2 * 1280,
    )  # fmt: skip


def tune(checkpoint, *, training: Examples | None = None, **options):
    """Fine-tune two blocks of a random backbone; return backbone, head and the epochs."""
    backbone, head = build_backbone(**BACKBONE, seed=0, frame_size=SIZE), build_head()
    options = {"settings": SETTINGS, "num_blocks": 2, "num_epochs_before": HEAD_EPOCHS} | options
    result = fine_tune(
        head,
        backbone,
        training or make_clips(8, seed=0),
        make_clips(4, seed=1),
        streams=STREAMS,
        context=1.0,
        drawing=Drawing(seed=7, balanced=True),
        checkpoint=checkpoint,
        **options,
    )
    return backbone, head, result


@pytest.fixture(scope="module")
def tuned(tmp_path_factory) -> tuple[keras.Model, keras.Model, Progress]:
    return tune(tmp_path_factory.mktemp("tuned") / "checkpoint.npz")


def changed_layers(backbone: keras.Model) -> set[str]:
    """Return which layers have other weights than before the training."""
    before = build_backbone(**BACKBONE, seed=0, frame_size=SIZE)
    pairs = zip(backbone.layers, before.layers, strict=True)
    return {
        new.name
        for new, old in pairs
        for a, b in zip(new.get_weights(), old.get_weights(), strict=True)
        if not np.array_equal(a, b)
    }


def assert_same_weights(first, second):
    for a, b in zip(first[:2], second[:2], strict=True):
        for one, other in zip(a.get_weights(), b.get_weights(), strict=True):
            assert np.array_equal(one, other)


@pytest.mark.parametrize(
    ("name", "num_blocks", "first_layer"),
    [
        ("mobilenet_v2", 1, "features_18_0"),
        ("mobilenet_v2", 3, "features_16_conv_0"),
        ("mobilenet_v2", 18, "features_1_conv_0"),
        ("efficientnet_lite0", 1, "conv_head"),
        ("efficientnet_lite0", 2, "blocks_15_expand_conv"),
    ],
)
def test_split_backbone_cuts_before_a_block(name, num_blocks, first_layer):
    backbone = build_backbone(name, "random", seed=0, frame_size=SIZE)
    trunk, tail = split_backbone(backbone, num_blocks)
    assert tail.layers[1].name == first_layer  # after the input
    assert trunk.count_params() + tail.count_params() == backbone.count_params()
    frames = np.random.default_rng(0).integers(0, 256, (2, SIZE, SIZE, 3), dtype=np.uint8)
    features = tail.predict_on_batch(trunk.predict_on_batch(frames))
    assert features == pytest.approx(backbone.predict_on_batch(frames), abs=1e-5)


def test_split_backbone_refuses_more_blocks_than_there_are():
    backbone = build_backbone(**BACKBONE, seed=0, frame_size=SIZE)
    message = r"fine_tune\.num_blocks is 19; mobilenet_v2 has 18 blocks .*params\.yaml"
    with pytest.raises(ValueError, match=message):
        split_backbone(backbone, 19)


def test_fine_tune_changes_the_last_blocks_and_nothing_else_of_the_backbone(tuned):
    backbone, head, _ = tuned
    convolutions = {f"features_17_conv_{index}" for index in (0, 3, 6)} | {"features_18_0"}
    assert changed_layers(backbone) == convolutions
    assert head.get_layer("probabilities").kernel.numpy().any()  # it starts at 0


def test_fine_tune_leaves_all_batch_normalization_as_it_was(tuned):
    backbone, head, _ = tuned
    fresh = build_head()
    for layer, old in zip(head.layers, fresh.layers, strict=True):
        if isinstance(layer, keras.layers.BatchNormalization):
            for a, b in zip(layer.get_weights(), old.get_weights(), strict=True):
                assert np.array_equal(a, b)
    normalizing = [
        layer
        for layer in [*backbone.layers, *head.layers]
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    assert len(normalizing) == 53
    assert not any(layer.trainable for layer in normalizing)


def test_fine_tune_counts_the_unfrozen_parameters_also_after_loading(tuned, tmp_path):
    backbone, head, _ = tuned
    whole = deployable(head, backbone, STREAMS)
    # 160 x 960 + 9 x 960 + 960 x 320, and 320 x 1280; four statistics of 2560 features, two labels.
    expected = 153_600 + 8_640 + 307_200 + 409_600 + (4 * 2560 + 1) * 2
    assert count_parameters(whole)["trainable"] == expected
    whole.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", compile=False)
    assert count_parameters(loaded) == count_parameters(whole)


def test_fine_tune_trains_what_the_deployable_model_answers(tuned):
    backbone, head, result = tuned
    validation = make_clips(4, seed=1)
    probabilities = predict(deployable(head, backbone, STREAMS), validation, batch_size=1)
    right = probabilities[np.arange(4), validation.label_indices]
    assert result.history[-1]["split"] == "val"
    assert result.history[-1]["loss"] == pytest.approx(-np.log(right).mean(), rel=1e-4)


def test_fine_tune_goes_on_counting_epochs_and_keeps_the_last_weights(tuned):
    result = tuned[2]
    assert [row["epoch"] for row in result.history] == [5, 5, 6, 6, 7, 7]
    assert (result.epoch, result.best_epoch, len(result.seconds)) == (7, 7, 3)


def test_fine_tune_with_patience_keeps_the_lowest_validation_loss(tmp_path):
    settings = SETTINGS | {"patience": 2, "learning_rate": 0.03}
    result = tune(tmp_path / "checkpoint.npz", settings=settings)[2]
    losses = {row["epoch"]: row["loss"] for row in result.history if row["split"] == "val"}
    assert result.best_epoch == min(losses, key=losses.get)
    assert min(losses) == HEAD_EPOCHS + 1


def test_fine_tune_ends_the_same_when_killed(tuned, tmp_path, capsys):
    def interrupt(rows):
        if rows[0]["epoch"] == HEAD_EPOCHS + 2:
            raise KeyboardInterrupt

    checkpoint = tmp_path / "checkpoint.npz"
    with pytest.raises(KeyboardInterrupt):
        tune(checkpoint, on_epoch=interrupt)
    resumed = tune(checkpoint)
    assert capsys.readouterr().out == "train: goes on after epoch 6 of 7\n"
    assert_same_weights(resumed, tuned)
    assert resumed[2].history == tuned[2].history


def test_fine_tune_ends_the_same_when_no_maps_are_kept(tuned, tmp_path, monkeypatch):
    monkeypatch.setattr(har.training.fine_tuning, "KEPT_GIGABYTES", 0)
    assert_same_weights(tune(tmp_path / "checkpoint.npz"), tuned)


def test_fine_tune_names_its_own_parameter_when_the_loss_is_no_number(tmp_path):
    clips = make_clips(8, seed=0)
    broken = Examples(clips.read, clips.label_indices, clips.weights * np.nan)
    message = r"The loss is nan in epoch 5, step 1.*Lower fine_tune\.learning_rate in params\.yaml"
    with pytest.raises(ValueError, match=message):
        tune(tmp_path / "checkpoint.npz", training=broken)
