"""Predictions by any name that a user has for them, and `python -m har compare` on them."""

import json
import subprocess
import sys
from pathlib import Path

import mlflow
import numpy as np
import pytest
import yaml
from places import ROOT

from har.__main__ import main
from har.engine.runtime import keras
from har.evaluation.predictions import find_predictions
from har.recognizer.recognizer import Recognizer
from har.settings.sections import Extract

EXTRACT = Extract(num_frames=3, size=8)
HEADER = "video_id,subject,label,predicted,probability\n"


def as_table(right: str) -> str:
    """Return predictions.csv of one video a character; `+` is a right one, of person 007 first."""
    rows = [
        f"v{number:02},{number % 10 + 7:03},NA,{'NA' if one == '+' else 'walk'},0.5\n"
        for number, one in enumerate(right)
    ]
    return HEADER + "".join(rows)


WEAK, STRONG = as_table("+" + "-" * 19), as_table("+" * 20)


@pytest.fixture(autouse=True)
def _own_database(monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    before = mlflow.get_tracking_uri()
    yield
    mlflow.set_tracking_uri(before)


@pytest.fixture(scope="module")
def repository(tmp_path_factory) -> Path:
    """A repository whose HEAD is weak, with an experiment that is strong; HEAD~1 has nothing."""
    folder = tmp_path_factory.mktemp("repository")

    def run(*command: str) -> None:
        result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stdout + result.stderr

    stage = {
        "cmd": "cp ${table} metrics/predictions.csv",
        "outs": [{"metrics/predictions.csv": {"cache": False}}],
    }
    files = {
        "dvc.yaml": yaml.safe_dump({"vars": ["which.yaml"], "stages": {"say": stage}}),
        "which.yaml": "table: weak.csv\n",
        "weak.csv": WEAK,
        "strong.csv": STRONG,
        "params.yaml": (ROOT / "params.yaml").read_text(encoding="utf-8"),
        "metrics/.gitkeep": "",
        ".gitignore": "/mlflow.db\n/.har\n/compare.html\n",
    }
    (folder / "metrics").mkdir()
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    dvc = (sys.executable, "-m", "dvc")
    run("git", "init", "--quiet")
    run("git", "config", "user.name", "Test")
    run("git", "config", "user.email", "test@localhost")
    run(*dvc, "init", "--quiet")
    run("git", "add", "--all")
    run("git", "commit", "--quiet", "--message", "Start")
    run(*dvc, "repro", "--quiet")
    run("git", "add", "--all")
    run("git", "commit", "--quiet", "--message", "Weak")
    run(*dvc, "exp", "run", "--quiet", "-n", "tidy-lamb", "-S", "which.yaml:table=strong.csv")
    run("git", "checkout", "--quiet", "--force", "HEAD")
    return folder


@pytest.fixture
def here(repository, monkeypatch) -> Path:
    monkeypatch.chdir(repository)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    return repository


def find(name: str):
    return find_predictions(name, root=Path(), extract=EXTRACT)


def run_verb(*arguments: str, capsys) -> tuple[int, str, str]:
    """Run `compare` in this process; return its exit code, stdout and stderr."""
    with pytest.raises(SystemExit) as end:
        main(["compare", *arguments])
    said = capsys.readouterr()
    return end.value.code or 0, said.out, said.err


def test_find_predictions_of_a_revision_and_an_experiment(here):
    head, experiment = find("HEAD"), find("tidy-lamb")
    assert head.about.startswith("metrics/predictions.csv at commit ")
    assert head.about != experiment.about
    assert list(head.table) == ["video_id", "subject", "label", "predicted"]
    assert head.table.loc[0].to_list() == ["v00", "007", "NA", "NA"]  # text stays text
    assert (head.table["predicted"] == "NA").sum() == 1
    assert (experiment.table["predicted"] == "NA").sum() == 20
    assert find(head.about.split()[-1]).table.equals(head.table)  # a short hash


def test_find_predictions_in_the_workspace_and_in_a_folder(here, tmp_path):
    assert find("workspace").table.equals(find("HEAD").table)
    assert find("metrics").about == "the folder metrics"
    (tmp_path / "predictions.csv").write_text(STRONG)
    assert find(str(tmp_path)).table.equals(find("tidy-lamb").table)
    assert find(str(tmp_path)).find_fingerprint() is None


def test_find_predictions_of_results_without_a_run(here):
    assert find("HEAD").find_fingerprint() is None
    assert find("workspace").find_fingerprint() is None


def test_find_predictions_of_a_run_that_was_not_logged(project):
    Path("metrics").mkdir()
    Path("metrics/predictions.csv").write_text(WEAK)
    Path("metrics/run.json").write_text('{"mlflow_run": "not logged"}')
    assert find("workspace").find_fingerprint() is None


def test_find_predictions_explains_where_it_looked(here, tmp_path):
    with pytest.raises(ValueError, match="'nosuch' has no predictions to compare") as error:
        find("nosuch")
    for part in ("as a folder: there is none", "unknown Git revision 'nosuch'", "`dvc exp show`"):
        assert part in str(error.value)
    with pytest.raises(ValueError, match=r"has no metrics/predictions.csv \(run `dvc repro` and"):
        find("HEAD~1")
    with pytest.raises(ValueError, match="no model has that alias yet"):
        find("champion")
    with pytest.raises(ValueError, match=f"there is no run {'0' * 32}"):
        find("0" * 32)
    with pytest.raises(ValueError, match="it has neither predictions"):
        find(str(tmp_path))


def test_find_predictions_refuses_a_name_of_two_things(here):
    Path("tidy-lamb").mkdir()
    try:
        Path("tidy-lamb/predictions.csv").write_text(WEAK)
        with pytest.raises(ValueError, match=r"'tidy-lamb' is ambiguous: .*Write \./tidy-lamb"):
            find("tidy-lamb")
        assert find("./tidy-lamb").about == "the folder tidy-lamb"
    finally:
        Path("tidy-lamb/predictions.csv").unlink()
        Path("tidy-lamb").rmdir()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("video_id,label\na,b\n", "has 1 rows of video_id, label; expected one row a video with"),
        (HEADER, "has 0 rows of video_id"),
        (WEAK + "v00,p0,NA,walk,0.5\n", "more than one row for 1 of its videos, as 'v00'"),
    ],
)
def test_find_predictions_refuses_a_table_that_is_none(project, text, message):
    Path("table").mkdir()
    Path("table/predictions.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        find("table")


def test_find_predictions_works_without_git_and_says_what_is_missing(project):
    with pytest.raises(ValueError, match=r"no metrics/predictions\.csv. Make it with `dvc repro`"):
        find("workspace")
    with pytest.raises(ValueError, match="you are not inside of a DVC repository"):
        find("HEAD")


def test_find_predictions_runs_a_model_on_the_test_videos(project):
    layers = [keras.Input((2, 8, 8, 3), dtype="uint8"), keras.layers.Flatten()]
    head = keras.layers.Dense(2, "softmax", kernel_initializer="zeros")
    model = keras.Sequential([*layers, head])
    model.layers[-1].bias.assign([0.0, 1.0])  # it always says walk
    made = EXTRACT.model_dump() | {"model_frames": 2, "streams": ["frames"], "context": 1.0}
    made["max_side"] = 64
    recognizer = Recognizer.of_model(model, ["sit", "walk"], made, {"fingerprint": "abc"})
    recognizer.save(Path("models/tiny"))
    with pytest.raises(ValueError, match=r"no data/split/manifest\.csv, so no test videos"):
        find("models/tiny")
    Path("data/split").mkdir(parents=True)
    np.save("clip.npy", np.zeros((3, 8, 8, 3), np.uint8))
    Path("data/split/manifest.csv").write_text(
        "video_id,path,label,subject,split,aspect\na,clip.npy,sit,ann,test,1\n"
        "b,clip.npy,sit,ben,train,1\n"
    )
    found = find("models/tiny")
    assert found.table.to_dict("records") == [
        {"video_id": "a", "subject": "ann", "label": "sit", "predicted": "walk"}
    ]
    assert found.find_fingerprint() == "abc"
    with pytest.raises(ValueError, match=r"Set the section `extract` of params\.yaml so"):
        find_predictions("models/tiny", root=Path(), extract=Extract(num_frames=3, size=9))


def test_compare_prints_text_and_writes_a_page(here, tmp_path, capsys):
    page = tmp_path / "pages" / "compare.html"
    code, out, err = run_verb("HEAD", "tidy-lamb", "--html", str(page), capsys=capsys)
    assert (code, err) == (0, "")
    assert "tidy-lamb is better than HEAD by 95.0 points" in out
    assert out.endswith(f"Look at it in {page}\n")
    assert "tidy-lamb is better than HEAD by 95.0 points" in page.read_text(encoding="utf-8")


def test_compare_prints_json_of_several(here, tmp_path, capsys):
    arguments = ("HEAD", "tidy-lamb", "workspace", "--json", "--html", str(tmp_path / "x.html"))
    code, out, _ = run_verb(*arguments, capsys=capsys)
    assert code == 0
    content = json.loads(out)
    assert [one["verdict"] for one in content["comparisons"]] == ["better", "undecided"]
    assert [model["name"] for model in content["models"]] == ["HEAD", "tidy-lamb", "workspace"]


def test_compare_ends_with_1_on_other_videos_and_2_on_wrong_options(here, tmp_path, capsys):
    (tmp_path / "predictions.csv").write_text(as_table("++"))
    code, out, err = run_verb("HEAD", str(tmp_path), capsys=capsys)
    assert (code, out) == (1, "")
    assert "were tested on different videos: 2 are shared, 18 (v02, v03, v04, ...) only in" in err
    assert run_verb("HEAD", "nosuch", capsys=capsys)[0] == 1
    assert run_verb("HEAD", capsys=capsys)[0] == 2
    assert run_verb("HEAD", "a", "b", "--promote", capsys=capsys)[0] == 2
    assert run_verb("HEAD", "a", "--force", capsys=capsys)[0] == 2
    assert not Path("compare.html").exists()


def test_compare_does_not_promote_what_is_not_registered(here, tmp_path, capsys):
    arguments = ("HEAD", "tidy-lamb", "--promote", "--html", str(tmp_path / "x.html"))
    code, out, err = run_verb(*arguments, capsys=capsys)
    assert code == 1
    assert "tidy-lamb is better than HEAD" in out
    assert "tidy-lamb is not registered in MLflow at sqlite:///" in err
