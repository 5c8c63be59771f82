"""`har export`: the folder is whole, says what the recognizer says, and runs by itself."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from command_line import run
from damage import flip_bit
from drawn_people import whole_people
from tiny_recognizers import KINDS, LABELS, NUM_FRAMES, SIZE, write_tiny

import har.exports.agreement
from har.demo import draw_frames
from har.engine.cache import file_digest
from har.exports.folder import load_exported
from har.recognizer.recognizer import load_recognizer
from har.video.writing import write_video

# What the script may import: its packages and what these bring along, and the standard library.
ALLOWED = {"numpy", "cv2", "av", "ai_edge_litert", "flatbuffers", "google", "tqdm", "ml_dtypes"}
MORE = {"litert": set(), "onnx": {"onnxruntime"}}
ISOLATED = """
import runpy, sys
allowed = {allowed!r} and {{*{allowed!r}, *sys.stdlib_module_names, "steps"}}
class Guard:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top in ("har", "stages") or allowed and top not in allowed:
            raise ModuleNotFoundError(f"the script imports {{name}}")
sys.meta_path.insert(0, Guard())
script, sys.argv = sys.argv[1], sys.argv[1:]
sys.path.insert(0, script.rpartition("/")[0])
runpy.run_path(script, run_name="__main__")
"""


def run_script(folder: Path, *arguments: object, allowed=frozenset(ALLOWED)):
    """Run the script of an export without the project and, if some are named, other packages."""
    code = ISOLATED.format(allowed=sorted(allowed or ()))
    command = [sys.executable, "-I", "-c", code, str(folder / "predict.py"), *map(str, arguments)]
    return subprocess.run(
        command, cwd=folder.anchor, capture_output=True, text=True, env={}, check=False
    )


@pytest.fixture(autouse=True)
def _draw_few(monkeypatch):
    monkeypatch.setattr("har.exports.clips.NUM_DRAWN", 1)


@pytest.fixture(scope="module")
def videos(tmp_path_factory) -> list[Path]:
    """Two videos of a drawn person."""
    folder = tmp_path_factory.mktemp("videos")
    for label in ("sitting", "waving"):
        video = next(whole_people(label))
        frames = [frame for frame, _ in zip(draw_frames(video), range(20), strict=False)]
        write_video(folder / f"{label}.mp4", frames, fps=15)
    return sorted(folder.iterdir())


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    for kind in KINDS:
        write_tiny(kind, folder / kind)
    return folder


@pytest.fixture(scope="module")
def known() -> dict[str, list[str]]:
    """What `predict` has said, by the kind of model."""
    return {}


@pytest.fixture
def predict(known, models, videos, project, capsys) -> Callable[[str], list[str]]:
    """Return what `har predict` says of the videos; a kind of model is asked once."""

    def ask(kind: str) -> list[str]:
        if kind not in known:
            names = [str(video) for video in videos]
            code, out, err = run("predict", *names, "--model", str(models / kind), capsys=capsys)
            assert code == 0, err
            known[kind] = out.splitlines()[: len(videos)]
        return known[kind]

    return ask


@pytest.mark.parametrize(
    ("kind", "file_format"),
    [*((kind, "litert") for kind in KINDS), ("all", "onnx"), ("frames", "onnx")],
)
def test_script_of_an_export_says_what_predict_says_without_the_project(
    kind, file_format, models, videos, predict, project, capsys
):
    arguments = ["--model", str(models / kind), "--format", file_format]
    code, out, err = run("export", *arguments, capsys=capsys)
    assert code == 0, err
    folder = project / "exports" / f"{kind}-{file_format}"
    least = r"0\.0e\+00" if file_format == "litert" else r"\d\.\de-0\d"
    assert re.match(rf"exports/{folder.name}: [\d.]+ MB\non 1 drawn clips: .* {least}, ", out)
    assert "labels that change 0" in out
    ending = {"litert": "tflite"}.get(file_format, file_format)
    assert {path.name for path in folder.glob("model.*")} == {f"model.{ending}"}
    assert len((folder / "predict.py").read_text(encoding="utf-8").splitlines()) <= 40
    assert not list(folder.rglob("*.pyc"))
    said = run_script(folder, *videos, allowed={*ALLOWED, *MORE[file_format]})
    assert said.returncode == 0, said.stderr
    assert said.stdout.splitlines() == predict(kind)


@pytest.mark.parametrize(
    ("kind", "file_format"),
    [("all", "keras"), ("frames", "savedmodel"), ("pictures", "savedmodel")],
)
def test_export_for_keras_says_the_same(
    kind, file_format, models, videos, predict, project, capsys
):
    arguments = ["export", "--model", str(models / kind), "--format", file_format]
    code, out, err = run(*arguments, capsys=capsys)
    assert code == 0, err
    assert "labels that change 0" in out
    folder = project / "exports" / f"{kind}-{file_format}"
    networks = {path.name for path in folder.glob("model*")}
    assert networks == {"model.keras" if file_format == "keras" else "model"}
    said = run_script(folder, *videos, allowed=None)
    assert said.returncode == 0, said.stderr
    assert said.stdout.splitlines() == predict(kind)


def test_onnx_export_names_what_onnx_lacks():
    from har.engine.runtime import tf
    from har.exports.onnx_conversion import convert_to_onnx

    @tf.function(input_signature=[tf.TensorSpec((1, 4))])
    def bits(x):
        return tf.bitcast(x, tf.int32)

    converter = tf.lite.TFLiteConverter.from_concrete_functions([bits.get_concrete_function()])
    expected = "model could not be converted to ONNX, which lacks BITCAST. Export it to another"
    with pytest.raises(ValueError, match=expected):
        convert_to_onnx(converter.convert(), "model")


def test_quantize_goes_with_litert(models, project, capsys):
    arguments = ["--model", str(models / "pose"), "--format", "keras", "--quantize", "int8"]
    code, _, err = run("export", *arguments, capsys=capsys)
    assert code == 2
    assert "goes with --format litert alone" in err


def test_readme_and_requirements_are_of_the_export(models, project, capsys):
    run("export", "--model", str(models / "pose"), "--out", "out", capsys=capsys)
    readme = Path("out/README.txt").read_text(encoding="utf-8")
    assert "$" not in readme
    assert "none, sitting, waving" in readme
    assert "pose_landmarks.tflite" in readme
    assert "backbone.tflite" not in readme
    needed = Path("out/requirements.txt").read_text(encoding="utf-8")
    assert re.findall(r"^[\w-]+(?===)", needed, re.MULTILINE) == [
        "numpy", "opencv-python", "av", "ai-edge-litert",
    ]  # fmt: skip


def test_script_names_a_video_that_fails_and_goes_on(models, videos, project, capsys):
    run("export", "--model", str(models / "frames"), "--out", "out", capsys=capsys)
    Path("broken.mp4").write_text("no video")
    long = Path("long.mp4").resolve()
    write_video(long, [np.zeros((48, 64, 3), np.uint8)] * 60, fps=15)
    said = run_script(Path("out").resolve(), Path("broken.mp4").resolve(), long, videos[0])
    assert said.returncode == 1
    assert len(said.stdout.splitlines()) == 1
    assert "broken.mp4" in said.stderr
    assert "long.mp4 is 4.0 s long, a clip at most 2.5 s; cut it." in said.stderr


def write_test_clips(project: Path) -> None:
    """Write the table and clips of a project that has test videos."""
    rng, rows = np.random.default_rng(0), []
    (project / "data" / "clips").mkdir(parents=True)
    (project / "data" / "split").mkdir(parents=True)
    (project / "data" / "downsample").mkdir(parents=True)
    for number in range(6):
        path = f"data/clips/{number}.npy"
        np.save(path, rng.integers(0, 256, (NUM_FRAMES, SIZE, SIZE, 3), np.uint8))
        person, digest = f"p{number // 3}", file_digest(Path(path))
        rows.append([str(number), path, LABELS[number % 3], person, "test", 1.0, digest])
    names = ["video_id", "path", "label", "subject", "split", "aspect", "sha256"]
    table = pd.DataFrame(rows, columns=names)
    table.to_csv("data/clips/clips.csv", index=False)
    table.to_csv("data/split/manifest.csv", index=False)
    table.assign(split="train").to_csv("data/downsample/manifest.csv", index=False)


def test_export_is_compared_on_the_test_clips_of_the_project(models, project, capsys):
    write_test_clips(project)
    code, out, err = run("export", "--model", str(models / "frames"), capsys=capsys)
    assert code == 0, err
    assert "on 6 test clips: largest difference of a probability 0.0e+00" in out
    # Of four clips of actions.
    shown = re.findall(r"(\w+) (\d+) %, 95 % interval (\d+) % to (\d+) %", out)
    assert [name for name, *_ in shown] == ["recognizer", "export"]
    assert all(int(low) <= int(value) <= int(high) for _, value, low, high in shown)
    code, out, _ = run("export", "--model", str(models / "frames"), "--json", capsys=capsys)
    told = json.loads(out)
    assert (told["folder"], told["clips"]) == ("exports/frames-litert", "6 test clips")
    assert (told["difference"], told["num_changed"]) == (0, 0)
    accuracies = [round(100 * one["accuracy"]) for one in told["accuracies"].values()]
    assert accuracies == [int(value) for _, value, *_ in shown]


def test_export_refuses_to_compare_on_damaged_clips(models, project, capsys):
    write_test_clips(project)
    flip_bit(project / "data" / "clips" / "3.npy", in_silence=True)
    code, _, err = run("export", "--model", str(models / "frames"), capsys=capsys)
    assert code == 1
    assert "error: data/clips/3.npy is damaged" in err
    assert "`make repro`" in err
    assert not (project / "exports").exists()


@pytest.mark.parametrize(("kind", "how", "share"), [
    ("frames", "float16", 0.51), ("frames", "int8", 0.35), ("pictures", "int8", 0.35),
])  # fmt: skip
def test_quantized_export_is_smaller_and_runs(kind, how, share, models, videos, project, capsys):
    write_test_clips(project)
    arguments = ["export", "--model", str(models / kind), "--quantize", how]
    code, out, err = run(*arguments, capsys=capsys)
    assert code == 0, err
    assert "on 6 test clips" in out
    if how == "float16":
        assert 0 < difference_in(out) < 0.05
    before, after = models / kind, project / "exports" / f"{kind}-litert-{how}"
    sizes = [sum(file.stat().st_size for file in one.glob("*.tflite")) for one in (before, after)]
    assert sizes[1] < share * sizes[0]
    said = run_script(after, *videos)
    assert len(said.stdout.splitlines()) == 2, said.stderr


def difference_in(printed: str) -> float:
    return float(re.search("of a probability (.*?),", printed)[1])


def test_quantized_export_of_the_pose_says_nearly_the_same(models, project, capsys):
    arguments = ["--model", str(models / "pose"), "--quantize", "int8"]
    code, out, err = run("export", *arguments, capsys=capsys)
    assert code == 0, err
    assert 0 < difference_in(out) < 0.1


def test_int8_of_pictures_asks_for_training_clips(models, project, capsys):
    arguments = ["export", "--model", str(models / "frames"), "--quantize", "int8"]
    code, _, err = run(*arguments, capsys=capsys)
    assert code == 1
    assert "int8 is calibrated on training clips, and there are none of this model here." in err


def test_quantized_export_asks_for_what_was_trained(models, project, capsys):
    model = Path(shutil.copytree(models / "pose", "model"))
    (model / "model.keras").unlink()
    code, _, err = run("export", "--model", "model", "--quantize", "float16", capsys=capsys)
    assert code == 1
    assert "model has no model.keras, of which --quantize float16 is made." in err


def test_export_that_differs_is_not_written(models, project, capsys, monkeypatch):
    monkeypatch.setattr("har.exports.writing.MAX_DIFFERENCE", -1.0)
    code, _, err = run("export", "--model", str(models / "frames"), capsys=capsys)
    assert code == 1
    assert "The export differs from the model: on 1 drawn clips: largest difference" in err
    assert list(Path("exports").iterdir()) == []


def test_export_replaces_an_export_and_nothing_else(models, project, capsys):
    Path("out").mkdir()
    Path("out/mine.txt").write_text("mine")
    arguments = ["export", "--model", str(models / "frames"), "--out"]
    code, _, err = run(*arguments, "out", capsys=capsys)
    assert (code, Path("out/mine.txt").read_text()) == (1, "mine")
    assert "out is no export and not empty. Name another folder with --out." in err
    for _ in range(2):
        assert run(*arguments, "new", capsys=capsys)[0] == 0
    assert load_exported(Path("new")).labels == LABELS


def test_compare_on_clips_counts_labels_that_change(models):
    recognizer = load_recognizer(models / "frames")
    clips = har.exports.agreement.Clips("clips", None, ((clip_of(0), 1.0), (clip_of(200), 1.0)))

    class Other:
        labels, none_label = recognizer.labels, None

        def predict(self, clip, *, aspect):
            return np.roll(recognizer.predict(clip, aspect=aspect), 1)

    found = har.exports.agreement.compare_on_clips(
        recognizer, Other(), clips, num_bootstrap=10, seed=0
    )
    assert found.agreement.num_changed == 2
    assert found.agreement.difference > 0.1
    assert found.accuracies == ()


def clip_of(brightness: int) -> np.ndarray:
    return np.full((NUM_FRAMES, SIZE, SIZE, 3), brightness, np.uint8)
