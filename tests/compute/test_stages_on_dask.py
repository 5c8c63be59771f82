"""Stages and the folds of `crossval` by workers of Dask: the same bytes, and nothing rebuilt."""

import subprocess
import sys

import pandas as pd
import pytest
from dask_cluster import wait_until
from tiny_project import environment, make_project, ran_stages

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def on_dask(cluster, tmp_path_factory):
    """A project whose stages run by Dask up to the features, while a worker is killed."""
    project = make_damaged(tmp_path_factory.mktemp("on_dask"), cluster.address)
    with subprocess.Popen(
        ["dvc", "repro", "features"],
        cwd=project.folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        runs = project.folder / ".har" / "compute"
        wait_until(lambda: list(runs.glob("*/*")))  # an item has begun
        cluster.workers()[0].kill()
        printed = process.communicate()[0]
    assert process.returncode == 0, printed
    return project


def make_damaged(folder, address):
    """Make a project with a video that ends too early and one that is none."""
    project = make_project(folder)
    video = project.folder / "data" / "videos" / "still" / "p0_1.mp4"
    video.write_bytes(video.read_bytes()[:-400])
    (video.parent / "p0_2.mp4").write_text("no video")
    changes = {"dataset": {"max_failed_fraction": 0.2}}
    if address:
        changes["compute"] = {"engine": "dask", "address": address}
    project.set_params(changes)
    project.run("dvc", "add", "--quiet", "data/videos")
    project.run("git", "add", "--all")
    return project


def test_stages_make_the_same_bytes_and_report(on_dask, tmp_path):
    local = make_damaged(tmp_path, None)
    local.run("dvc", "repro", "features")
    assert on_dask.hashes() == local.hashes()
    assert "data/features" in local.hashes()
    report = pd.read_csv(local.folder / "data" / "converted_videos" / "report.csv")
    assert (report["status"] == "failed").sum() >= 1


def test_another_place_rebuilds_nothing(on_dask):
    on_dask.set_params({"compute": {"engine": "local", "address": None}})
    try:
        assert ran_stages(on_dask.run("dvc", "repro", "features")) == []
    finally:
        on_dask.run("git", "checkout", "params.yaml")


def test_folds_run_there_and_are_found_again_from_another_place(on_dask):
    identity = ["-c", "user.name=Test", "-c", "user.email=test@localhost"]
    on_dask.run("git", *identity, "commit", "--quiet", "--message", "By Dask")
    command = [sys.executable, "-m", "har", "crossval", "--folds", "3"]
    assert "Mean of the 3 folds" in on_dask.run(*command)
    logs = sorted(on_dask.folder.glob("crossval/*/logs/*"))
    assert [ran_stages(log.read_text())[-1] for log in logs] == ["evaluate"] * 3
    on_dask.set_params({"compute": {"engine": "local", "address": None}})
    assert on_dask.run(*command).count("there before") == 3
