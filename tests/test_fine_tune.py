"""Fine-tuning: which blocks are trained, that it repeats itself, and what is said of mistakes."""

from collections import Counter
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

import har.fine_tune
import har.training
import stages.train
from har.backbone import build_backbone
from har.examples import Examples
from har.fine_tune import check_fine_tuning, fine_tune, split_backbone
from har.models import count_parameters, deployable, find_model
from har.params import Section
from har.runtime import keras
from har.training import Progress, predict
from stages.train import Trained, fit, predict_split

NUM_FRAMES, SIZE = 6, 32
STREAMS = ("frames", "motion")
SETTINGS = {
    "epochs": 3,
    "patience": None,
    "batch_size": 3,
    "learning_rate": 0.001,
    "weight_decay": 0.0001,
    "label_smoothing": 0.1,
    "mixup": 0,
    "time_mask": 0,
}
HEAD_EPOCHS = 4
BACKBONE = {"name": "mobilenet_v2", "weights": "random"}


def make_clips(num_clips: int, seed: int) -> Examples:
    """Squares that fall (1) or rise (0); view v is the clip, brighter by v."""
    rng = np.random.default_rng(seed)
    clips = np.full((num_clips, NUM_FRAMES, SIZE, SIZE, 3), 40, np.uint8)
    for index, clip in enumerate(clips):
        left, color = rng.integers(2, 20), rng.integers(120, 250, 3)
        for place, frame in enumerate(clip if index % 2 else clip[::-1]):
            frame[4 * place : 4 * place + 8, left : left + 8] = color
    return Examples(
        read=lambda video, view: clips[video] + np.uint8(view),
        label_indices=np.arange(num_clips) % 2,
        weights=np.ones(num_clips),
        num_views=1 if num_clips > 4 else 0,
    )


def build_head() -> keras.Model:
    keras.utils.set_random_seed(1)
    return find_model("fusion").build(
        num_classes=2, num_frames=NUM_FRAMES, frame_size=SIZE, num_features=2 * 1280,
        params={"dropout": 0.3, "stream_dropout": 0.5, "streams": STREAMS},
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
        balanced=True,
        seed=7,
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
    monkeypatch.setattr(har.fine_tune, "KEPT_GIGABYTES", 0)
    assert_same_weights(tune(tmp_path / "checkpoint.npz"), tuned)


def test_fine_tune_names_its_own_parameter_when_the_loss_is_no_number(tmp_path):
    clips = make_clips(8, seed=0)
    broken = Examples(clips.read, clips.label_indices, clips.weights * np.nan)
    message = r"The loss is nan in epoch 5, step 1.*Lower fine_tune\.learning_rate in params\.yaml"
    with pytest.raises(ValueError, match=message):
        tune(tmp_path / "checkpoint.npz", training=broken)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_blocks": -1}, r"fine_tune\.num_blocks is -1; expected a whole number of 0 or more"),
        ({"num_blocks": None}, r"fine_tune\.num_blocks is None; expected a whole number"),
        ({"num_blocks": 1.5}, r"fine_tune\.num_blocks is 1\.5; expected a whole number"),
        (
            {"model": "cnn3d", "model_input": "clips"},
            r"fine_tune\.num_blocks is 2, and cnn3d has no backbone to fine-tune.*Set it to 0",
        ),
        (
            {"weights": "keras"},
            r"fine_tune\.num_blocks is 2 and backbone\.weights is 'keras'; only",
        ),
    ],
)
def test_check_fine_tuning_refuses(changes, message):
    options = {"model": "fusion", "model_input": "features", "weights": "registry"}
    with pytest.raises(ValueError, match=message):
        check_fine_tuning(**{"num_blocks": 2} | options | changes)


def test_check_fine_tuning_takes_any_model_at_0():
    check_fine_tuning(0, model="cnn3d", model_input="clips", weights="keras")


def make_params(model: str = "fusion", **tuning) -> Section:
    settings = SETTINGS | {"epochs": HEAD_EPOCHS, "num_frames": NUM_FRAMES, "dropout": 0.3}
    settings |= {"batch_norm_momentum": 0.9, "streams": list(STREAMS), "stream_dropout": 0.5}
    settings |= {"stream": "frames", "refit": False}
    return Section(
        {
            "model": model,
            "models": {model: settings},
            "seed": 0,
            "extract": {"size": SIZE, "num_frames": NUM_FRAMES},
            "features": {"streams": list(STREAMS), "context": 1.0},
            "downsample": {"method": "none"},
            "backbone": BACKBONE,
            "fine_tune": {"num_blocks": 1, "epochs": 2, "learning_rate": 1e-4, "batch_size": 4}
            | tuning,
        }
    )


def read_made(split: str, inputs: str | None = None, *, by_default: str = "features") -> Examples:
    """Stand for `read_examples`: features that rise or fall, or clips."""
    clips = make_clips(*{"train": (8, 0), "val": (4, 1), "test": (4, 2)}[split])
    if (inputs or by_default) == "clips":
        return clips
    shape = (len(clips.label_indices), NUM_FRAMES, 2560)
    features = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    return Examples(lambda video, view: features[video], clips.label_indices, clips.weights)


def run_fit(params: Section, checkpoint, on_epoch=lambda rows: None, **options):
    keras.utils.set_random_seed(0)
    read = partial(read_made, **options)
    return fit(read, params, num_classes=2, checkpoint=checkpoint, on_epoch=on_epoch)


@pytest.fixture(scope="module")
def fitted(tmp_path_factory) -> tuple[Trained, list[dict]]:
    """What `fit` gives and the rows that it told of."""
    seen = []
    checkpoint = tmp_path_factory.mktemp("fitted") / "checkpoint.npz"
    return run_fit(make_params(), checkpoint, seen.extend), seen


def test_fit_trains_the_model_and_then_the_blocks(fitted):
    trained, seen = fitted
    assert [row["epoch"] for row in seen[::2]] == [1, 2, 3, 4, 5, 6]
    assert [result.epoch for result in trained.results] == [4, 6]
    probabilities = predict_split(trained, read_made, make_params(), "test")
    assert probabilities.shape == (4, 2)
    whole = trained.tuned.predict_on_batch(np.stack([make_clips(4, 2).read(0, 0)]))
    assert probabilities[:1] == pytest.approx(whole, abs=1e-5)


def test_fit_ends_the_same_when_killed_between_and_within_the_two(fitted, tmp_path):
    for last_epoch in (HEAD_EPOCHS, HEAD_EPOCHS + 1):

        def interrupt(rows, last_epoch=last_epoch):
            if rows[0]["epoch"] == last_epoch:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            run_fit(make_params(), tmp_path / "killed.npz", interrupt)
    resumed = run_fit(make_params(), tmp_path / "killed.npz")
    for a, b in zip(resumed.tuned.get_weights(), fitted[0].tuned.get_weights(), strict=True):
        assert np.array_equal(a, b)


def refit_params(**settings) -> Section:
    params = make_params(num_blocks=0)
    params["models"]["fusion"] |= {"refit": True} | settings
    return params


def test_fit_trains_once_more_with_the_validation_videos_when_refit(tmp_path):
    read_by: list[tuple[str, int]] = []  # split and epoch, as far as it has been told of
    seen = []

    def read_noted(split, inputs=None):
        made = read_made(split, inputs)

        def read(video, view):
            read_by.append((split, len(seen)))
            return made.read(video, view)

        return replace(made, read=read)

    keras.utils.set_random_seed(0)
    options = {"num_classes": 2, "on_epoch": seen.extend}
    once = run_fit(make_params(num_blocks=0), tmp_path / "once.npz")
    params = refit_params(patience=None)
    trained = fit(read_noted, params, checkpoint=tmp_path / "refit.npz", **options)
    # The curves and the validation are those of the first training, the weights are not.
    assert trained.results[0].history == once.results[0].history
    assert np.array_equal(trained.validated, once.validated)
    kernels = [one.model.layers[-1].kernel.numpy() for one in (trained, once)]
    assert not np.array_equal(*kernels)
    afterwards = Counter(split for split, told in read_by if told == 2 * HEAD_EPOCHS)
    # In each epoch as many examples as there are videos, 8 and 4; and 4 for the temperature.
    assert sum(afterwards.values()) >= 12 * HEAD_EPOCHS
    assert afterwards["val"] > HEAD_EPOCHS
    assert not afterwards["test"]


def test_fit_ends_the_same_when_killed_while_it_trains_once_more(tmp_path, monkeypatch):
    expected = run_fit(refit_params(), tmp_path / "undisturbed.npz")
    save, saved = har.training._save, []

    def save_and_stop(*arguments):
        save(*arguments)
        saved.append(1)
        if len(saved) == HEAD_EPOCHS + 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(har.training, "_save", save_and_stop)
    with pytest.raises(KeyboardInterrupt):
        run_fit(refit_params(), tmp_path / "killed.npz")
    resumed = run_fit(refit_params(), tmp_path / "killed.npz")
    for a, b in zip(resumed.model.get_weights(), expected.model.get_weights(), strict=True):
        assert np.array_equal(a, b)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"streams": ["frames", "trace"]},
            r"models\.fusion\.streams is .* expected one or more of",
        ),
        ({"streams": []}, r"models\.fusion\.streams is \[\]"),
        ({"num_frames": 5}, r"models\.fusion\.num_frames is 5, and all 6 frames"),
    ],
)
def test_fit_refuses_streams_that_were_not_made_so(settings, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        run_fit(refit_params(**settings), tmp_path / "checkpoint.npz")


def test_fit_does_nothing_more_when_no_block_is_trained(fitted, tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise RuntimeError("not needed")

    for name in ("make_backbone", "split_backbone", "fine_tune"):
        monkeypatch.setattr(stages.train, name, refuse)
    trained = run_fit(make_params(num_blocks=0), tmp_path / "frozen.npz")
    assert trained.tuned is None
    assert len(trained.results) == 1
    # The first training is the same, whatever follows.
    assert trained.results[0].history == fitted[0].results[0].history


@pytest.mark.parametrize(
    ("params", "by_default", "message"),
    [
        (make_params("cnn3d"), "clips", r"fine_tune\.num_blocks is 1, and cnn3d has no backbone"),
        (make_params(num_blocks=40), "features", r"fine_tune\.num_blocks is 40; mobilenet_v2 has"),
        (make_params(epochs=0), "features", r"fine_tune\.epochs is 0; expected 1 or more"),
        (make_params(batch_size=0), "features", r"fine_tune\.batch_size is 0; expected 1 or more"),
        (
            make_params(learning_rate="1e-5"),
            "features",
            r"fine_tune\.learning_rate is the text '1e-5'; expected a number",
        ),
    ],
)
def test_fit_says_what_is_wrong_before_it_trains(params, by_default, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        run_fit(params, tmp_path / "checkpoint.npz", by_default=by_default)
    assert not list(tmp_path.iterdir())
