"""MLflow's artifacts are found where the project lies, wherever that is."""

import shutil
import sqlite3

import mlflow
import pytest

from har.tracking.connection import connect, explained_errors
from har.tracking.locations import artifacts_found
from har.tracking.registry import read_run_predictions
from har.tracking.runs import log_files, open_run

PARAMS = {"models": {"tiny": {}}}
LOCATIONS = {
    "experiments": "artifact_location",
    "runs": "artifact_uri",
    "logged_models": "artifact_location",
    "model_versions": "storage_location",
}


class Echo(mlflow.pyfunc.PythonModel):
    """Returns what it is given."""

    def predict(self, context, model_input, params=None):
        return model_input


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A project with a run that has a table and a registered model; its folder and the run."""
    folder = tmp_path_factory.mktemp("made") / "first place"
    folder.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        client = connect(folder)
    run_id = open_run(client, model="tiny", fingerprint="f", params=PARAMS)
    table = folder / "predictions.csv"
    table.write_text("video_id\n")
    log_files(client, run_id, [table])
    with artifacts_found(), mlflow.start_run(run_id=run_id):
        mlflow.pyfunc.log_model(
            name="model", python_model=Echo(), pip_requirements=[], registered_model_name="har"
        )
    return folder, run_id


def places(folder):
    """Return all that the database says about places."""
    with sqlite3.connect(folder / "mlflow.db") as database:
        return [
            place
            for table, column in LOCATIONS.items()
            for (place,) in database.execute(f"SELECT {column} FROM {table}")  # noqa: S608
        ]


def make_absolute(folder):
    """Let the database name its places as MLflow does by itself."""
    with sqlite3.connect(folder / "mlflow.db") as database:
        for table, column in LOCATIONS.items():
            query = f"UPDATE {table} SET {column} = ? || {column}"  # noqa: S608
            database.execute(query, (f"{folder.as_uri()}/",))


def test_no_location_depends_on_where_the_project_lies(made):
    found = places(made[0])
    assert len(found) == 5  # `har` and MLflow's own experiment, the run, the model, its version
    assert all(place.startswith("mlruns") for place in found)


def test_a_renamed_project_has_its_models(made, tmp_path, monkeypatch):
    folder = shutil.copytree(made[0], tmp_path / "renamed")
    client = connect(folder)
    monkeypatch.chdir(tmp_path)  # as DVC does for an experiment in a copy
    assert read_run_predictions(client, made[1]) == "video_id\n"
    with artifacts_found():
        assert mlflow.pyfunc.load_model("models:/har/1").predict(["x"]) == ["x"]


def test_a_copy_of_an_old_project_leaves_that_alone(made, tmp_path, capsys):
    old, copy = tmp_path / "old place", tmp_path / "copy"
    shutil.copytree(made[0], old)
    make_absolute(old)
    shutil.copytree(old, copy)
    files = sorted(old.rglob("*"))
    client = connect(copy)
    said = capsys.readouterr().out
    assert said == (
        "mlflow.db: artifacts are looked for in mlruns/ of this project, no longer in "
        f"{old.as_uri()}/mlruns\n"
    )
    assert places(copy) == places(made[0])
    run_id = open_run(client, model="tiny", fingerprint="g", params=PARAMS)
    log_files(client, run_id, [copy / "predictions.csv"])
    assert sorted(old.rglob("*")) == files
    assert read_run_predictions(client, made[1]) == "video_id\n"  # that of the old run
    assert (copy / "mlruns" / run_id / "artifacts" / "predictions.csv").is_file()
    connect(copy)
    assert not capsys.readouterr().out  # said once


def test_a_place_that_the_user_chose_stays(made, tmp_path):
    folder = shutil.copytree(made[0], tmp_path / "project")
    with sqlite3.connect(folder / "mlflow.db") as database:
        database.execute("UPDATE experiments SET artifact_location = 's3://ours/mlruns'")
    connect(folder)
    assert places(folder)[:2] == ["s3://ours/mlruns"] * 2


@pytest.mark.parametrize("required", [True, False])
def test_artifacts_that_cannot_be_written_are_explained(made, tmp_path, required, capsys):
    folder = shutil.copytree(made[0], tmp_path / "project")
    client = connect(folder)
    run_id = open_run(client, model="tiny", fingerprint="h", params=PARAMS)
    shutil.rmtree(folder / "mlruns")
    (folder / "mlruns").write_text("a file where the folder should be")

    def log():
        with explained_errors(required=required):
            log_files(client, run_id, [folder / "predictions.csv"])

    if required:
        with pytest.raises(ValueError, match=r"Not a directory.*Then run the same command again"):
            log()
    else:
        log()
        assert "It goes on without (tracking.required is false)" in capsys.readouterr().out


def test_a_folder_of_another_user_is_explained():
    message = r"Permission denied: 'mlruns/x'.*`chmod -R u\+rwX mlflow.db mlruns .har` or by their"
    with pytest.raises(ValueError, match=message), explained_errors(required=True):
        raise PermissionError(13, "Permission denied", "mlruns/x")


def test_the_own_database_is_known_by_any_name(made, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///mlflow.db")
    connect(made[0])
    assert mlflow.get_tracking_uri() == f"sqlite:///{made[0].resolve() / 'mlflow.db'}"
    assert not (tmp_path / "mlflow.db").exists()
