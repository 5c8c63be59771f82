"""The benchmarks run; what they measure is for people to read (docs/benchmarks.md)."""

import subprocess
import sys

import pytest
from places import ROOT


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


@pytest.mark.parametrize("name", ["accuracy", "cnn3d", "scale"])
def test_benchmark_explains_itself(name):
    assert f"python -m benchmarks.{name}" in run(name, "--help")
