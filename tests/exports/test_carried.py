"""The code that an export carries: what is reached, as it is written, and nothing else."""

import subprocess
import sys

import numpy as np
import pytest

from har.exports.carried import carry_code
from har.pose.joints import ANGLES


def run(code: str, folder) -> str:
    """Return what a program says that finds the carried code alone."""
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, env={}, check=True
    )
    return result.stdout.strip()


def test_carry_code_carries_what_is_needed_and_nothing_else(tmp_path):
    carry_code({"show_streams": "har.clips.streams.show_streams"}, tmp_path / "steps")
    files = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.py")}
    assert files == {f"steps/{name}.py" for name in ("__init__", "clips/streams", "clips/camera")}
    camera = (tmp_path / "steps" / "clips" / "camera.py").read_text(encoding="utf-8")
    assert "def camera_motion" in camera
    assert "def measure_camera" not in camera
    assert "import math" not in camera
    assert (
        "RANSAC_PIXELS = 1.0  # a corner moves as the camera says if it is no farther off" in camera
    )


def test_carried_code_runs_without_the_package(tmp_path):
    carry_code({"even_indices": "har.clips.clip.even_indices"}, tmp_path / "steps")
    code = "from steps import even_indices; print(even_indices(30, 4))"
    assert run(code, tmp_path) == "[ 0 10 19 29]"


def test_carry_code_keeps_all_that_makes_up_a_constant(tmp_path):
    carry_code({"pose_features": "har.pose.landmarks.pose_features"}, tmp_path / "steps")
    code = "from steps.pose.joints import ANGLES; print(len(ANGLES))"
    assert run(code, tmp_path) == str(len(ANGLES)) == "8"
    landmarks = (tmp_path / "steps" / "pose" / "landmarks.py").read_text(encoding="utf-8")
    assert "view_landmarks" not in landmarks


def test_carry_code_refuses_what_is_not_there(tmp_path):
    with pytest.raises(ValueError, match=r"har\.clips\.clip has no odd_indices"):
        carry_code({"odd_indices": "har.clips.clip.odd_indices"}, tmp_path)
    assert np.array_equal(list(tmp_path.iterdir()), [])
