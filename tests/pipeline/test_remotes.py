"""A team: results and experiments that one computer shares by DVC and another one takes."""

import pytest
from team import clone_published, publish
from tiny_project import ran_stages

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def shared(project, tmp_path_factory):
    """A bare git repository and a folder as DVC's remote, to which a project was pushed."""
    folder = tmp_path_factory.mktemp("shared")
    publish(project, folder, str(folder / "data"))
    return folder


@pytest.fixture
def clone(shared, tmp_path):
    """What another person gets from the two, in another folder."""
    return clone_published(shared, tmp_path / "of a colleague")


def test_clone_that_pulls_has_all_and_reruns_nothing(project, clone):
    clone.run("dvc", "pull", "--quiet")
    assert ran_stages(clone.run("dvc", "repro")) == []
    assert clone.hashes() == project.hashes()
    assert clone.metrics() == project.metrics()
    assert (clone.folder / "models" / "mobilenet_lstm" / "model.tflite").is_file()
    assert clone.run("git", "status", "--porcelain") == ""


def test_clone_with_one_more_setting_reruns_what_depends_on_it(clone):
    clone.run("dvc", "pull", "--quiet")
    clone.set_params({"evaluate": {"num_bootstrap": 60}})
    assert ran_stages(clone.run("dvc", "repro")) == ["settings", "evaluate"]


def test_experiment_is_pushed_and_pulled_with_its_model(project, clone):
    change = "models.mobilenet_lstm.epochs=2"
    project.run("dvc", "exp", "run", "--quiet", "--name", "short", "--set-param", change)
    project.run("dvc", "exp", "push", "--quiet", "origin", "short")
    assert "short" in clone.run("dvc", "exp", "list", "origin", "--name-only")
    clone.run("dvc", "exp", "pull", "--quiet", "origin", "short")
    clone.run("dvc", "exp", "apply", "short")
    assert "epochs: 2" in (clone.folder / "params.yaml").read_text()
    assert clone.metrics() == project.metrics()
    assert ran_stages(clone.run("dvc", "repro")) == []
