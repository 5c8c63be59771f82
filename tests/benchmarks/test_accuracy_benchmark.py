"""Candidates are chosen without test people; each of the others validates once."""

import itertools
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from places import ROOT

from benchmarks.accuracy import print_groups
from benchmarks.choice import choose_candidate, describe_choices, read_candidates
from benchmarks.leave_out import (
    CHOSEN,
    FEATURES,
    VIEWS,
    at_once,
    ensembles,
    fit_fresh,
    keep_people,
    run_fold,
    validate,
)
from har.dataset.balancing import balance
from har.settings import load_settings
from har.settings.loading import changed_settings
from har.training.examples import read_examples

LABELS = ["sitting", "walking"]
NUM_FRAMES, NUM_FEATURES = 6, 3


@pytest.fixture
def settings():
    """Those of params.yaml, for tiny features and a training of a second."""
    return changed_settings(
        load_settings(ROOT / "params.yaml"),
        {
            "extract.num_frames": NUM_FRAMES,
            "features.streams": ["frames", "motion"],
            "models.fusion.streams": ["frames", "motion"],
            "models.fusion.epochs": 5,
            "models.fusion.learning_rate": 0.03,
            "models.fusion.batch_size": 8,
        },
    )


@pytest.fixture
def candidates(settings):
    """One that sees noise, and one that sees what tells the label."""
    return {
        name: changed_settings(
            settings,
            {"models.fusion.streams": [stream], "models.fusion.refit": False},  # a training less
        )
        for name, stream in {"noise": "frames", "telling": "motion"}.items()
    }


def make_manifest(num_people: int = 5) -> pd.DataFrame:
    """Two videos of each person in each label."""
    rows = [
        (f"{label}/p{person}_{number}", label, f"p{person}")
        for label in LABELS
        for person in range(num_people)
        for number in range(2)
    ]
    table = pd.DataFrame(rows, columns=["video_id", "label", "subject"])
    return table.assign(path="", features_path=table["video_id"].str.replace("/", "_") + ".npy")


@pytest.fixture
def manifest(tmp_path, monkeypatch):
    """Videos with features in two streams: noise in `frames`, and the label in `motion`."""
    monkeypatch.chdir(tmp_path)
    table, rng = make_manifest(), np.random.default_rng(0)
    for video in table.itertuples():
        features = rng.normal(size=(2, 2, NUM_FRAMES, NUM_FEATURES)).astype(np.float32)
        features[:, 1] = 0.1 * features[:, 1] + LABELS.index(video.label)
        np.save(video.features_path, np.concatenate([features[:, 0], features[:, 1]], axis=-1))
    FEATURES.parent.mkdir(parents=True)
    packed = table[["video_id"]].assign(path=table["features_path"], num_views=1)
    packed.to_csv(FEATURES, index=False)
    return table


def split_of(manifest: pd.DataFrame) -> pd.Series:
    """The person p0 is tested, p1 validates, and the others train."""
    return manifest["subject"].map({"p0": "test", "p1": "val"}).fillna("train")


def says(probability: float) -> np.ndarray:
    """What is said of a video of `sitting`."""
    return np.array([probability, 1 - probability])


def choose_by(said: dict[str, list[np.ndarray]], settings, *, num_people: int = 4) -> str:
    """Choose where each candidate, known by its epochs, says the same of all videos of a label."""
    candidates = {
        name: changed_settings(settings, {"models.fusion.epochs": number})
        for number, name in enumerate(said, start=1)
    }

    def look_up(videos, labels, settings):
        rows = list(said.values())[settings.chosen.epochs - 1]
        validated = videos[videos["split"] == "val"]
        return np.stack([rows[labels.index(label)] for label in validated["label"]])

    return choose_candidate(
        candidates, make_manifest(num_people), LABELS, seed=1, num_groups=2, validate=look_up
    )


def test_choice_is_better_on_validation_people_and_those_tested_have_no_say(manifest, candidates):
    is_test = split_of(manifest) == "test"
    said = []

    def validate_and_keep(videos, labels, settings):
        said.append(validate(videos, labels, settings))
        return said[-1]

    options = {"seed": 42, "num_groups": 2, "validate": validate_and_keep}
    assert choose_candidate(candidates, manifest[~is_test], LABELS, **options) == "telling"
    for path in manifest.loc[is_test, "features_path"]:
        Path(path).unlink()
    manifest.loc[is_test, "label"] = "nonsense"
    assert choose_candidate(candidates, manifest[~is_test], LABELS, **options) == "telling"
    before, after = said[:4], said[4:]
    assert all(np.array_equal(one, other) for one, other in zip(before, after, strict=True))


def test_fold_gives_those_not_tested_and_what_the_chosen_one_said(manifest, candidates):
    split, given = split_of(manifest), []

    def choose(others, labels, *, seed):
        given.append(others)
        return "noise"

    rows = list(run_fold(manifest, split, candidates["noise"], candidates, choose, seed=42))
    names = [name for name, _, _ in rows]
    assert names == ["majority", "single_frame", "pooled_linear", "noise", "telling", CHOSEN]
    said = {name: predicted for name, predicted, _ in rows}
    assert np.array_equal(said[CHOSEN], said["noise"])
    assert said["telling"].tolist() == [0, 0, 1, 1]
    assert rows[-1][2] == {"choice": "noise"}
    [others] = given
    assert sorted(others["subject"].unique()) == ["p1", "p2", "p3", "p4"]
    assert len(others) == 16


@pytest.mark.parametrize(("num_groups", "rounds"), [(3, 3), (9, 5)])
def test_everybody_validates_once_what_others_trained(settings, num_groups, rounds):
    seen = []

    def validate_evenly(videos, labels, changed):
        assert changed.chosen.refit is False
        assert changed.seed == 7
        people = {name: set(rows["subject"]) for name, rows in videos.groupby("split")}
        assert set(people) == {"train", "val"}
        assert not people["train"] & people["val"]
        assert people["train"] | people["val"] == {f"p{person}" for person in range(5)}
        validated = videos[videos["split"] == "val"]
        seen.append(validated["video_id"].tolist())
        return np.full((len(validated), len(labels)), 0.5)

    manifest = make_manifest()
    options = {"seed": 7, "num_groups": num_groups, "validate": validate_evenly}
    assert choose_candidate({"only": settings}, manifest, LABELS, **options) == "only"
    assert len(seen) == rounds
    assert sorted(itertools.chain(*seen)) == sorted(manifest["video_id"])
    assert settings.chosen.refit is True


def test_groups_go_by_the_seed(settings):
    groups = {1: [], 2: []}

    def keep(videos, labels, seeded):
        validated = videos[videos["split"] == "val"]
        groups[seeded.seed].append(set(validated["subject"]))
        return np.full((len(validated), len(labels)), 0.5)

    for seed in groups:
        options = {"seed": seed, "num_groups": 3, "validate": keep}
        choose_candidate({"only": settings}, make_manifest(9), LABELS, **options)
    assert groups[1] != groups[2]


def test_fewer_errors_win_then_cross_entropy_then_the_first(settings):
    right, surer, wrong = [says(0.6), says(0.4)], [says(0.7), says(0.3)], [says(0.9), says(0.6)]
    assert choose_by({"wrong": wrong, "right": right}, settings) == "right"
    assert choose_by({"right": right, "surer": surer}, settings) == "surer"
    assert choose_by({"a": right, "b": right}, settings) == "a"
    assert choose_by({"b": right, "a": right}, settings) == "b"
    assert choose_by({"none": [says(0.0), says(1.0)], "wrong": wrong}, settings) == "wrong"


def test_the_candidates_that_come_with_it_are_four_of_fusion():
    settings = changed_settings(
        load_settings(ROOT / "params.yaml"), {"dataset.videos": "data/videos"}
    )
    candidates = read_candidates(ROOT / "benchmarks" / "candidates.yaml", settings)
    assert {one.model_frames for one in candidates.values()} == {30}
    streams = [one.models["fusion"].streams for one in candidates.values()]
    assert [len(names) for names in streams] == [1, 2, 3, 4]
    assert streams[3] == ["frames", "motion", "person", "pose"]
    assert {one.model for one in candidates.values()} == {"fusion"}
    assert settings.models["fusion"].streams == streams[3]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: {model: fusion, models.fusion.no: 1}", "params.yaml has no models.fusion.no"),
        ("a: {model: fusion, models.fusion.epochs.no: 1}", "has no models.fusion.epochs.no"),
        ("a: {model: fusoin}", "There is no model 'fusoin'; expected one of"),
        ("a: {models.fusion.epochs: 1}", "a: there is no model; add one"),
        ("a: {model: fusion, features.context: 2}", "not features.context, which is the same"),
        ("a: {model: fusion, models.cnn3d.epochs: 2}", "not models.cnn3d.epochs"),
        ("a: {model: fusion, models.fusion.epochs: 0}", "models.fusion.epochs is 0; expected"),
        ("a: {model: fusion, models.fusion.streams: [person]}", "expected one or more of features"),
        ("a: fusion", "expected names with settings"),
        ("", "expected names with settings"),
    ],
)
def test_mistakes_in_the_file_are_explained(settings, tmp_path, text, message):
    path = tmp_path / "candidates.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SystemExit) as error:
        read_candidates(path, settings)
    assert message in str(error.value)


def test_one_training_gives_the_weights_of_two(manifest, settings):
    videos = balance(manifest.assign(split=split_of(manifest)), method="none", seed=0)
    read = partial(read_examples, videos, LABELS, settings, VIEWS, FEATURES)
    assert settings.chosen.streams == ["frames", "motion"]
    assert settings.chosen.refit
    assert settings.chosen.patience is None
    twice, once = (
        fit_fresh(read, settings, num_classes=2),
        fit_fresh(*at_once(read, settings), num_classes=2),
    )
    for weights, same in zip(twice.model.get_weights(), once.model.get_weights(), strict=True):
        assert np.array_equal(weights, same)
    assert not np.array_equal(twice.validated, once.validated)  # it has seen them
    # Here the first training has an epoch to choose.
    patient = changed_settings(settings, {"models.fusion.patience": 3})
    assert at_once(read, patient) == (read, patient)


def test_choices_are_counted():
    assert describe_choices(["b", "a", "b"]) == "b in 2 of 3 folds, a in 1"


def test_all_seeds_together_say_what_their_mean_says():
    said = np.array([[[0.9, 0.1], [0.4, 0.6]], [[0.3, 0.7], [0.2, 0.8]]])  # seed, video, label
    results = {"majority": {"seconds": []}, "fusion": {"said": said, "seconds": [1.0, 1.0]}}
    rows = ensembles(results)
    assert list(rows) == ["fusion, ensemble over seeds"]
    assert rows["fusion, ensemble over seeds"]["predicted"].tolist() == [[0, 1]]


def test_more_people_to_learn_from_are_fewer_and_others():
    subjects = make_manifest(6)["subject"]
    split = subjects.map({"p0": "test", "p1": "val"}).fillna("train")
    kept = [
        set(subjects[keep_people(subjects, split, num_people=number, seed=3)])
        for number in (2, 3, 4, 5, None)
    ]
    assert [len(people) for people in kept] == [3, 4, 5, 6, 6]
    assert all(few < many for few, many in itertools.pairwise(kept[:-1]))
    assert all({"p0", "p1"} < people for people in kept)
    others = keep_people(subjects, split, num_people=2, seed=4)
    assert set(subjects[others]) != kept[0]


@pytest.mark.parametrize("number", [1, 6])
def test_as_many_people_as_there_are_can_be_learned_from(number):
    subjects = make_manifest(6)["subject"]
    split = subjects.map({"p0": "test", "p1": "val"}).fillna("train")
    with pytest.raises(SystemExit, match=f"--train-people is {number}, and of 5 .* 1 validate"):
        keep_people(subjects, split, num_people=number, seed=3)


def test_groups_are_scored_by_what_the_names_of_the_videos_say(capsys):
    names = [
        f"{label}/p{person}-{camera}-0"
        for label in LABELS
        for person in "12"
        for camera in ("cm", "nm")
    ]
    manifest = pd.DataFrame(
        {
            "video_id": [*names, "sitting/p3"],
            "label": [*(name.split("/")[0] for name in names), "sitting"],
            "subject": [*(name.split("/")[1][:2] for name in names), "p3"],
        }
    )
    moves = manifest["video_id"].str.contains("-cm-").to_numpy()
    actual = manifest["label"].map(LABELS.index).to_numpy()
    results = {
        "pooled_linear": {"predicted": np.zeros((1, len(manifest)), int)},
        "fusion": {"predicted": np.where(moves, actual, 0)[np.newaxis]},
    }
    print_groups(manifest, results, "-(cm|nm)-")
    rows = [
        line.split(" | ") for line in capsys.readouterr().out.splitlines() if "m | 4 | " in line
    ]
    told = {(row[0][-2:], row[2]): row[3].split()[0] for row in rows}
    assert told == {
        ("cm", "`pooled_linear`"): "50.0%",
        ("cm", "`fusion`"): "100.0%",
        ("nm", "`pooled_linear`"): "50.0%",
        ("nm", "`fusion`"): "50.0%",
    }
