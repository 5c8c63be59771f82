"""The benchmarks run; what they measure is for people to read (docs/benchmarks.md)."""

import subprocess
import sys

import numpy as np
import pytest
from places import ROOT
from video_files import write_numbered

from benchmarks.camera import choose_threshold, describe


def run(name: str, *options: str) -> str:
    command = [sys.executable, "-m", f"benchmarks.{name}", *options]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("decode", "har.video.extracting"),
        ("storage", ".npy"),
        ("features", "cached features"),
        ("backbones", "efficientnet_lite0"),
    ],
)
def test_benchmark_prints_its_table_of_tiny_inputs(name, row):
    printed = run(name, "--quick", "--repeats", "1")
    assert f"python -m benchmarks.{name} --quick --repeats 1" in printed
    rows = [line for line in printed.splitlines() if line.startswith("|")]
    assert any(row in line for line in rows), printed


@pytest.mark.parametrize("name", ["accuracy", "camera", "cnn3d", "scale"])
def test_benchmark_explains_itself(name):
    assert f"python -m benchmarks.{name}" in run(name, "--help")


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
