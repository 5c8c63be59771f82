"""The benchmarks run; what they measure is for people to read (docs/benchmarks.md)."""

import importlib
import itertools
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
from brightness import brightness_recognizer
from finished_runs import make_recognizer
from places import ROOT
from preloaded import preloaded
from tiny_project import environment
from video_files import write_numbered

from benchmarks.camera import choose_threshold, describe
from benchmarks.scale import stage_commands
from har.video.writing import write_video


def run(name: str, *options: str, variables: Mapping[str, str] | None = None) -> str:
    command = ["python", "-m", f"benchmarks.{name}", *options]
    result = subprocess.run(
        command,
        cwd=ROOT,
        env=variables or preloaded(environment()),
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def table_of(printed: str) -> dict[str, list[str]]:
    """Return the rows of the printed tables below their headings, by the first cell."""
    parts = re.findall(r"^\|[-|]+\|\n((?:\|.*\n)+)", printed, re.MULTILINE)
    rows = [line[2:-2].split(" | ") for part in parts for line in part.splitlines()]
    return {first: cells for first, *cells in rows}


def test_every_benchmark_can_be_imported():
    """Also those that no other test runs, as what makes the pictures of the docs."""
    needs_torch = {"make_backbone_reference"}
    for name in {path.stem for path in ROOT.glob("benchmarks/*.py")} - needs_torch:
        importlib.import_module(f"benchmarks.{name}")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("decode", "har.video.extracting"),
        ("storage", ".npy"),
        ("features", "cached features"),
        ("backbones", "efficientnet_lite0"),
        ("capture", "| h264 | PyAV |"),
    ],
)
def test_benchmark_prints_its_table_of_tiny_inputs(name, row):
    printed = run(name, "--quick", "--repeats", "1")
    assert f"python -m benchmarks.{name} --quick --repeats 1" in printed
    rows = [line for line in printed.splitlines() if line.startswith("|")]
    assert any(row in line for line in rows), printed


@pytest.mark.slow
def test_cnn3d_benchmark_trains_the_same_network_in_all_ways():
    rows = table_of(run("cnn3d", "--quick", "--repeats", "1", "--batch-size", "2"))
    assert "as the pipeline trains" in rows
    assert len(rows) == 4
    # Three convolutions with batch normalization, and two dense layers: of 2 * 4 * 4 places of 98.
    filters = [3, 32, 64, 98]
    expected = sum(27 * a * b + 3 * b for a, b in itertools.pairwise(filters))
    expected += (2 * 4 * 4 * 98 + 1) * 128 + 129 * 6
    assert {cells[0] for cells in rows.values()} == {str(expected)}


@pytest.mark.slow
def test_gpu_benchmark_runs_tiny_on_a_processor_and_says_what_that_has_not():
    ways = ("float32", "mixed_float16")
    printed = run("gpu", "--quick", "--repeats", "1", "--ways", *ways)
    assert "Graphics cards: none, so this says nothing of one." in printed
    rows = table_of(printed)
    assert list(rows) == ["litert", "keras", *ways]
    assert [rows[name][-1] for name in ("litert", "keras", "float32")] == ["yes"] * 3
    assert float(rows["keras"][1]) < 1e-4
    assert "mixed_float16, and TensorFlow sees no graphics card" in rows["mixed_float16"][-1]


@pytest.mark.slow
def test_scale_benchmark_measures_every_stage_and_adds_a_video():
    rows = table_of(run("scale", "--videos", "15", "--added-to", "2", variables=environment()))
    assert rows.pop("2")[-1] == "yes"  # all is as in a run from nothing
    assert list(rows) == list(stage_commands())
    gigabytes = {stage: float(measured.split(", ")[1]) for stage, (measured,) in rows.items()}
    assert gigabytes["train"] > 2 * gigabytes["split"]  # of the stage's own process: TensorFlow


@pytest.mark.slow
def test_prediction_benchmark_times_the_start_and_each_more_video(tmp_path):
    make_recognizer(1)[1].save(tmp_path / "model")
    write_video(tmp_path / "a.mp4", [np.full((48, 64, 3), 90, np.uint8)] * 12, fps=12)
    arguments = [str(tmp_path / "model"), str(tmp_path / "a.mp4"), "--repeats", "1"]
    rows = table_of(run("prediction", *arguments, variables=environment()))
    assert list(rows) == ["plain decode", "start and one video", "each more video"]
    assert rows["plain decode"][1] == "1.00 (1.00..1.00)"
    assert float(rows["start and one video"][0]) > float(rows["each more video"][0])


@pytest.fixture(scope="module")
def videos(tmp_path_factory) -> Iterator[Path]:
    """A video of each of four people in each of three labels, which differ in colour."""
    folder = tmp_path_factory.mktemp("coloured")
    for place, label in enumerate(("sitting", "walking", "waving")):
        for person in range(4):
            frames = np.full((12, 48, 64, 3), 20 * person, np.uint8)
            frames[..., place] = 220
            write_video(folder / label / f"p{person}_0.mp4", frames, fps=12)
    yield folder
    shutil.rmtree(ROOT / ".har" / "accuracy" / folder.name, ignore_errors=True)


def options_for(videos: Path) -> list[str]:
    """Options for two folds, tiny clips and trainings of a second."""
    settings = ["extract.num_frames=8", "extract.size=32", "augment.num_views=1"]
    settings += ["backbone.weights=random", "features.streams=[frames]"]
    settings += ["models.fusion.streams=[frames]", "models.fusion.epochs=5"]
    options = [str(videos), "--subject-pattern", "^(p[0-9])_", "--folds", "2"]
    return options + [part for setting in settings for part in ("-S", setting)]


@pytest.mark.slow
def test_accuracy_benchmark_tests_everybody_by_models_and_baselines(videos):
    printed = run("accuracy", *options_for(videos), "--models", "fusion", "--seeds", "1", "2")
    assert "12 videos of 4 people in 3 actions, 2 folds, seeds 1, 2:" in printed
    rows = table_of(printed)
    names = ["majority", "single_frame", "pooled_linear", "fusion", "fusion, ensemble over seeds"]
    assert list(rows) == [f"`{name}`" for name in names]
    assert rows["`majority`"][0].startswith("33.3% ")  # one label of three
    assert rows["`single_frame`"][0].startswith("100.0% ")  # by the colour
    assert int(rows["`fusion`"][3].replace(",", "")) > 2_000_000  # with the backbone's


@pytest.mark.slow
def test_shaken_benchmark_shakes_the_test_clips_alone(videos):
    once = ["-S", "models.fusion.refit=false", "-S", "models.fusion.epochs=8"]
    rows = table_of(run("shaken", *options_for(videos), *once, "--shake", "0.2"))
    assert list(rows) == ["still", "shaken"]
    # A shaken colour is the same colour.
    assert rows["still"][0] == rows["shaken"][0]
    assert rows["shaken"][1].startswith("+0.0 points")


def test_camera_benchmark_reads_the_names_and_scores_what_can_be_told(tmp_path):
    for name in ("a/x_cm_np1.mp4", "b/y-nm-np1.mp4", "b/other.mp4"):
        write_numbered(tmp_path / name, 12)
    printed = run("camera", str(tmp_path), "--still", str(tmp_path))
    assert "whole clip: 2 clips, 2 not told; scores need" in printed
    assert "still, shake 0.06: moving 0 of 3" in printed


def test_camera_benchmark_scores():
    moves = np.array([True, True, True, False, False, False])
    motions = np.array([0.01, 0.02, np.nan, 0.0001, 0.0002, 0.03])
    said = describe(moves, motions, np.array(list("ababab")))
    assert said.startswith("6 clips, 1 not told; AUROC 0.667; by 0.0015: accuracy 0.800, ")
    assert "moving found 1.000, still taken for moving 0.333" in said
    assert choose_threshold(moves[[0, 1, 3, 4]], motions[[0, 1, 3, 4]]) == 0.01


@pytest.mark.slow
def test_live_benchmark_plays_videos_and_compares_their_labels(tmp_path):
    brightness_recognizer().save(tmp_path / "model")
    for name, grey in (("dark", 30), ("bright", 225)):
        write_video(tmp_path / f"{name}.mp4", [np.full((48, 64, 3), grey, np.uint8)] * 30, fps=20)
    videos = [str(tmp_path / f"{name}.mp4") for name in ("dark", "bright")]
    rows = table_of(run("live", str(tmp_path / "model"), *videos))
    assert float(rows["pictures a second that came"][0]) > 10
    assert float(rows["answers a second"][0]) > 0
    assert rows["2"][0] == "100.0%"
