"""params.yaml as types: what is refused, with which words, and how soon."""

import json

import pytest
from command_line import run_process
from places import ROOT
from pydantic import ValidationError

from har.models.contract import model_names, settings_type
from har.settings import Settings, SettingsError, load_settings
from har.settings.loading import changed_settings, make_settings, parse_settings
from har.settings.schema import SCHEMA, settings_schema


def refused(text: str) -> str:
    """Return the message by which a text is refused."""
    with pytest.raises(SettingsError) as error:
        parse_settings(text)
    return str(error.value)


def test_settings_of_an_empty_section_are_the_defaults():
    assert make_settings({"augment": {}}) == Settings()
    assert Settings().models["fusion"] == settings_type("fusion")()


def test_of_drawn_people_the_pose_alone_is_seen():
    own = changed_settings(Settings(), {"dataset.videos": "data/videos"})
    assert (Settings().is_synthetic, own.is_synthetic) == (True, False)
    assert Settings().chosen.streams == Settings().made_streams == ["pose"]
    assert own.chosen == own.models["fusion"]
    assert own.made_streams == own.features.streams
    assert changed_settings(Settings(), {"dataset.videos": "data/demo/"}).is_synthetic
    said_so = changed_settings(own, {"dataset.synthetic": True})
    assert said_so.chosen.streams == ["pose"]
    assert changed_settings(Settings(), {"dataset.synthetic": False}).chosen == own.chosen


def test_of_drawn_people_a_model_on_frames_sees_pictures():
    settings = changed_settings(Settings(), {"model": "cnn3d"})
    assert settings.chosen == settings.models["cnn3d"]
    assert (settings.made_streams, settings.takes_drawn) == (["pose"], False)


@pytest.mark.parametrize(
    "change", [{"model": "mobilenet_lstm"}, {"models.fusion.streams": ["frames"]}]
)
def test_of_drawn_people_no_other_features_are_made(change):
    with pytest.raises(
        SettingsError, match=r"are drawn|of drawn people.*-S dataset\.synthetic=false"
    ):
        changed_settings(Settings(), change)
    assert changed_settings(Settings(), change | {"dataset.synthetic": False})


def test_params_yaml_has_the_defaults():
    assert load_settings(ROOT / "params.yaml") == Settings()


def test_settings_do_not_change():
    with pytest.raises(ValidationError, match="frozen"):
        Settings().seed = 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("augment: {flipp: 1}", r"augment.flipp: unknown; did you mean flip?"),
        (
            "models: {fusion: {dropuot: 1}}",
            r"models.fusion.dropuot: unknown; did you mean dropout?",
        ),
        ("trian: {}", "trian: unknown; did you mean train?"),
        ("zoom: 1", "zoom: unknown; expected one of model, seed, workers,"),
        ("models: {fusoin: {}}", "models.fusoin: unknown; did you mean fusion?"),
        (
            "dataset: {max_failed_fraction: 10%}",
            "dataset.max_failed_fraction is the text '10%'; expected a number from 0 to 1. "
            "Write 0.1, without quotes.",
        ),
        (
            'workers: "2"',
            "workers is the text '2'; expected a whole number of 0 or more. "
            "Write 2, without quotes.",
        ),
        ("split: {train: '0,7'}", "split.train is the text '0,7'; expected a number of 0 or more"),
        ("split: {train: '0,7'}", "Write 0.7, without quotes."),
        ("augment: {speed: 1.5}", "augment.speed is 1.5; expected a list of 2, as [0.5, 2.0]"),
        ("augment: {speed: [2, 1]}", "augment.speed has the faster first"),
        (
            "models: {cnn3d: {learning_rate: 1e-3}}",
            "models.cnn3d.learning_rate is the text '1e-3'; expected a number above 0. "
            "Write 0.001, without quotes.",
        ),
        ("seed: true", "seed is True; expected a whole number of 0 or more."),
        ("seed: null", "seed is null; expected a whole number of 0 or more."),
        ("train: 3", "train is 3; expected a section with named settings."),
        ("split: {folds: 1}", "split.folds is 1; expected a whole number of 2 or more, or people"),
        ("extract: {aspect: fit}", "expected one of stretch, pad, crop."),
        ("features: {streams: [frames, sound]}", "features.streams is the text 'sound'"),
        ("features: {context: 0}", "features.context is 0; expected a number above 0."),
        ("features: {context: .inf}", "features.context is inf; expected a number above 0."),
        ("dataset: {subject_pattern: '('}", "dataset.subject_pattern is not a regular expression"),
        ("dataset: {subject_pattern: 'a'}", "dataset.subject_pattern has 0 groups in brackets"),
        ("dataset: {none: ''}", "dataset.none is ''; expected the name of one folder in"),
        ("dataset: {none: other/things}", "dataset.none is 'other/things'; expected the name of"),
        ("dataset: {none: .hidden}", "dataset.none is '.hidden'; expected the name of one folder"),
        ("dataset: {none: 3}", "dataset.none is 3; expected text, or null."),
        ("seed: 1\nseed: 2", "seed: stands twice, again in line 2; remove one"),
        ("models: 3", "models is 3; expected a section for each model, or none."),
        ("models: {fusion: 0}", "models.fusion is 0; expected a section with named settings."),
    ],
)
def test_settings_refuse(text, message):
    assert message in refused(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model: fusoin", "model: there is no model 'fusoin'; did you mean fusion?"),
        (
            "model: x",
            "there is no model 'x'; expected one of attention, cnn3d, fusion, mobilenet_lstm",
        ),
        ("split: {train: 0.5}", "split.test are 0.5, 0.15, 0.15; expected shares above 0 that sum"),
        ("split: {by: video, folds: people}", "expected a number of folds with split.by video"),
        ("split: {by: video, train_people: 2}", "split.train_people is 2, and split.by is video"),
        ("features: {streams: [motion]}", "features.streams is ['motion']; expected frames first"),
        ("features: {streams: [frames, frames]}", "and each stream once."),
        ("extract: {num_frames: 4}", "extract.num_frames is 4; the model fusion needs 5 or more."),
        (
            "model: cnn3d\nextract: {num_frames: 12}",
            "models.cnn3d.num_frames is 16, more than extract.num_frames, which is 12.",
        ),
        (
            "features: {streams: [frames]}\ndataset: {synthetic: false}",
            "models.fusion.streams is ['frames', 'motion', 'person', 'pose']; expected one or "
            "more of features.streams, which is ['frames'].",
        ),
        (
            "dataset: {videos: data/../../clips}",
            "dataset.videos is data/../../clips, a relative path that leads out of the project: "
            "DVC runs experiments (`dvc exp run --temp`, `crossval`) in a copy",
        ),
        (
            "dataset: {videos: 's3://team/videos'}",
            "Fetch the videos with `python -m har fetch s3://team/videos data/videos`, and set",
        ),
        ("cache: {shared: har-cache}", "cache.shared is 'har-cache'; expected s3://bucket/folder"),
        (
            "models: {fusion: {num_frames: 16}}",
            "models.fusion.num_frames is 16, and its streams are made of all 30 frames of a clip.",
        ),
    ],
)
def test_settings_refuse_what_contradicts_another_section(text, message):
    assert message in refused(text)


def test_settings_name_all_problems_at_once_with_the_file():
    message = refused("trian: {}\naugment: {flip: 2}\nmodels: {cnn3d: {epochs: 0}}")
    assert message.splitlines() == [
        "params.yaml has 3 problems:",
        "  augment.flip is 2; expected a number from 0 to 1.",
        "  trian: unknown; did you mean train?",
        "  models.cnn3d.epochs is 0; expected a whole number of 1 or more.",
    ]


@pytest.mark.parametrize("text", ["", "- a", "text"])
def test_settings_refuse_a_file_without_sections(text):
    assert "must hold named sections" in refused(text)


def test_settings_refuse_what_is_no_yaml():
    assert "is not valid YAML" in refused("a: [1")


def test_settings_of_a_missing_file_are_refused_or_the_defaults(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError, match=r"no params\.yaml in .* in the folder of the project"):
        load_settings()
    assert load_settings(required=False) == Settings()


def test_fewer_frames_a_clip_do_for_models_on_features():
    settings = make_settings({"extract": {"num_frames": 12}})
    assert settings.model_frames == 12
    assert settings.as_params()["models"]["fusion"]["num_frames"] == 12


def test_changed_settings_are_checked():
    settings = changed_settings(Settings(), {"models.fusion.epochs": 2, "model": "cnn3d"})
    assert settings.models["fusion"].epochs == 2
    assert (settings.model, settings.chosen.epochs) == ("cnn3d", 24)
    with pytest.raises(SettingsError, match=r"models\.fusion\.epochs is 0"):
        changed_settings(settings, {"models.fusion.epochs": 0})


def test_settings_are_checked_in_a_second_without_tensorflow():
    code = (
        "import sys, time; start = time.perf_counter()\n"
        "from har.settings import load_settings; load_settings()\n"
        "assert 'tensorflow' not in sys.modules and 'keras' not in sys.modules\n"
        "print(time.perf_counter() - start)"
    )
    seconds = []
    for _ in range(3):
        result = run_process("-c", code)
        assert result.returncode == 0, result.stderr
        seconds.append(float(result.stdout))
    assert min(seconds) < 2  # 0.6 s where nothing else runs


def test_schema_is_that_of_the_types():
    written = json.loads((ROOT / SCHEMA).read_text(encoding="utf-8"))
    assert written == settings_schema(), "run `python -m har.settings.schema`"
    first_line = (ROOT / "params.yaml").read_text(encoding="utf-8").splitlines()[0]
    assert first_line == f"# yaml-language-server: $schema={SCHEMA.as_posix()}"


def test_schema_describes_every_setting():
    schema = settings_schema()
    sections = [*schema["$defs"].values(), schema]
    for section in sections:
        for name, node in section.get("properties", {}).items():
            assert "description" in node or "$ref" in node or "default" in node, name
    assert set(schema["properties"]["models"]["properties"]) == set(model_names())


@pytest.mark.parametrize("stage", ["convert", "downsample", "train"])
def test_stage_refuses_wrong_settings_before_it_reads_anything(project, stage):
    (project / "params.yaml").write_text("trian: {}\nworkers: '2'\n", encoding="utf-8")
    names = {"convert": ["out"], "downsample": ["manifest", "out"]}
    names["train"] = ["report", "split", "manifest", "clips", "views", "drawn", "features"]
    names["train"] += ["models", "metrics"]
    options = [part for name in names[stage] for part in (f"--{name}", "nowhere")]
    result = run_process("-m", f"stages.{stage}", *options, folder=project)
    assert result.returncode == 1
    assert "params.yaml has 2 problems" in result.stderr
    assert "trian: unknown; did you mean train?" in result.stderr
    assert not (project / "nowhere").exists()
