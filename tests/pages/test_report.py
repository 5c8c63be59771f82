"""The page and the cards about a run: what they say, what they escape, and when they refuse."""

import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import yaml
from damage import flip_bit
from finished_runs import (
    LABELS,
    ODD_VIDEO,
    make_recognizer,
    read_json,
    write_json,
    write_lock,
)
from page_tags import TagReader
from places import ROOT

from har.__main__ import main
from har.dataset.subjects import NO_WORD_ON_OTHERS, SAME_PEOPLE
from har.pages.finished_run import FILES, pipeline_changes, read_run
from har.pages.report import MAX_STRIPS, OUTPUTS, write_report
from har.pages.templating import NUM_FIRST, picture_uri


def write(*changes: str) -> dict[str, str]:
    """Write the report of the current folder; return its files' texts by name."""
    write_report(read_run(model="cnn3d", changes=list(changes)), Path("report"))
    return {name: Path("report", name).read_text(encoding="utf-8") for name in OUTPUTS}


def test_write_report_escapes_names_and_needs_nothing_else(run_folder):
    page = write()["index.html"]
    reader = TagReader(page)
    assert not {tag for tag, _ in reader.tags} & {"script", "link", "iframe", "object"}
    for name in (*LABELS, ODD_VIDEO, 'data/videos/<i>"x".mov'):
        assert name in reader.text
    addresses = [
        value for _, tag in reader.tags for key, value in tag.items() if key in ("src", "href")
    ]
    # Eight frames of each of six test videos, three of them perhaps twice, and four plots.
    assert len(addresses) >= 8 * 6 + 4
    assert all(re.match("data:image/(jpeg|png);base64,", address) for address in addresses)
    assert "//" not in re.sub(r"data:image/\w+;base64,[^\"]*", "", page)
    assert "is empty" in reader.text
    assert "Do not trust" not in page
    assert "is the demo" not in page


def test_write_report_escapes_names_in_the_cards(run_folder):
    written = write()
    for name in ("model-card.md", "data-card.md"):
        rows = [line for line in written[name].splitlines() if line.startswith(r"| a&amp;b\|c")]
        assert len(rows) == 1
        assert "<script>" not in written[name]
        assert r"&lt;script&gt;alert(1)" in written[name]
        assert r"sit\*down\*" in written[name]
        # Each row has as many cells as its table's head, so no name has broken one.
        tables = re.findall(r"(?:^\|.*\n)+", written[name], flags=re.MULTILINE)
        for table in tables:
            assert len({len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()}) == 1
    assert 'data/videos/&lt;i&gt;"x".mov | is empty' in written["data-card.md"]


def test_write_report_gives_the_same_bytes_again(run_folder):
    assert write() == write()


def test_cards_and_page_follow_the_metrics(run_folder):
    before = write()
    content = read_json("metrics")
    content |= {"accuracy": 0.7654, "accuracy_low": 0.1112, "accuracy_high": 0.8889, "loss": 3.1415}
    content["per_class"][LABELS[0]] |= {"precision": 0.1234, "recall_low": 0.0567}
    content["baselines"]["pooled_linear"] = 0.4567
    write_json("metrics", content)
    write_json("speed", {"milliseconds_per_clip": 98.7})
    after = write()
    for shown in ("76.5 %", "11.1 % to 88.9 %", "3.14", "12.3 %", "5.7 % to", "45.7 %", "98.7 ms"):
        for name in ("model-card.md", "index.html"):
            assert shown in after[name], (shown, name)
            assert shown not in before[name], (shown, name)
    # The predictions tell of another accuracy, and the reader is told.
    for name in OUTPUTS:
        assert "Do not trust" in after[name]
        assert "has accuracy 0.7654 of 6 videos; by metrics/predictions.csv" in after[name]


def test_page_and_card_say_when_the_model_was_refit(run_folder):
    assert "refit" not in "".join(write().values())
    train = json.loads(Path(FILES["train"]).read_text())
    write_json("train", train | {"refit": True})
    written = write()
    assert "Then it was refit: trained again from scratch" in written["index.html"]
    assert "then refit on the training and validation videos" in written["model-card.md"]
    # 7 epochs and then 3, of 2.25 seconds each.
    assert re.search(r"then refit on.*; 22(\.5)? s", written["model-card.md"])


def test_data_card_follows_the_tables(run_folder):
    before = write()["data-card.md"]
    assert "18 videos of 6 people, 0.8 minutes, 3 labels" in before
    assert "In\n1 clip frames repeat" in before
    assert "| train | 9 | 3 |" in before
    assert r"| &lt;script&gt;alert(1) | 6 | 6 | 3 | 3 | 1 | 2 | 2 | 2.5 s |" in before
    assert "Left out, 2 files" in before
    manifest = pd.read_csv(FILES["manifest"])
    manifest[manifest["subject"] != "p0"].to_csv(FILES["manifest"], index=False)
    after = write()["data-card.md"]
    assert "15 videos of 5 people, 0.6 minutes, 3 labels" in after
    assert "| train | 6 | 2 |" in after


@pytest.mark.parametrize("name", ["model-card.md", "data-card.md", "report.html"])
def test_templates_type_no_number(name):
    text = (ROOT / "har" / "pages" / "templates" / name).read_text(encoding="utf-8")
    text = re.sub(r"{% block style %}.*?{% endblock %}|{[{%].*?[}%]}", "", text, flags=re.DOTALL)
    text = re.sub(r"</?[^>]*>", "", text)
    assert re.findall(r"\b\d\S*", text) == []


def test_read_run_names_all_that_is_missing_and_the_command(run_folder):
    FILES["metrics"].unlink()
    FILES["contact_sheet"].unlink()
    with pytest.raises(ValueError, match="dvc repro") as error:
        write()
    assert "metrics/scores.json, data/augment/contact_sheet.png are missing" in str(error.value)


def test_read_run_refuses_without_the_model(run_folder):
    Path("models/cnn3d/model.keras").unlink()
    with pytest.raises(ValueError, match=r"models/cnn3d/model.keras is missing"):
        write()


def test_write_report_refuses_without_a_clip_it_shows(run_folder):
    for path in Path("data/clips").glob("*.npy"):
        path.unlink()
    with pytest.raises(ValueError, match=r"data/clips/\d+.npy is missing.*dvc pull"):
        write()


def test_write_report_refuses_a_damaged_clip(run_folder):
    for path in Path("data/clips").glob("*.npy"):
        flip_bit(path, in_silence=True)
    with pytest.raises(ValueError, match=r"data/clips/\d+.npy is damaged.*`make repro`"):
        write()
    assert not Path("report").exists()


@pytest.mark.parametrize("name", ["metrics", "train"])
def test_read_run_refuses_another_model_s_results(name, run_folder):
    write_json(name, read_json(name) | {"model": "mobilenet_lstm"})
    with pytest.raises(
        ValueError, match=rf"{Path(FILES[name]).name} is of the model 'mobilenet_lstm' and"
    ):
        write()


def test_read_run_refuses_a_model_of_other_labels(run_folder):
    replace(make_recognizer(0)[1], labels=["a", "b", "c"]).save(Path("models/cnn3d"))
    with pytest.raises(ValueError, match="models/cnn3d knows the labels a, b, c"):
        write()


def test_write_report_warns_of_a_model_that_was_not_scored(run_folder):
    make_recognizer(1)[1].save(Path("models/cnn3d"))
    assert "is not the model that was scored" in write()["model-card.md"]


def test_write_report_warns_of_results_of_another_training_or_split(run_folder):
    write_json("train", read_json("train") | {"temperature": 2.5})
    manifest = pd.read_csv(FILES["manifest"])
    manifest.replace({"split": {"val": "test"}}).to_csv(FILES["manifest"], index=False)
    page = write("split (seed)", "train (split)")["index.html"]
    assert "train.json is of another training" in page
    assert "is not of the test videos that" in page
    assert "Changed since the stages ran: split (seed); train (split)." in page


def test_write_report_says_that_the_demo_says_nothing_of_people(run_folder):
    write_lock("data/demo")
    written = write()
    for name in ("index.html", "model-card.md"):
        assert re.search(r"The videos are the demo.*?say\s+nothing", written[name], re.DOTALL)
    assert "no real people" in written["data-card.md"]


def test_write_report_says_when_nobody_is_known(run_folder):
    write_json("split", {"grouped_by": "video"})
    written = write()
    assert "who may have been seen in training" in written["index.html"]
    assert "By person" not in written["index.html"]
    assert "never seen in training" not in written["index.html"]
    for name in ("index.html", "model-card.md"):
        assert "as if each showed another person" in written[name]
    assert "Nobody says who is in the videos" in written["model-card.md"]


def test_write_report_says_that_the_same_people_were_tested(run_folder):
    write_json("split", {"grouped_by": SAME_PEOPLE})
    written = write()
    page = written["index.html"]
    assert f"<b>Tested on {SAME_PEOPLE}.</b>" in page
    assert "By person" not in page
    for wrong in ("never seen in training", "Nobody says", "No person is in two splits"):
        assert wrong not in page
    for name in ("index.html", "model-card.md"):
        assert NO_WORD_ON_OTHERS in written[name]
        assert "as if each showed another person" not in written[name]
    assert "People are in several splits" in written["data-card.md"]


def test_write_report_counts_people_who_are_unused_apart(run_folder):
    manifest = pd.read_csv(FILES["manifest"])
    is_unused = manifest["subject"] == "p0"
    manifest.loc[is_unused, "split"] = "unused"
    manifest.to_csv(FILES["manifest"], index=False)
    page = write()["index.html"]
    assert "of 5 people (by metadata.csv)" in page
    assert re.search(rf"unused</td><td>{is_unused.sum()}</td>\s+<td>1</td>", page)


def test_write_report_shows_the_least_sure_when_there_are_no_errors(run_folder):
    predictions = pd.read_csv(FILES["predictions"])
    predictions.assign(label=predictions["predicted"]).to_csv(FILES["predictions"], index=False)
    page = TagReader(write()["index.html"]).text
    assert "No mistakes; right with the lowest probability" in page
    assert "More right answers with low probability" in page


def test_write_report_shows_the_surest_errors_first_and_a_bounded_number(run_folder):
    """A thousand test videos make no larger page than a few."""
    manifest = pd.read_csv(FILES["manifest"])
    test = manifest[manifest["split"] == "test"]
    many = pd.concat([test.assign(video_id=test["video_id"] + f" {i}") for i in range(170)])
    pd.concat([manifest[manifest["split"] != "test"], many]).to_csv(FILES["manifest"], index=False)
    clips = pd.read_csv(FILES["clips"])
    copies = many[["video_id", "path"]].merge(clips.drop(columns="video_id"), on="path")
    pd.concat([clips, copies]).to_csv(FILES["clips"], index=False)
    rng = np.random.default_rng(0)
    predictions = many[["video_id", "subject", "label"]].assign(
        predicted=[LABELS[(LABELS.index(label) + 1) % 3] for label in many["label"]],
        probability=rng.uniform(0.4, 0.99, len(many)),
    )
    predictions.to_csv(FILES["predictions"], index=False)
    page = write()["index.html"]
    assert len(page) < 1_000_000
    text = TagReader(page).text
    assert "1,020 errors in 1,020 test videos, the most confident first" in text
    surest = predictions.sort_values("probability", ascending=False)["video_id"].head(MAX_STRIPS)
    places = [text.index(f"· {name}, person") for name in surest]
    assert places == sorted(places)
    assert text.index("What the scores say") > places[NUM_FIRST - 1]
    assert text.index("More mistakes") < places[NUM_FIRST]


def test_picture_uri_bounds_a_large_picture(tmp_path):
    path = tmp_path / "a.png"
    cv2.imwrite(str(path), np.random.default_rng(0).integers(0, 256, (9000, 3000, 3), np.uint8))
    assert len(picture_uri(path)) < 3_000_000
    (tmp_path / "b.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"b.png is not a picture"):
        picture_uri(tmp_path / "b.png")


def test_report_writes_beside_and_prints_warnings(run_folder, monkeypatch, capsys):
    monkeypatch.setattr("har.pages.finished_run.pipeline_changes", lambda: ["train (x)"])
    with pytest.raises(SystemExit) as end:
        main(["report", "--out", "out/here"])
    assert not end.value.code
    said = capsys.readouterr()
    assert "report: drawing what the model looked at" in said.err
    assert said.out.splitlines() == [
        "warning: Changed since the stages ran: train (x). `dvc repro` runs them again",
        "report: out/here/index.html, out/here/model-card.md, out/here/data-card.md",
    ]
    assert Path("out/here/index.html").is_file()


def dvc(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "dvc", "-q", *arguments], check=True)


def test_pipeline_changes_are_those_that_dvc_sees(project):
    with pytest.raises(ValueError, match="`dvc status --json` failed"):
        pipeline_changes()
    dvc("init", "--no-scm")
    stage = {"cmd": "echo 1 > a.txt", "params": ["seed", "model"], "outs": ["a.txt"]}
    Path("dvc.yaml").write_text(yaml.safe_dump({"stages": {"make": stage}}))
    dvc("repro")
    assert pipeline_changes() == []
    Path("a.txt").unlink()
    Path("a.txt").write_text("2")
    params = yaml.safe_load(Path("params.yaml").read_text())
    Path("params.yaml").write_text(yaml.safe_dump(params | {"seed": 7}))
    assert pipeline_changes() == ["make (seed, a.txt)"]


def test_pipeline_changes_are_none_when_only_the_cache_is_gone(project):
    dvc("init", "--no-scm")
    Path("dvc.yaml").write_text("stages: {make: {cmd: echo 1 > a.txt, outs: [a.txt]}}")
    dvc("repro")
    shutil.rmtree(".dvc/cache")
    assert pipeline_changes() == []
