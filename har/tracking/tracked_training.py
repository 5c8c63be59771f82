"""From the tables of the pipeline to a recognizer, with the curves shown in MLflow meanwhile."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd

from har.dataset.none_label import find_none_label
from har.dataset.tables import check_named_files, read_table
from har.engine.code import code_digest
from har.engine.repository import project_root
from har.models.contract import FeatureSettings
from har.recognizer.making import (
    count_all_parameters,
    describe_preprocessing,
    make_recognizer,
)
from har.recognizer.recognizer import save_trained
from har.settings import Settings
from har.tracking.connection import connect, explained_errors
from har.tracking.runs import HistoryMirror, ended_run, open_run, resume_run
from har.training.calibration import fold_temperature
from har.training.checkpoints import is_whole
from har.training.devices import is_chief
from har.training.examples import read_examples
from har.training.fit import Trained, fit, second_checkpoint, trained_on
from har.training.loop import Progress, fingerprint
from har.training.threshold import fit_confidence

# The sections of params.yaml that decide the weights, beside the model's own settings.
DECIDING = ("seed", "downsample", "augment", "drawn", "backbone", "train")
# What makes a recognizer of the tables; what it imports counts too.
CODE = ("har.training.fit", "har.training.calibration", "har.training.threshold")
CODE += ("har.recognizer.making",)


@dataclass(frozen=True)
class Tables:
    """What a training reads: the tables that the stages before it have written.

    Attributes:
        manifest: One row a video, balanced, with its split.
        clips: Where the clips are.
        views: The augmented views of the training clips.
        drawn: The drawn sequences to train on beside them.
        features: Where the features are.
    """

    manifest: Path
    clips: Path
    views: Path
    drawn: Path
    features: Path

    def files(self) -> list[Path]:
        """Return all of them."""
        return [self.manifest, self.clips, self.views, self.drawn, self.features]


class TrackedTraining:
    """One training of the model that the settings choose.

    Args:
        settings: All settings.
        tables: The data.

    Attributes:
        fingerprint: Of the training: of its settings, its data and the code that decides it.
        is_alone: Whether no other machines train too. Of several all must train: those that
            reused what they have kept would leave the others waiting.
    """

    def __init__(self, settings: Settings, tables: Tables):
        self._settings, self._tables, params = settings, tables, settings.as_params()
        self.is_alone = settings.train.strategy != "multi_worker"
        self._is_chief = is_chief(settings.train)
        self._made_by = {"model": settings.model, "settings": params["models"][settings.model]}
        self._made_by |= {name: params[name] for name in DECIDING}
        self._labels = sorted(read_table(tables.manifest)["label"].unique())
        self._made_by["none_label"] = find_none_label(self._labels, settings.dataset.none)
        self.fingerprint = fingerprint(
            self._made_by | describe_preprocessing(settings),
            code=code_digest(*CODE, f"har.models.{settings.model}"),
            files=tables.files(),
        )
        self._made_by["trained_on"] = trained_on(settings)

    def run(self, out: Path) -> tuple[pd.DataFrame, dict[str, Any]] | None:
        """Train, going on from the checkpoint where there is one, and write the recognizer.

        Args:
            out: The folder to write it to.

        Returns:
            The history (`epoch`, `split`, `accuracy`, `loss`) and a summary; None, and nothing is
            written, where another process is the chief.
        """
        videos, labels = read_table(self._tables.manifest), self._labels
        tables = self._tables
        self._check_what_is_read(videos)
        read = partial(
            read_examples, videos, labels, self._settings, tables.views, tables.features,
            drawn=tables.drawn,
        )  # fmt: skip
        checkpoint = project_root() / ".har" / "checkpoints" / f"{self.fingerprint}.npz"
        trained = self._fit(read, len(labels), checkpoint)
        if not self._is_chief:
            print("train: done; the chief writes what was trained")
            return None
        for one, other in trained.backwards.items():
            if one < other:
                print(
                    f"train: {labels[one]} and {labels[other]} are each other backwards in time, "
                    "and were learnt from clips backwards too (models.fusion.backwards)"
                )
        label_indices = read("val").label_indices
        is_action = np.array(labels)[label_indices] != self._made_by["none_label"]
        confidence = fit_confidence(trained.validated, label_indices, is_action)
        fold_temperature(trained.model, confidence["temperature"])
        made_by = self._made_by | {"fingerprint": self.fingerprint} | confidence
        seconds = _training_seconds(videos, tables.clips)
        make_recognizer(trained.model, labels, self._settings, made_by, clip_seconds=seconds).save(
            out
        )
        save_trained(trained.model, out)
        summary = {
            "model": self._settings.model,
            **summarize(trained.result),
            "refit": "val" in self._made_by["trained_on"],
            **confidence,
            "parameters": count_all_parameters(trained.model, self._settings),
            "num_validation_videos": len(label_indices),
        }
        for path in (checkpoint, second_checkpoint(checkpoint)):
            path.unlink(missing_ok=True)
        return pd.DataFrame(trained.result.history), summary

    def _check_what_is_read(self, videos: pd.DataFrame) -> None:
        """Check the files of the training and validation videos against their SHA-256."""
        on_features = isinstance(self._settings.chosen, FeatureSettings)
        table = self._tables.features if on_features else self._tables.clips
        learnt_from = videos.loc[videos["split"].isin(["train", "val"]), "video_id"]
        check_named_files(table, set(learnt_from), description="train")
        if self._settings.takes_drawn:
            check_named_files(self._tables.drawn, description="train")

    def _fit(self, read: partial, num_classes: int, checkpoint: Path) -> Trained:
        required, run_id = self._settings.tracking.required, None
        client = connect(project_root(), required=required) if self._is_chief else None
        if client:
            with explained_errors(required=required):
                run_id = resume_run(client, self.fingerprint) if is_whole(checkpoint) else None
                run_id = run_id or open_run(
                    client,
                    model=self._settings.model,
                    fingerprint=self.fingerprint,
                    params=self._settings.as_params(),
                )
        mirror = HistoryMirror(client, run_id)
        with ended_run(client, run_id):
            trained = fit(
                read,
                self._settings,
                num_classes=num_classes,
                checkpoint=checkpoint,
                on_epoch=mirror,
            )
            mirror.flush()
        return trained


def summarize(result: Progress) -> dict[str, Any]:
    """Return the epochs, the scores of the kept one and the time of an epoch."""
    kept = {row["split"]: row for row in result.history if row["epoch"] == result.best_epoch}
    return {
        "epochs": result.epoch,
        "best_epoch": result.best_epoch,
        **{f"{split}_{key}": kept[split][key] for split in kept for key in ("accuracy", "loss")},
        "seconds_per_epoch": round(median(result.seconds), 3),
    }


def _training_seconds(videos: pd.DataFrame, clips: Path) -> list[float]:
    """Return the length of each training video."""
    seconds = read_table(clips).set_index("video_id")["duration_seconds"].astype(float)
    return seconds[videos.loc[videos["split"] == "train", "video_id"]].tolist()
