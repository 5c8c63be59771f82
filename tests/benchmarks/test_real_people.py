"""A recognizer is asked about folders of clips, and what it answers is counted."""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from places import REAL

from benchmarks import real_people
from benchmarks.real_people import TABLE, Watched, find_clips, watch
from har.evaluation.real_people import find_failures, judge, score, summarize
from har.features.columns import NUM_POSE_FEATURES
from har.recognizer.recognizer import Recognizer
from har.video.writing import write_video

LABELS = ["none", "sitting", "walking", "waving"]
# What the recognizer says of a clip by its brightness.
SAID = {
    0: [0.1, 0.2, 0.3, 0.4],  # unsure, waving at best, and nobody is found
    80: [0.1, 0.1, 0.7, 0.1],  # walking
    160: [0.5, 0.1, 0.1, 0.3],  # none, waving at best
    240: [0.1, 0.2, 0.1, 0.6],  # waving
}
BLACK, DARK, GREY, WHITE = SAID
DATASETS = yaml.safe_load(TABLE.read_text(encoding="utf-8"))["datasets"]


class ByBrightness(Watched):
    """Says of a clip what `SAID` has for its brightness."""

    def predict(self, clip, *, aspect=1.0):
        brightness = min(SAID, key=lambda known: abs(known - clip.mean()))
        self.nobody.append(brightness == BLACK)
        return np.array(SAID[brightness], np.float32)


@pytest.fixture
def recognizer() -> ByBrightness:
    """Knows three actions and `none`, and is unsure below 45 %."""
    preprocessing = {"max_side": 64, "num_frames": 6, "size": 32, "aspect": "stretch"}
    params = {"model": "fusion", "fingerprint": "abc", "none_label": "none", "unsure_below": 0.45}
    return ByBrightness(b"network", LABELS, preprocessing, params)


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def film(folder: Path, brightness: dict[str, int]) -> Path:
    for name, value in brightness.items():
        write_video(folder / name, [np.full((48, 64, 3), value, np.uint8)] * 8, fps=12)
    return folder


@pytest.fixture
def measure(monkeypatch, recognizer, tmp_path):
    """Run the benchmark with the recognizer on folders; return the result."""

    def run(*folders: Path) -> dict:
        out = tmp_path / "out" / "real-people.json"
        arguments = ["models/fusion", *map(str, folders), "--out", str(out), "--workers", "1"]
        monkeypatch.setattr(sys, "argv", ["real_people", *arguments])
        monkeypatch.setattr(real_people, "load_recognizer", lambda folder: recognizer)
        monkeypatch.setattr(real_people, "watch", lambda same: same)
        real_people.main()
        return json.loads(out.read_text(encoding="utf-8"))

    return run


def test_clips_are_asked_about_counted_printed_and_written(measure, tmp_path, capsys):
    weizmann = film(
        tmp_path / "weizmann",
        {
            "walk/ann_walk.avi": DARK,
            "walk/bob_walk.avi": GREY,
            "wave1/ann_wave1.avi": WHITE,
            "wave2/ann_wave2.avi": BLACK,
            "bend/ann_bend.avi": DARK,
            "bend/bob_bend.avi": GREY,
            "unheard/ann_unheard.avi": DARK,
        },
    )
    (weizmann / "walk" / "cat_walk.avi").write_bytes(b"no video")
    result = measure(weizmann, touch(tmp_path / "flat", "a.mp4"))
    rows = {row["label_folder"]: row for row in result["rows"]}
    assert list(rows) == ["bend", "walk", "wave1", "wave2"]
    assert rows["walk"]["answers"] == {"walking": 1, "none": 1}
    assert (rows["walk"]["clips"], rows["walk"]["people"]) == (2, 2)
    assert (rows["walk"]["answer_right"], rows["walk"]["action_right"]) == (1, 1)
    # Unsure of it, and of the actions it is the right one.
    assert (rows["wave2"]["answer_right"], rows["wave2"]["action_right"]) == (0, 1)
    assert (rows["wave2"]["unsure"], rows["wave2"]["nobody"]) == (1, 1)
    assert (rows["bend"]["label"], rows["bend"]["answer_right"], rows["bend"]["taken"]) == (
        "none", 1, 1,
    )  # fmt: skip
    assert [(total["name"], total["clips"]) for total in result["totals"]] == [
        ("KTH and Weizmann, walking and waving", 4)
    ]
    assert (result["none"]["clips"], result["none"]["taken"]) == (2, 1)
    assert result["nobody"] == {"unsure": 1}
    assert result["recognizer"]["fingerprint"] == "abc"
    assert result["command"].startswith("python -m benchmarks.real_people models/fusion ")
    assert result["unreadable"] == [f"{weizmann}/walk/cat_walk.avi"]
    printed = capsys.readouterr()
    assert "| Weizmann | walk | walking | 2 | 2 | 1 of 2, 0 to 100 % |" in printed.out
    assert "| Weizmann | wave2 | 0 | 0 | 0 | 0 | 1 |" in printed.out
    assert "more than 50 %: 50.0 %. At most 15 %: **no**." in printed.out
    assert "Clips in which nobody is found: 1. Their answers: unsure 1." in printed.out
    assert "has no such label: unheard (1). It has none, sitting, walking, waving." in printed.err
    assert f"{tmp_path / 'flat'} has no videos in label folders" in printed.err
    assert "1 of 7 videos cannot be read and are left out:" in printed.err
    assert printed.err.count("cat_walk.avi") == 1


def test_nothing_known_is_an_error(measure, tmp_path, capsys):
    folder = touch(tmp_path / "own", "flying/a.mp4")
    with pytest.raises(SystemExit) as ended:
        measure(folder, tmp_path / "missing")
    assert ended.value.code == 2
    message = capsys.readouterr().err
    assert "There are no clips to score." in message
    assert "no such label: flying (1)" in message
    assert f"There is no folder {tmp_path / 'missing'}" in message


def test_nothing_readable_is_an_error(measure, tmp_path):
    folder = touch(tmp_path / "own", "walking/a.mp4")
    with pytest.raises(SystemExit, match="There is nothing to score"):
        measure(folder)
    assert not (tmp_path / "out").exists()


def test_labels_and_people_of_a_known_data_set_are_those_of_the_table(recognizer, tmp_path):
    names = ["sitting/v1_a.mp4", "walking/v1_b.mp4", "walking/v2_c.mp4", "run/v3_d.mp4"]
    clips, problems = find_clips([touch(tmp_path / "jhmdb", *names)], recognizer, DATASETS)
    assert problems == []
    assert set(clips["dataset"]) == {"JHMDB"}
    by_name = clips.set_index(clips["path"].map(lambda path: Path(path).name))
    assert by_name["label"].to_dict() == {
        "v1_a.mp4": "none", "v1_b.mp4": "walking", "v2_c.mp4": "walking", "v3_d.mp4": "none",
    }  # fmt: skip
    assert by_name.loc[["v1_a.mp4", "v2_c.mp4"], "shown"].tolist() == ["sitting down", "walking"]
    assert by_name["subject"].tolist() == ["jhmdb/v3", "jhmdb/v1", "jhmdb/v1", "jhmdb/v2"]


def test_labels_of_an_own_data_set_are_those_of_the_recognizer(recognizer, tmp_path):
    folder = touch(tmp_path / "own", "walking/a.mp4", "None/b.mp4", "walk/c.mp4")
    (folder / "metadata.csv").write_text("path,subject\nwalking/a.mp4,ann\n")
    clips, problems = find_clips([folder], recognizer, DATASETS)
    assert clips["label"].tolist() == ["none", "walking"]
    assert clips["is_none"].tolist() == [True, False]
    assert clips["subject"].tolist() == ["own/None/b", "own/ann"]
    assert "no such label: walk (1)" in problems[0]
    assert "nobody says who is in 1 of 2 videos" in problems[1]


def test_other_actions_need_no_label_in_the_recognizer(tmp_path):
    recognizer = Recognizer(b"", ["walking"], {}, {"none_label": None})
    folder = touch(tmp_path / "weizmann", "walk/a_walk.avi", "run/a_run.avi", "wave1/a_wave1.avi")
    clips, problems = find_clips([folder], recognizer, DATASETS)
    assert dict(zip(clips["label_folder"], clips["label"], strict=True)) == {
        "walk": "walking", "run": "none",
    }  # fmt: skip
    assert "no such label: wave1 (1)" in problems[0]


def test_data_sets_of_the_same_name_are_refused(recognizer, tmp_path):
    folders = [touch(tmp_path / parent / "own", "walking/a.mp4") for parent in "ab"]
    with pytest.raises(ValueError, match="have the same name: own, own"):
        find_clips(folders, recognizer, DATASETS)


@pytest.mark.skipif(not REAL.is_dir(), reason="no ../shared/real")
def test_table_knows_all_labels_and_people_of_the_real_clips():
    labels = ["calling", "none", "sitting", "standing", "walking", "waving", "writing"]
    recognizer = Recognizer(b"", labels, {}, {"none_label": "none"})
    clips, problems = find_clips([REAL / name for name in DATASETS], recognizer, DATASETS)
    assert problems == []
    people = clips.groupby("folder")["subject"].nunique()
    assert people["weizmann"] == 6
    assert set(clips.loc[clips["label"] == "sitting", "folder"]) == {"gmdcsa24"}


def test_watched_recognizer_keeps_where_the_pose_is_of_nobody(monkeypatch):
    monkeypatch.setattr(Recognizer, "inputs", lambda self, clip, *, aspect=1.0: clip)
    recognizer = watch(Recognizer(b"", LABELS, {"streams": ["frames", "pose"]}, {}))
    features = np.ones((6, 8 + NUM_POSE_FEATURES))
    recognizer.inputs(features)
    features[:, 8:] = 0
    assert recognizer.inputs(features) is features
    assert recognizer.nobody == [False, True]


def judged(*clips: tuple[str, str, str, float]) -> pd.DataFrame:
    """Clips of one data set: the label, the answer, the best action, its probability."""
    table = pd.DataFrame(clips, columns=["shown", "answer", "best", "probability"])
    is_none = ~table["shown"].isin(LABELS)
    label = table["shown"].where(~is_none, "none")
    about = {"folder": "own", "dataset": "Own", "label_folder": table["shown"], "nobody": False}
    subjects = [f"p{number}" for number in range(len(table))]
    return judge(table.assign(label=label, is_none=is_none, subject=subjects, **about), "none")


def test_other_actions_are_right_where_the_answer_names_none():
    clips = judged(
        ("running", "none", "walking", 0.3),
        ("running", "unsure", "walking", 0.51),  # taken, though it is unsure
        ("running", "walking", "walking", 0.5),
        ("walking", "none", "walking", 0.3),
    )
    assert clips["answer_right"].tolist() == [True, True, False, False]
    assert clips["taken"].tolist() == [False, True, False, False]
    assert clips["action_right"].tolist() == [False, False, False, True]


def test_score_has_the_interval_of_the_evaluation():
    clips = judged(*[("walking", "walking", "walking", 0.9)] * 3, ("walking", "unsure", "x", 0.2))
    scores = score(clips)
    assert (scores["answer_right"], scores["unsure"], scores["people"]) == (3, 1, 4)
    # Of the bootstrap over four people; Wilson's interval, of 30 to 95 %, is within.
    assert (scores["answer_right_low"], scores["answer_right_high"]) == (0.25, 1.0)
    assert "taken" not in scores


def test_totals_are_of_actions_and_of_each_own_data_set():
    clips = judged(("running", "none", "walking", 0.1), ("sitting", "sitting", "sitting", 0.9))
    table = {"datasets": {}, "totals": [{"name": "seated", "labels": ["sitting"]}]}
    summary = summarize(clips, table | {"totals": [*table["totals"], {"name": "x", "labels": []}]})
    assert [(one["name"], one["clips"]) for one in summary["totals"]] == [
        ("seated", 1), ("own, all", 1),
    ]  # fmt: skip
    assert summarize(clips[~clips["is_none"]], table)["none"] is None


def test_failures_are_the_commonest_wrong_answers():
    clips = judged(
        *[("running", "walking", "walking", 0.9)] * 2,
        *[("waving", "unsure", "waving", 0.3)] * 3,
        *[("waving", "waving", "waving", 0.9)] * 2,
        *[("running", "unsure", "walking", 0.4)] * 4,
        ("waving", "sitting", "sitting", 0.9),
    )
    assert find_failures(clips) == [
        "Own: waving gets the answer unsure in 3 of 6 clips.",
        "Own: running gets the answer walking in 2 of 6 clips.",
    ]
