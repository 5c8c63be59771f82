"""A finished run as its files, made without any training."""

import functools
import json
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import yaml

from har.engine.cache import file_digest
from har.engine.runtime import keras
from har.evaluation.scores import evaluate, score_classes
from har.models.contract import build_model
from har.pages.finished_run import FILES, SKELETONS
from har.recognizer.recognizer import Recognizer, save_trained

LABELS = ["<script>alert(1)", "a&b|c", "sit*down*"]
ODD_VIDEO = 'a&b|c/it\'s "p5" <b>'
SIZE, NUM_FRAMES, MODEL_FRAMES = 32, 10, 8
SPLIT_OF = {"p0": "train", "p1": "train", "p2": "train", "p3": "val", "p4": "test", "p5": "test"}


@functools.cache
def make_recognizer(seed: int) -> tuple[keras.Model, Recognizer]:
    keras.utils.set_random_seed(seed)
    settings = {"dropout": 0.3, "batch_norm_momentum": 0.9, "stream": "frames"}
    model = build_model(
        "cnn3d", num_classes=len(LABELS), num_frames=MODEL_FRAMES, frame_size=SIZE
    )  # fmt: skip
    last = model.layers[-1]  # untrained, it would say nearly the same of every clip
    last.set_weights([100 * weights for weights in last.get_weights()])
    made_by = {
        "model": "cnn3d", "settings": settings, "downsample": {"method": "downsample"},
        "fingerprint": "0123456789abcdef", "temperature": 1.5, "trained_on": ["train"],
        "unsure_below": 0.4, "none_label": None,
    }  # fmt: skip
    preprocessing = {
        "max_side": 64, "num_frames": NUM_FRAMES, "size": SIZE, "aspect": "pad",
        "model_frames": MODEL_FRAMES,
        "streams": ["frames"], "context": 1.0,
    }  # fmt: skip
    return model, Recognizer.of_model(model, LABELS, preprocessing, made_by)


def list_videos() -> pd.DataFrame:
    rows = []
    for label in LABELS:
        for subject, split in SPLIT_OF.items():
            video_id = f"{label}/{subject}"
            if label == LABELS[1] and subject == "p5":
                video_id = ODD_VIDEO
            rows.append({"video_id": video_id, "label": label, "subject": subject, "split": split})
    return pd.DataFrame(rows)


def write_json(name: str, content: dict) -> None:
    FILES[name].write_text(json.dumps(content), encoding="utf-8")


def read_json(name: str) -> dict:
    return json.loads(FILES[name].read_text(encoding="utf-8"))


def write_lock(videos: str) -> None:
    convert = {
        "deps": [{"path": videos, "md5": "f00d.dir"}],
        "params": {"params.yaml": {"dataset.videos": videos}},
    }
    FILES["lock"].write_text(yaml.safe_dump({"stages": {"convert": convert}}), encoding="utf-8")


def score(predictions: pd.DataFrame, probabilities: np.ndarray) -> None:
    """Write the predictions and the metrics that belong to them."""
    predictions.to_csv(FILES["predictions"], index=False)
    actual = predictions["label"].map(LABELS.index).to_numpy()
    scores = evaluate(
        probabilities, actual, predictions["subject"].to_numpy(), LABELS,
        num_bootstrap=20, rng=np.random.default_rng(0),
    )  # fmt: skip
    scores["per_class"] = score_classes(actual, probabilities.argmax(axis=1), LABELS)
    baselines = {
        f"{name}{part}": value
        for name, accuracy in (("majority", 0.2), ("single_frame", 0.3), ("pooled_linear", 0.4))
        for part, value in (("", accuracy), ("_low", accuracy / 2), ("_high", accuracy * 2))
    }
    more = {"unsure": 0.25, "accuracy_if_sure": 0.75, "baselines": baselines}
    more |= {"model": "cnn3d", "expected_calibration_error_before": 0.4321}
    write_json("metrics", scores | more)


def predict(recognizer: Recognizer, manifest: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray]:
    test = manifest[manifest["split"] == "test"].reset_index(drop=True)
    probabilities = np.stack([recognizer.predict(np.load(path)) for path in test["path"]])
    predicted = [LABELS[index] for index in probabilities.argmax(axis=1)]
    named = test[["video_id", "subject", "label"]].assign(
        predicted=predicted, probability=probabilities.max(axis=1)
    )
    return named, probabilities


def write_run() -> None:
    """Write what a finished run of random weights leaves, into the current folder."""
    for path in (*FILES.values(), SKELETONS):
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".png":
            cv2.imwrite(str(path), np.full((20, 30, 3), 200, np.uint8))
    model, recognizer = make_recognizer(0)
    recognizer.save(Path("models/cnn3d"))
    save_trained(model, Path("models/cnn3d"))
    rng = np.random.default_rng(0)
    manifest = list_videos()
    manifest["aspect"] = 1.0
    manifest["path"] = [f"data/clips/{number}.npy" for number in range(len(manifest))]
    for path in manifest["path"]:
        np.save(path, rng.integers(0, 256, (NUM_FRAMES, SIZE, SIZE, 3), dtype=np.uint8))
    manifest.to_csv(FILES["manifest"], index=False)
    manifest.to_csv(FILES["balanced"], index=False)
    digests = [file_digest(Path(path)) for path in manifest["path"]]
    clips = manifest[["video_id", "label", "path"]].assign(num_repeated=0, sha256=digests)
    clips.loc[0, "num_repeated"] = 3
    clips.to_csv(FILES["clips"], index=False)
    report = manifest[["video_id", "label", "subject"]].assign(
        source=[f"data/videos/{name}.mov" for name in manifest["video_id"]], status="copied",
        reason="", codec="h264", width=320, height=240, fps=25.0, duration_seconds=2.5,
    )  # fmt: skip
    lost = {"video_id": "x", "source": 'data/videos/<i>"x".mov', "status": "failed"}
    lost |= {"reason": "is empty", "label": LABELS[0]}
    # The same name but for the ending: left out, and it must not be counted as the one that is in.
    same = report.iloc[0].to_dict() | {"status": "ignored", "reason": "same name", "fps": None}
    report = pd.concat([report, pd.DataFrame([lost, same])])
    report.to_csv(FILES["videos"], index=False)
    pd.DataFrame({"video_id": [], "reason": []}).to_csv(FILES["failed_clips"], index=False)
    # A person in every frame, but for the last video; nobody's camera moves, and of one none knows.
    shares = [1.0] * (len(manifest) - 1) + [0.05]
    motions = [0.0002] * (len(manifest) - 1) + [None]
    manifest[["video_id"]].assign(share_found=shares).to_csv(FILES["landmarks"], index=False)
    manifest[["video_id"]].assign(camera_motion=motions).to_csv(FILES["camera"], index=False)
    write_json("split", {"grouped_by": "metadata.csv"})
    write_json(
        "train",
        {
            "model": "cnn3d", "epochs": 7, "best_epoch": 3, "train_accuracy": 0.9,
            "val_accuracy": 0.6, "refit": False, "temperature": 1.5, "seconds_per_epoch": 2.25,
            "parameters": {"total": 12345, "trainable": 1234},
        },
    )  # fmt: skip
    write_json("speed", {"milliseconds_per_clip": 17.3})
    write_lock("data/videos")
    score(*predict(recognizer, manifest))
