"""Damaged files by the hundred: each is taken, or refused by an error that names it.

`HAR_FUZZ_FILES=1000 pytest tests/fuzz` tries so many of each. What a seed found has a
test of its own, below or beside what reads the file.
"""

import shutil

import pytest
from fuzz_targets import failures_of, write_base_videos
from places import ROOT

from har.settings.loading import SettingsError, parse_settings

METADATA = """path,subject,split,fold
walking/0.mp4,anna,train,
walking/1.mp4,ben,test,
waving/0.mp4,anna,train,
waving/1.mp4,ben,test,
"""


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    return write_base_videos(tmp_path_factory.mktemp("videos"))


@pytest.mark.parametrize("target", ["look", "convert"])
def test_damaged_video_is_taken_or_refused_by_name(target, videos, tmp_path):
    assert failures_of(target, videos, tmp_path, least=25) == {}


def test_damaged_metadata_is_taken_or_refused_by_name(tmp_path):
    base = tmp_path / "metadata.csv"
    base.write_text(METADATA)
    assert failures_of("metadata", [base], tmp_path / "work", least=100) == {}


def test_damaged_settings_are_taken_or_refused_by_name(tmp_path):
    shutil.copy(ROOT / "params.yaml", tmp_path)
    assert failures_of("params", [tmp_path / "params.yaml"], tmp_path / "work", least=100) == {}


@pytest.mark.parametrize("name", ["labels.json", "preprocessing.json", "params.json"])
def test_damaged_model_is_taken_or_refused_by_name(name, model, tmp_path):
    assert failures_of("model", [model / name], tmp_path, least=50) == {}


def test_damaged_network_is_taken_or_refused_by_name(model, tmp_path):
    assert failures_of("network", [model / "model.tflite"], tmp_path, least=50) == {}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    from brightness import brightness_recognizer

    folder = tmp_path_factory.mktemp("model")
    brightness_recognizer().save(folder)
    return folder


@pytest.mark.parametrize(
    "text",
    ["seed: " + "[" * 500_000, "{a: " * 500_000, "augment: &a {flip: *a}"],
    ids=["lists", "sections", "itself"],
)
def test_settings_without_an_end_are_refused(text):
    with pytest.raises(SettingsError, match=r"params\.yaml is nested too deeply, or an alias"):
        parse_settings(text)
