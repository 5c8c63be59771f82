"""`har evaluate`: a trained model on another labelled folder."""

import csv
import json
import math
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from brightness import LABELS, PREPROCESSING, brightness_recognizer
from command_line import run
from page_tags import TagReader

from har.engine.cache import file_digest
from har.evaluation.held_out import score_test_videos
from har.pages.templating import NUM_STRIP_FRAMES
from har.recognizer.prediction import CLIP_SETTINGS, read_clip
from har.recognizer.recognizer import Recognizer
from har.recognizer.scoring import predict_clips
from har.recognizer.trained_on import write_trained_on
from har.video.writing import write_video

PARAMS = {"model": "tiny", "temperature": 2.0, "unsure_below": 0.66, "trained_on": ["train"]}
PEOPLE = ("anna", "ben", "cleo", "dan")
# By the brightness of its videos: of each label the last one is taken for the other.
VIDEOS = {"dark": (20, 50, 60, 180), "bright": (235, 200, 190, 90)}


@pytest.fixture(scope="module")
def tiny() -> Recognizer:
    return replace(brightness_recognizer(aspect="stretch"), params=PARAMS)


@pytest.fixture
def save_model(project, tiny) -> Callable[..., None]:
    """Write models/tiny, with other parameters if given and who was in its training."""

    def save(people: dict | None = None, videos: dict | None = None, **params: object) -> None:
        folder = Path("models/tiny")
        replace(tiny, params=PARAMS | params).save(folder)
        seen = {"grouped_by": "metadata.csv", "people": people}
        write_trained_on(seen | {"videos": videos or {"train": [], "val": []}}, folder)

    return save


@pytest.fixture
def videos(save_model) -> Path:
    """A folder of eight videos of four people, and a model whose training had nobody of them."""
    save_model({"train": ["eva"], "val": ["finn"]})
    rows = []
    for label, levels in VIDEOS.items():
        for person, brightness in zip(PEOPLE, levels, strict=True):
            write_grey(Path("videos") / label / f"{person}.mp4", brightness)
            rows.append((f"{label}/{person}.mp4", person))
    name_people(rows)
    return Path("videos")


def write_grey(path: Path, brightness: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_video(path, [np.full((48, 64, 3), brightness, np.uint8)] * 8, fps=25)
    return path


def name_people(rows: list[tuple[str, str]]) -> None:
    text = "".join(f"{path},{person}\n" for path, person in rows)
    Path("videos/metadata.csv").write_text(f"path,subject\n{text}", encoding="utf-8")


def add_video(name: str, brightness: int, person: str) -> Path:
    with Path("videos/metadata.csv").open("a", encoding="utf-8") as file:
        file.write(f"{name},{person}\n")
    return write_grey(Path("videos") / name, brightness)


def evaluate(*options: str, capsys, code: int = 0) -> tuple[dict, str]:
    """Return what is printed as JSON, and what on stderr."""
    command = ("evaluate", "videos", "--model", "models/tiny", "--json", *options)
    ended, out, err = run(*command, capsys=capsys)
    assert ended == code, err
    return json.loads(out), err


def fail(*options: str, capsys) -> str:
    """Return the error."""
    command = ("evaluate", "videos", "--model", "models/tiny", *options)
    code, out, err = run(*command, capsys=capsys)
    assert (code, out) == (1, "")
    return err


def test_evaluate_prints_tables_and_writes_nothing(videos, capsys):
    before = sorted(Path().rglob("*"))
    code, out, err = run("evaluate", "videos", "--model", "models/tiny", capsys=capsys)
    assert code == 0
    assert "warning" not in err
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert lines[0] == "models/tiny on videos"
    assert "tiny 75.0% 25% to 100%" in lines
    assert "always the folder's commonest label 50.0% 22% to 78%" in lines
    assert "dark 75% 75% 30% to 95% 4" in lines
    few = "with a test of 8 videos even a score of 100 % has a 95 % interval from 68 % on"
    assert f"On 8 test videos of 4 people; {few}." in lines
    assert lines[-1] == "Nothing is written; --out DIR does that."
    assert sorted(Path().rglob("*")) == before


def test_evaluate_gives_the_numbers_of_the_stage(videos, tiny, tmp_path, capsys):
    said, _ = evaluate(capsys=capsys)
    settings = {name: PREPROCESSING[name] for name in CLIP_SETTINGS}
    rng, rows = np.random.default_rng(0), []
    for label in LABELS:
        for subject in (*PEOPLE, "eva"):
            split = "train" if subject == "eva" else "test"
            row = {"label": label, "subject": subject, "split": split, "weight": 1.0}
            row["features_path"] = str(tmp_path / f"{label}-{subject}-features.npy")
            np.save(row["features_path"], rng.normal(size=(1, 4, 3)).astype(np.float32))
            if split == "test":
                row["path"] = str(tmp_path / f"{label}-{subject}.npy")
                video = videos / label / f"{subject}.mp4"
                clip, row["aspect"] = read_clip((video, settings, str(tmp_path), math.inf))
                np.save(row["path"], clip)
            rows.append(row)
    table = pd.DataFrame(rows).sort_values(["label", "subject"], ignore_index=True)
    probabilities, _ = predict_clips(tiny, table[table["split"] == "test"])
    scores, _ = score_test_videos(tiny, table, probabilities, num_bootstrap=2000, seed=42)
    del scores["baselines"]
    assert {name: said[name] for name in scores} == json.loads(json.dumps(scores))  # to the bit
    assert said["unsure"] > 0
    assert said["expected_calibration_error"] != said["expected_calibration_error_before"]


def test_evaluate_writes_the_files_of_the_stage_and_a_page(videos, capsys):
    said, _ = evaluate("--out", "out", capsys=capsys)
    names = sorted(path.relative_to("out").as_posix() for path in Path("out").rglob("*.*"))
    assert names == [
        *("evaluate.html", "metrics.json", "plots/confusion.csv", "plots/confusion.png"),
        *("plots/reliability.png", "predictions.csv", "scores.json"),
    ]
    metrics = json.loads(Path("out/metrics.json").read_text(encoding="utf-8"))
    assert metrics["accuracy"] == said["accuracy"] == 0.75
    assert metrics["baselines"] == {"majority_of_folder": 0.5}
    with Path("out/predictions.csv").open(encoding="utf-8") as file:
        rows = {row["video_id"]: row for row in csv.DictReader(file)}
    assert len(rows) == 8
    assert rows["bright/dan"]["predicted"] == "dark"
    assert rows["bright/dan"]["answer"] == "unsure"
    page = Path("out/evaluate.html").read_text(encoding="utf-8")
    pictures = [about["src"] for tag, about in TagReader(page).tags if tag == "img"]
    # The frames of two mistakes, and two pictures of the stage.
    assert len(pictures) == 2 * NUM_STRIP_FRAMES + 2
    assert all(picture.startswith("data:image/") for picture in pictures)
    assert "bright/dan" in TagReader(page).text
    assert "http" not in page.replace("http-equiv", "")


def test_evaluate_names_the_people_of_the_training_and_scores_without_them(
    videos, save_model, capsys
):
    save_model({"train": ["anna", "zoe"], "val": ["ben"]})
    said, err = evaluate(capsys=capsys)
    assert "anna (training), ben (validation)" in err
    assert "zoe" not in err
    assert said["seen_in_training"]["people"] == {"anna": "train", "ben": "val"}
    assert said["seen_in_training"]["num_videos"] == 4
    assert said["accuracy"] == 0.75
    assert said["not_seen"]["num_test_videos"] == 4
    assert said["not_seen"]["accuracy"] == 0.5
    assert said["videos"][0]["person_seen"] == "train"
    _, out, _ = run("evaluate", "videos", "--model", "models/tiny", capsys=capsys)
    assert "on 4 not seen in training" in out


def test_evaluate_names_labels_and_people_that_the_model_nearly_knows(videos, save_model, capsys):
    save_model({"train": ["Anna", unicodedata.normalize("NFD", "Zoë")], "val": []})
    add_video("Dark/zoë.mp4", 3, "Zoë")
    add_video("dark/zoë.mp4", 4, "Zoë")
    said, err = evaluate(capsys=capsys)
    assert "The person 'anna' here is nearly the model's 'Anna'. If they are the same" in err
    assert "The label 'Dark' here is nearly the model's 'dark'. If they are the same" in err
    assert said["seen_in_training"]["people"] == {"Zoë": "train"}


def test_evaluate_names_the_files_of_the_training(videos, save_model, capsys):
    digest = file_digest(videos / "dark" / "cleo.mp4")
    save_model({"train": ["eva"], "val": []}, {"train": [digest], "val": []})
    said, err = evaluate(capsys=capsys)
    assert "The same files were in the model's training: dark/cleo (training)." in err
    assert said["seen_in_training"]["videos"] == {"dark/cleo": "train"}
    assert said["not_seen"]["num_test_videos"] == 7


def test_evaluate_has_no_second_score_where_all_are_seen(videos, save_model, capsys):
    save_model({"train": list(PEOPLE), "val": []})
    said, err = evaluate(capsys=capsys)
    assert said["not_seen"] is None
    assert said["seen_in_training"]["num_videos"] == 8
    assert "All videos here are such: no score is of new people." in err


def test_evaluate_says_when_the_model_does_not_know_who_was_in_training(videos, save_model, capsys):
    save_model(None)
    said, err = evaluate(capsys=capsys)
    assert "The model does not know the names of those in its training." in err
    assert not said["seen_in_training"]["knows_people"]
    Path("models/tiny/trained_on.json").unlink()
    said, err = evaluate(capsys=capsys)
    assert "made by an earlier version: train it again with `dvc repro`" in err
    assert not said["seen_in_training"]["is_known"]


def test_evaluate_leaves_out_labels_that_the_model_does_not_know(videos, capsys):
    add_video("jumping/anna.mp4", 3, "anna")
    said, err = evaluate(capsys=capsys)
    assert "Left out, since the model has no such label: jumping (1). It has dark, bright." in err
    assert said["left_out"] == {"jumping": 1}
    assert said["num_test_videos"] == 8


def test_evaluate_refuses_a_folder_without_a_label_of_the_model(videos, capsys):
    for label in LABELS:
        (videos / label).rename(videos / f"{label} room")
    (videos / "metadata.csv").unlink()
    err = fail(capsys=capsys)
    assert "videos has no video of an action that the model knows" in err
    assert "bright room, dark room; the model knows dark, bright. Rename the folders" in err


def test_evaluate_counts_none_as_the_label_of_the_model_that_is_no_action(
    videos, save_model, capsys
):
    save_model(none_label="dark", people=None)
    (videos / "dark").rename(videos / "None")
    (videos / "metadata.csv").unlink()
    said, _ = evaluate(capsys=capsys)
    assert said["num_test_videos"] == 4
    assert said["num_none_videos"] == 4
    assert said["none_rejected"] == 0.75
    assert said["per_class"]["dark"]["support"] == 4
    (videos / "bright").rename(videos / "other")
    assert "the model knows bright. Rename" in fail(capsys=capsys)


def test_evaluate_scores_none_by_unsure_where_the_model_has_no_such_label(videos, capsys):
    add_video("none/anna.mp4", 120, "anna")  # neither dark nor bright
    add_video("none/ben.mp4", 230, "ben")
    said, _ = evaluate("--out", "out", capsys=capsys)
    assert said["num_test_videos"] == 8
    assert said["num_none_videos"] == 2
    assert said["none_rejected"] == 0.5
    assert said["lost_to_none"] == 0.0
    assert set(said["per_class"]) == set(LABELS)
    with Path("out/predictions.csv").open(encoding="utf-8") as file:
        assert [row["label"] for row in csv.DictReader(file)].count("none") == 2


def test_evaluate_goes_on_after_a_video_that_fails_and_ends_with_1(videos, capsys):
    add_video("dark/eva.mp4", 1, "eva").write_bytes(b"")
    (videos / "lost.mp4").write_bytes(b"no label")
    (videos / "dark" / "notes.txt").write_text("no video")
    said, err = evaluate(capsys=capsys, code=1)
    assert "failed: videos/dark/eva.mp4 is empty (0 bytes)" in err
    assert "failed: videos/lost.mp4: not in a label folder" in err
    assert "notes.txt" not in err
    assert [one["video"] for one in said["failed"]] == ["videos/lost.mp4", "videos/dark/eva.mp4"]
    assert said["num_test_videos"] == 8


def test_evaluate_refuses_a_folder_without_a_readable_video(videos, capsys):
    for number, path in enumerate(sorted(videos.rglob("*.mp4"))):
        path.write_text(f"no video {number}")
    err = fail(capsys=capsys)
    assert "No video of an action could be read, so nothing is scored." in err
    assert "bright/anna.mp4 is not a video" in err


def test_evaluate_takes_the_same_file_once(videos, capsys):
    add_video("dark/again.mp4", 1, "anna").write_bytes((videos / "dark/anna.mp4").read_bytes())
    said, err = evaluate(capsys=capsys)
    assert said["num_test_videos"] == 8
    assert "Left out, since the same file is there twice: videos/dark/anna.mp4." in err
    add_video("bright/again.mp4", 1, "anna").write_bytes((videos / "dark/anna.mp4").read_bytes())
    assert "The same video has two labels: videos/bright/again.mp4 and" in fail(capsys=capsys)


def test_evaluate_finds_people_by_a_pattern_or_says_that_nobody_names_them(
    videos, set_param, capsys
):
    (videos / "metadata.csv").unlink()
    said, err = evaluate(capsys=capsys)
    assert "Nobody says who is in the videos" in err
    assert said["num_test_subjects"] == 8
    assert not said["seen_in_training"]["knows_people"]
    said, err = evaluate("--subject-pattern", "^([a-z]+)", capsys=capsys)
    assert err == ""
    assert said["grouped_by"] == "dataset.subject_pattern"
    assert said["num_test_subjects"] == 4
    set_param("dataset.subject_pattern", "^(p[0-9]+)_")
    assert "does not match the file name 'anna.mp4'" in fail(capsys=capsys)


def test_evaluate_runs_outside_the_project(videos, capsys):
    Path("params.yaml").unlink()
    said, _ = evaluate(capsys=capsys)
    assert said["accuracy"] == 0.75
    code, _, err = run("evaluate", "videos", capsys=capsys)
    assert (code, "add --model DIR" in err) == (2, True)


def test_evaluate_refuses_a_folder_that_is_not_there(project, capsys):
    assert run("evaluate", "no/such/folder", "--model", ".", capsys=capsys)[0] == 2
    assert run("evaluate", capsys=capsys)[0] == 2


def test_evaluate_takes_parts_of_long_videos(save_model, capsys):
    save_model({"train": ["eva"], "val": ["finn"]})
    Path("videos").mkdir()
    rows = []
    for person, (dark, bright) in zip(PEOPLE, zip(*VIDEOS.values(), strict=True), strict=True):
        greys = [np.full((48, 64, 3), grey, np.uint8) for grey in (dark, bright) for _ in range(10)]
        write_video(Path(f"videos/{person}.mp4"), greys, fps=10)
        rows += [f"{person}.mp4,0,1,dark,{person}", f"{person}.mp4,1,2,bright,{person}"]
    rows.append("anna.mp4,1.9,9,bright,anna")
    table = "\n".join(["path,start,end,label,subject", *rows])
    Path("videos/metadata.csv").write_text(table, encoding="utf-8")
    found, said = evaluate(capsys=capsys, code=1)
    assert found["num_test_videos"] == 8
    assert found["accuracy"] == pytest.approx(6 / 8)
    assert "anna.mp4 from 1.9 to 9 s ends after the video" in json.dumps(found) + said
