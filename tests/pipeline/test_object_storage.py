"""A DVC remote in a bucket: what one computer pushes another one pulls."""

import pytest
from team import clone_published, publish
from tiny_project import ran_stages

pytestmark = pytest.mark.slow


def test_results_and_experiments_go_to_a_bucket_and_come_back(s3, project, tmp_path):
    s3.make_bucket("team")
    publish(project, tmp_path, "s3://team/har", f"endpointurl={s3.url}")
    change = "evaluate.num_bootstrap=60"  # its training is that of `project`
    project.run("dvc", "exp", "run", "--quiet", "--name", "short", "--set-param", change)
    project.run("dvc", "exp", "push", "--quiet", "origin", "short")

    clone = clone_published(tmp_path, tmp_path / "of a colleague")
    before = clone.hashes()
    clone.run("dvc", "pull", "--quiet")
    assert ran_stages(clone.run("dvc", "repro")) == []
    assert clone.hashes() == before
    assert (clone.folder / "models" / "mobilenet_lstm" / "model.tflite").is_file()
    assert clone.run("git", "status", "--porcelain") == ""

    clone.run("dvc", "exp", "pull", "--quiet", "origin", "short")
    clone.run("dvc", "exp", "apply", "short")
    assert "num_bootstrap: 60" in (clone.folder / "params.yaml").read_text()
    assert clone.metrics() == project.metrics()
    assert ran_stages(clone.run("dvc", "repro")) == []
