"""Fitting: which trainings there are, that kills change nothing, and what is said of mistakes."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

import har.training.fit
import har.training.loop
from har.engine.runtime import keras
from har.models import mobilenet_lstm
from har.settings import Settings
from har.settings.loading import make_settings
from har.training.examples import Examples
from har.training.fit import Trained, fit

NUM_EPOCHS, NUM_FRAMES = 4, 6
NUM_VIDEOS = {"train": 8, "val": 4, "test": 4}


def settings_of(model: str = "fusion", **changes: object) -> Settings:
    """Return settings for one short training of a model, but for changes of its own."""
    own = {"epochs": NUM_EPOCHS, "batch_size": 3, "learning_rate": 0.001, "refit": False}
    own |= {"streams": ["frames", "motion"], "dropout": 0.3} | changes
    parts = {"extract": {"num_frames": NUM_FRAMES}, "downsample": {"method": "none"}}
    own_videos = {"dataset": {"videos": "data/videos"}, "seed": 0}
    return make_settings({"model": model, "models": {model: own}, **own_videos, **parts})


def read_made(split: str) -> Examples:
    """Stand for `read_examples`: random features."""
    num_videos = NUM_VIDEOS[split]
    shape = (num_videos, NUM_FRAMES, 2560)
    features = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    labels, weights = np.arange(num_videos) % 2, np.ones(num_videos)
    return Examples(lambda video, view: features[video], labels, weights)


def run_fit(settings: Settings, checkpoint, on_epoch=lambda rows: None) -> Trained:
    keras.utils.set_random_seed(0)
    return fit(read_made, settings, num_classes=2, checkpoint=checkpoint, on_epoch=on_epoch)


def test_fit_tells_of_each_epoch_and_validates(tmp_path):
    seen = []
    trained = run_fit(settings_of(), tmp_path / "checkpoint.npz", seen.extend)
    assert [row["epoch"] for row in seen[::2]] == [1, 2, 3, 4]
    assert trained.result.epoch == NUM_EPOCHS
    assert trained.validated.shape == (4, 2)


def test_fit_trains_once_more_with_the_validation_videos_when_refit(tmp_path):
    read_by: list[tuple[str, int]] = []  # split and epoch, as far as it has been told of
    seen = []

    def read_noted(split):
        made = read_made(split)

        def read(video, view):
            read_by.append((split, len(seen)))
            return made.read(video, view)

        return replace(made, read=read)

    keras.utils.set_random_seed(0)
    options = {"num_classes": 2, "on_epoch": seen.extend}
    once = run_fit(settings_of(), tmp_path / "once.npz")
    settings = settings_of(refit=True)
    trained = fit(read_noted, settings, checkpoint=tmp_path / "refit.npz", **options)
    # The curves and the validation are those of the first training, the weights are not.
    assert trained.result.history == once.result.history
    assert np.array_equal(trained.validated, once.validated)
    kernels = [one.model.layers[-1].kernel.numpy() for one in (trained, once)]
    assert not np.array_equal(*kernels)
    afterwards = Counter(split for split, told in read_by if told == 2 * NUM_EPOCHS)
    # In each epoch as many examples as there are videos, 8 and 4; and 4 for the temperature.
    assert sum(afterwards.values()) >= 12 * NUM_EPOCHS
    assert afterwards["val"] > NUM_EPOCHS
    assert not afterwards["test"]


def test_fit_ends_the_same_when_killed_while_it_trains_once_more(tmp_path, monkeypatch):
    expected = run_fit(settings_of(refit=True), tmp_path / "undisturbed.npz")
    save, saved = har.training.loop._save, []

    def save_and_stop(*arguments):
        save(*arguments)
        saved.append(1)
        if len(saved) == NUM_EPOCHS + 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(har.training.loop, "_save", save_and_stop)
    with pytest.raises(KeyboardInterrupt):
        run_fit(settings_of(refit=True), tmp_path / "killed.npz")
    resumed = run_fit(settings_of(refit=True), tmp_path / "killed.npz")
    for a, b in zip(resumed.model.get_weights(), expected.model.get_weights(), strict=True):
        assert np.array_equal(a, b)


def test_inputs_are_centred_on_what_is_trained_on_and_nothing_else(monkeypatch, tmp_path):
    centred_on, adapt = [], mobilenet_lstm.adapt

    def record(model, clips):
        clips = list(clips)
        centred_on.append(np.stack(clips))
        adapt(model, clips)

    monkeypatch.setattr(mobilenet_lstm, "adapt", record)
    run_fit(settings_of("mobilenet_lstm", refit=True, epochs=1), tmp_path / "checkpoint.npz")
    first, second = centred_on
    train, val = (
        np.stack([read_made(split).read(video, 0) for video in range(NUM_VIDEOS[split])])
        for split in ("train", "val")
    )
    assert np.array_equal(first, train)
    assert np.array_equal(second, np.concatenate([train, val]))
