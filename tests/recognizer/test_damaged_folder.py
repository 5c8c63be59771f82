"""A model's folder of which a file is damaged: one message that names the file and the command."""

import io
import json
import re
import shutil
import zipfile

import h5py
import numpy as np
import pytest
from damage import flip_bit
from hostile_networks import write_loop
from tiny_recognizers import LABELS, NUM_FRAMES, SIZE, write_tiny

from har.integrity.digests import read_digests, write_digests
from har.integrity.outputs import find_damaged_outputs
from har.recognizer.recognizer import load_recognizer, load_trained

NETWORKS = ("backbone", "pose_detector", "pose_landmarks")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The folder of an untrained model."""
    folder = tmp_path_factory.mktemp("models") / "cnn3d"
    write_tiny("frames", folder)
    return folder


@pytest.fixture
def folder(whole, tmp_path, monkeypatch):
    """A copy of it, in a project of its own."""
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    return shutil.copytree(whole, tmp_path / "models" / "cnn3d")


def test_whole_folder_is_loaded(folder):
    assert load_recognizer(folder).labels == LABELS
    assert load_trained(folder).output_shape[-1] == len(LABELS)
    assert list(find_damaged_outputs(models=folder.parent)) == []


@pytest.mark.parametrize(
    "name", ["model.tflite", "labels.json", "preprocessing.json", "params.json", "model.keras"]
)
def test_changed_file_is_named_with_the_command(folder, name):
    flip_bit(folder / name, in_silence=True)
    before = (folder / name).stat().st_mtime
    load = load_trained if name == "model.keras" else load_recognizer
    with pytest.raises(ValueError, match=rf"{name} is damaged.*`make repro`"):
        load(folder)
    assert list(find_damaged_outputs(models=folder.parent)) == [folder / name]
    assert (folder / name).stat().st_mtime > before  # DVC looks at it again


def test_reordered_labels_are_refused(folder):
    (folder / "labels.json").write_text(json.dumps(LABELS[::-1]))
    with pytest.raises(ValueError, match=r"labels\.json is damaged, or of another model"):
        load_recognizer(folder)


@pytest.mark.parametrize("content", [b"", b"{", b'["a", "\xff"]'])
@pytest.mark.parametrize("name", ["labels", "preprocessing", "params"])
def test_torn_json_of_a_folder_without_digests_is_named(folder, name, content):
    (folder / "digests.json").unlink()  # as of a model made before there were any
    (folder / f"{name}.json").write_bytes(content)
    with pytest.raises(ValueError, match=rf"{name}\.json is damaged.*`make repro`"):
        load_recognizer(folder)


@pytest.mark.parametrize("keep", [0, 1000, -1000])
@pytest.mark.parametrize("name", ["model", "pose_detector"])
def test_cut_network_of_a_folder_without_digests_is_named(folder, name, keep):
    (folder / "digests.json").unlink()
    described = json.loads((folder / "preprocessing.json").read_text())
    (folder / "preprocessing.json").write_text(json.dumps(described | {"streams": ["pose"]}))
    for other in NETWORKS:  # which open, and are not used
        shutil.copy(folder / "model.tflite", folder / f"{other}.tflite")
    path = folder / f"{name}.tflite"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ValueError, match=rf"{path} is damaged.*`make repro`"):
        load_recognizer(folder)


def test_torn_digests_are_named(folder):
    (folder / "digests.json").write_text("{")
    with pytest.raises(ValueError, match=r"digests\.json is damaged.*`make repro`"):
        load_recognizer(folder)
    assert list(find_damaged_outputs(models=folder.parent)) == [folder / "digests.json"]


def test_one_label_too_many_is_said(folder):
    (folder / "digests.json").unlink()
    (folder / "labels.json").write_text(json.dumps([*LABELS, "more"]))
    clip = np.zeros((NUM_FRAMES, SIZE, SIZE, 3), np.uint8)
    with pytest.raises(ValueError, match="4 labels, and the network beside it answers with 3"):
        load_recognizer(folder).predict(clip)


def change(path, **changes):
    """Change a JSON file of a folder as somebody does who means harm: the digests are right."""
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    write_digests(path.parent, read_digests(path.parent))


@pytest.mark.parametrize(
    ("name", "changes", "said"),
    [
        ("preprocessing", {"size": 10**400}, "size is 1000.*expected a whole number from 1 to"),
        ("preprocessing", {"size": 9000, "num_frames": 9000}, "a clip of .* has 2.19e.03 GB"),
        ("preprocessing", {"model_frames": 1e300}, "model_frames is 1e"),
        ("preprocessing", {"streams": None}, "streams is null; expected a list"),
        ("params", {"temperature": "hot"}, "temperature is the text 'hot'"),
    ],
    ids=["digits", "clip", "frames", "streams", "temperature"],
)
def test_description_out_of_range_is_refused_though_its_digest_is_right(
    folder, name, changes, said
):
    change(folder / f"{name}.json", **changes)
    with pytest.raises(ValueError, match=rf"{name}\.json is damaged: .*{said}"):
        load_recognizer(folder)


def test_labels_that_are_no_list_are_refused(folder):
    (folder / "digests.json").unlink()
    (folder / "labels.json").write_text('{"0": "a"}')
    with pytest.raises(ValueError, match=r"labels\.json is damaged: labels is"):
        load_recognizer(folder)


def test_network_that_crashes_whoever_opens_it_is_refused_though_its_digest_is_right(folder):
    write_loop(folder / "model.tflite", of_itself=True)
    write_digests(folder, read_digests(folder))
    with pytest.raises(ValueError, match=r"model\.tflite is damaged or too large.*`make repro`"):
        load_recognizer(folder)


@pytest.mark.slow  # for ten seconds TensorFlow asks for the memory again and again
def test_layers_of_gigabytes_are_refused_though_their_digest_is_right(folder):
    path = folder / "model.keras"
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    config = members["config.json"].decode()
    members["config.json"] = re.sub(r'"units": \d+', '"units": 10000000000', config)
    assert members["config.json"] != config
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    write_digests(folder, read_digests(folder))
    with pytest.raises(ValueError, match=r"model\.keras is damaged or too large: within 3"):
        load_trained(folder)


def test_weights_that_unpack_to_gigabytes_are_refused_though_their_digest_is_right(folder):
    path, weights = folder / "model.keras", io.BytesIO()
    with h5py.File(weights, "w") as file:
        file.create_dataset("a", (10**9,), "f4", chunks=(10**6,), compression="gzip")
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in (members | {"model.weights.h5": weights.getvalue()}).items():
            archive.writestr(name, content)
    write_digests(folder, read_digests(folder))
    with pytest.raises(ValueError, match=r"model\.keras has weights that are compressed"):
        load_trained(folder)
