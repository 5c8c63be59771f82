"""Training: it learns, repeats itself to the bit, goes on after a kill, and stops in time."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from har.engine.runtime import keras
from har.models import contract
from har.models.contract import ModelSettings, settings_type
from har.training.examples import Examples
from har.training.loop import Drawing, Progress, draw_epoch, fingerprint, predict, train

SETTINGS = ModelSettings(epochs=6, patience=6, batch_size=4, learning_rate=0.01)


def make_examples(inputs: np.ndarray, label_indices: list[int], num_views: int = 0) -> Examples:
    """Examples held in memory; view v of a video is the video with v added."""
    return Examples(
        read=lambda video, view: inputs[video] + inputs.dtype.type(view),
        label_indices=np.array(label_indices),
        weights=np.ones(len(inputs)),
        num_views=num_views,
    )


def feature_data(num_views: int = 0) -> tuple[Examples, Examples]:
    """Features that rise or fall: 10 to train on (two and a half batches), 4 to validate on."""
    rng = np.random.default_rng(0)
    labels = [0, 1] * 7
    slope = np.where(labels, 1.0, -1.0)[:, None, None] * np.linspace(-1, 1, 5)[:, None]
    features = (slope + 0.2 * rng.normal(size=(14, 5, 6))).astype(np.float32)
    training = make_examples(features[:10], labels[:10], num_views)
    return training, make_examples(features[10:], labels[10:])


def changed(**settings: float) -> ModelSettings:
    return SETTINGS.model_copy(update=settings)


def build_model(name: str) -> keras.Model:
    """A small model, always with the same weights: of layers that draw, or one of the project."""
    keras.utils.set_random_seed(1)
    if name != "normalized":
        settings = settings_type(name)(dropout=0.3, streams=["frames"])
        return contract.build_model(name, settings, num_classes=2, num_frames=5, num_features=6)
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((5, 6)),
            layers.Flatten(),
            layers.Dense(16, "relu"),
            layers.BatchNormalization(momentum=0.7),
            layers.Dropout(0.3),
            layers.Dense(2, "softmax"),
        ],
        name=name,
    )


def run(name: str, checkpoint, *, seed: int = 7, **options) -> tuple[keras.Model, Progress]:
    model = build_model(name)
    training, validation = feature_data(num_views=2)
    drawing = Drawing(seed=seed, balanced=True)
    # Of two and a half batches for one of them; of two for the others, whose steps take long to
    # trace, for each size of a batch.
    settings = SETTINGS if name == "normalized" else changed(batch_size=5)
    options = {"settings": settings, "drawing": drawing, "training": training} | options
    result = train(model, validation=validation, checkpoint=checkpoint, **options)
    return model, result


def assert_same(first: tuple[keras.Model, Progress], second: tuple[keras.Model, Progress]) -> None:
    """Check that two runs ended with the same bits."""
    assert first[1].history == second[1].history
    assert first[1].best_epoch == second[1].best_epoch
    for a, b in zip(first[0].get_weights(), second[0].get_weights(), strict=True):
        assert np.array_equal(a, b)


@pytest.fixture(scope="module", params=["normalized", "mobilenet_lstm", "attention"])
def undisturbed(request, tmp_path_factory):
    """A model's name and what training it without an interruption gives."""
    checkpoint = tmp_path_factory.mktemp("undisturbed") / "checkpoint.npz"
    return request.param, run(request.param, checkpoint)


def test_train_learns_what_can_be_learned(undisturbed):
    _, (_, result) = undisturbed
    losses = {
        split: [row["loss"] for row in result.history if row["split"] == split]
        for split in ("train", "val")
    }
    assert [row["epoch"] for row in result.history] == [e for e in range(1, 7) for _ in "tv"]
    assert min(losses["train"]) < 0.6 * losses["train"][0]
    assert losses["val"].index(min(losses["val"])) + 1 == result.best_epoch
    best = [row for row in result.history if row["epoch"] == result.best_epoch]
    assert best[1]["split"] == "val"
    assert best[1]["accuracy"] == 1.0
    assert len(result.seconds) == result.epoch == 6


def test_train_scores_all_validation_videos_and_not_only_the_last_batch(tmp_path):
    settings = changed(epochs=1, batch_size=3)  # of 4 videos: one is left over
    training, validation = feature_data()
    # The odd one out in the last batch: scores of that batch alone would be far from these.
    validation = replace(validation, label_indices=np.array([0, 1, 0, 0]))
    model = build_model("normalized")
    result = train(
        model,
        training,
        validation,
        settings=settings,
        drawing=Drawing(seed=7, balanced=True),
        checkpoint=tmp_path / "checkpoint.npz",
    )
    probabilities = predict(model, validation, batch_size=4)
    right = probabilities[np.arange(4), validation.label_indices]
    row = result.history[-1]
    assert row["split"] == "val"
    assert row["loss"] == pytest.approx(-np.log(right).mean(), rel=1e-4)
    assert row["accuracy"] == (probabilities.argmax(axis=1) == validation.label_indices).mean()


def test_train_ends_the_same_when_killed_twice(undisturbed, tmp_path, capsys):
    name, expected = undisturbed
    checkpoint = tmp_path / "checkpoint.npz"
    training, _ = feature_data(num_views=2)
    reads, seen = iter(range(10**6)), []

    def read(video, view):
        if next(reads) == 26:  # of 10 in an epoch: in the second batch of the third
            raise KeyboardInterrupt
        return training.read(video, view)

    def interrupt(rows):
        if rows[0]["epoch"] == 4:
            raise KeyboardInterrupt

    cut = Examples(read, training.label_indices, training.weights, training.num_views)
    with pytest.raises(KeyboardInterrupt):
        run(name, checkpoint, training=cut)
    checkpoint.with_name("checkpoint.npz.part").write_bytes(b"cut off")
    with pytest.raises(KeyboardInterrupt):
        run(name, checkpoint, on_epoch=interrupt)
    resumed = run(name, checkpoint, on_epoch=seen.extend)
    said = capsys.readouterr().out
    assert said == "train: goes on after epoch 2 of 6\ntrain: goes on after epoch 4 of 6\n"
    assert [row["epoch"] for row in seen] == [5, 5, 6, 6]
    assert_same(resumed, expected)
    assert len(resumed[1].seconds) == 6


@pytest.mark.parametrize("num_bytes", [0, 1000])
def test_train_starts_again_where_its_checkpoint_is_cut_off(tmp_path, capsys, num_bytes):
    expected = run_tiny(tmp_path / "whole.npz")
    torn = tmp_path / "torn.npz"
    torn.write_bytes((tmp_path / "whole.npz").read_bytes()[:num_bytes])
    assert_same(run_tiny(torn), expected)
    assert "torn.npz is damaged" in capsys.readouterr().out
    assert_same(run_tiny(torn), expected)
    assert "damaged" not in capsys.readouterr().out


def test_train_depends_on_the_seed_only(tmp_path):
    first, again, other = (
        run_tiny(tmp_path / f"{number}.npz", seed=seed, epochs=2)
        for number, seed in enumerate((0, 0, 1))
    )
    assert_same(again, first)
    assert other[1].history != first[1].history


def test_train_does_nothing_more_when_its_checkpoint_is_finished(tmp_path):
    first = run_tiny(tmp_path / "checkpoint.npz")
    again = run_tiny(tmp_path / "checkpoint.npz")
    assert_same(again, first)
    assert again[1].seconds == first[1].seconds


def build_tiny() -> keras.Model:
    keras.utils.set_random_seed(1)
    layers = [keras.Input((5, 6)), keras.layers.Flatten(), keras.layers.Dense(2, "softmax")]
    return keras.Sequential(layers, name="tiny")


def run_tiny(
    checkpoint,
    *,
    model: keras.Model | None = None,
    data: tuple[Examples, Examples] | None = None,
    on_epoch: Callable[[list[dict]], None] = lambda rows: None,
    seed: int = 0,
    **settings,
) -> tuple[keras.Model, Progress]:
    model = model or build_tiny()
    training, validation = data or feature_data()
    result = train(
        model,
        training,
        validation,
        settings=changed(**settings),
        drawing=Drawing(seed=seed, balanced=True),
        checkpoint=checkpoint,
        on_epoch=on_epoch,
    )
    return model, result


def test_train_stops_early_and_keeps_the_best_epoch(tmp_path):
    training, validation = feature_data()
    # Right at first by the initial weights' accident, then ever more wrong.
    misled = Examples(validation.read, 1 - validation.label_indices, validation.weights)
    model, weights = build_tiny(), []
    _, result = run_tiny(
        tmp_path / "checkpoint.npz",
        model=model,
        data=(training, misled),
        on_epoch=lambda rows: weights.append(model.get_weights()),
        epochs=50,
        patience=3,
    )
    assert result.best_epoch == 1
    assert result.epoch == 4  # the best one and `patience` more
    for kept, of_best, of_last in zip(model.get_weights(), weights[0], weights[-1], strict=True):
        assert np.array_equal(kept, of_best)
        assert not np.array_equal(kept, of_last)


def test_train_weights_the_loss(tmp_path):
    inputs = np.ones((10, 5, 6), np.float32)  # nothing tells the labels apart but their weight
    labels = np.array([0, 1] * 5)
    one_sided = Examples(lambda video, view: inputs[video], labels, np.where(labels, 0.1, 1.9))
    settings = {"epochs": 20, "learning_rate": 0.1, "label_smoothing": 0.0}
    model, result = run_tiny(tmp_path / "a.npz", data=(one_sided, one_sided), **settings)
    assert model.predict_on_batch(inputs)[0] == pytest.approx([0.95, 0.05], abs=0.02)
    assert result.history[-1]["accuracy"] == pytest.approx(0.95)


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (0, r"The loss is nan in epoch 1, step [123], so.*models\.tiny\.learning_rate in params"),
        (1, r"The loss is nan on the validation videos after epoch 1.*models\.tiny\.learning_rate"),
    ],
)
def test_train_refuses_loss_that_is_no_number(tmp_path, broken, message):
    data = list(feature_data())
    part = data[broken]
    data[broken] = Examples(
        lambda video, view: part.read(video, view) * np.float32("nan"),
        part.label_indices,
        part.weights,
    )
    with pytest.raises(ValueError, match=message):
        run_tiny(tmp_path / "checkpoint.npz", data=data)
    assert not (tmp_path / "checkpoint.npz").exists()


def uneven_examples(num_views: int = 2) -> Examples:
    labels = [0] * 12 + [1] * 3 + [2] * 6
    return make_examples(np.zeros((21, 1)), labels, num_views)


def test_draw_epoch_draws_each_label_equally_often_when_balanced():
    examples = uneven_examples()
    drawn = draw_epoch(examples, balanced=True, rng=np.random.default_rng(0))
    labels = Counter(examples.label_indices[video] for video, _ in drawn)
    assert labels == {0: 7, 1: 7, 2: 7}
    times = Counter(video for video, _ in drawn)
    assert {times[video] for video in range(12)} == {0, 1}  # none twice before all once
    assert sorted(times[video] for video in range(12, 15)) == [2, 2, 3]
    assert sorted(times[video] for video in range(15, 21)) == [1, 1, 1, 1, 1, 2]


def test_draw_epoch_draws_each_video_once_when_not_balanced():
    drawn = draw_epoch(uneven_examples(), balanced=False, rng=np.random.default_rng(0))
    videos = [video for video, _ in drawn]
    assert sorted(videos) == list(range(21))
    assert videos != list(range(21))


@pytest.mark.parametrize("num_views", [0, 2])
def test_draw_epoch_draws_the_clip_and_its_views(num_views):
    rng = np.random.default_rng(0)
    examples = uneven_examples(num_views)
    views = {view for _ in range(5) for _, view in draw_epoch(examples, balanced=True, rng=rng)}
    assert views == set(range(num_views + 1))


def test_draw_epoch_draws_of_each_video_the_views_that_it_has():
    examples = uneven_examples(np.array([0] * 10 + [3] * 11))
    drawn = [draw_epoch(examples, balanced=False, rng=np.random.default_rng(i)) for i in range(30)]
    views = {
        video: {view for epoch in drawn for v, view in epoch if v == video} for video in (0, 20)
    }
    assert views == {0: {0}, 20: {0, 1, 2, 3}}


def test_train_without_validation_keeps_the_last_weights_and_stops_where_it_is_told(tmp_path):
    training, _ = feature_data()
    options = {"drawing": Drawing(seed=7, balanced=True), "settings": changed(patience=1)}
    results = []
    for number, more in enumerate(({"num_epochs": 4}, {})):
        model = build_model("normalized")
        path = tmp_path / f"{number}.npz"
        results.append(train(model, training, None, checkpoint=path, **options, **more))
    assert [result.best_epoch for result in results] == [4, 6]
    assert {row["split"] for result in results for row in result.history} == {"train"}
    assert results[0].history == results[1].history[:4]  # by the same learning rates


def test_draw_epoch_depends_on_the_generator_only():
    before = np.random.get_state()[1].copy()
    first, again, other = (
        draw_epoch(uneven_examples(), balanced=True, rng=np.random.default_rng(seed))
        for seed in (0, 0, 1)
    )
    assert first == again
    assert first != other
    assert np.array_equal(np.random.get_state()[1], before)


def test_fingerprint_changes_with_parameters_and_files(tmp_path):
    files = [tmp_path / "a.csv", tmp_path / "b.csv"]
    for file in files:
        file.write_text("video_id\n")
    made_by = {"seed": 1, "settings": {"dropout": 0.2, "epochs": 3}}
    reordered = {"settings": {"epochs": 3, "dropout": 0.2}, "seed": 1}
    first = fingerprint(made_by, code="c", files=files)
    assert len(first) == 16
    assert fingerprint(reordered, code="c", files=files) == first
    assert fingerprint(made_by | {"seed": 2}, code="c", files=files) != first
    assert fingerprint(made_by, code="d", files=files) != first
    assert fingerprint(made_by, code="c", files=files[:1]) != first
    files[1].write_text("video_id\na/1\n")
    assert fingerprint(made_by, code="c", files=files) != first
