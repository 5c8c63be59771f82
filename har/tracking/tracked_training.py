"""From the tables of the pipeline to a recognizer, with the curves shown in MLflow meanwhile."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd

from har.dataset.tables import read_table
from har.engine.code import code_digest
from har.engine.repository import project_root
from har.models.contract import count_parameters, find_model
from har.recognizer.recognizer import Recognizer
from har.settings import Settings
from har.tracking.connection import connect, explained_errors
from har.tracking.runs import HistoryMirror, ended_run, find_run, open_run
from har.training.calibration import fit_temperature, fold_temperature
from har.training.examples import read_examples
from har.training.fit import (
    Trained,
    fit,
    make_backbone,
    put_together,
    second_checkpoint,
    shown,
    trained_on,
)
from har.training.loop import Progress, fingerprint

# The sections of params.yaml that decide the weights, beside the model's own settings.
DECIDING = ("seed", "downsample", "augment", "backbone", "train")
# What makes a recognizer of the tables; what it imports counts too.
CODE = ("har.training.fit", "har.training.calibration", "har.recognizer.recognizer")


@dataclass(frozen=True)
class Tables:
    """What a training reads: the tables that the stages before it have written.

    Attributes:
        manifest: One row a video, balanced, with its split.
        clips: Where the clips are.
        views: The augmented views of the training clips.
        features: Where the features are.
    """

    manifest: Path
    clips: Path
    views: Path
    features: Path

    def files(self) -> list[Path]:
        """Return all of them."""
        return [self.manifest, self.clips, self.views, self.features]


class TrackedTraining:
    """One training of the model that the settings choose.

    Args:
        settings: All settings.
        tables: The data.

    Attributes:
        fingerprint: Of the training: of its settings, its data and the code that decides it.
    """

    def __init__(self, settings: Settings, tables: Tables):
        self._settings, self._params, self._tables = settings, settings.as_params(), tables
        chosen = self._params["models"][settings.model]
        self._made_by = {"model": settings.model, "settings": chosen}
        self._made_by |= {name: self._params[name] for name in DECIDING}
        if settings.fine_tune.num_blocks:
            self._made_by["fine_tune"] = self._params["fine_tune"]
        self._preprocessing = settings.extract.model_dump(include={"num_frames", "size", "aspect"})
        self._preprocessing |= {
            "max_side": settings.convert.max_side,
            "model_frames": settings.model_frames,
        }
        shown_streams = shown(self._params)
        self.fingerprint = fingerprint(
            self._made_by | self._preprocessing | {"shown": shown_streams},
            code=code_digest(*CODE, f"har.models.{settings.model}"),
            files=tables.files(),
        )
        self._made_by |= {"shown": shown_streams, "trained_on": trained_on(self._params)}

    def run(self) -> tuple[Recognizer, pd.DataFrame, dict[str, Any]]:
        """Train, going on from the checkpoint where there is one.

        Returns:
            The recognizer, the history (`epoch`, `split`, `accuracy`, `loss`) and a summary.
        """
        videos = read_table(self._tables.manifest)
        labels = sorted(videos["label"].unique())
        views, features = self._tables.views, self._tables.features
        read = partial(read_examples, videos, labels, self._params, views, features)
        checkpoint = project_root() / ".har" / "checkpoints" / f"{self.fingerprint}.npz"
        trained = self._fit(read, len(labels), checkpoint)
        label_indices = read("val").label_indices
        temperature = fit_temperature(trained.validated, label_indices)
        fold_temperature(trained.model, temperature)
        whole = self._whole(trained)
        made_by = self._made_by | {"fingerprint": self.fingerprint, "temperature": temperature}
        summary = {
            "model": self._settings.model,
            **summarize(trained.results),
            "refit": "val" in self._made_by["trained_on"],
            "temperature": temperature,
            "parameters": count_parameters(whole),
            "num_validation_videos": len(label_indices),
        }
        history = pd.DataFrame([row for result in trained.results for row in result.history])
        for path in (checkpoint, second_checkpoint(checkpoint)):
            path.unlink(missing_ok=True)
        return Recognizer(whole, labels, self._preprocessing, made_by), history, summary

    def _fit(self, read: partial, num_classes: int, checkpoint: Path) -> Trained:
        required, run_id = self._settings.tracking.required, None
        client = connect(project_root(), required=required)
        if client:
            with explained_errors(required=required):
                run_id = find_run(client, self.fingerprint) if checkpoint.exists() else None
                run_id = run_id or open_run(
                    client,
                    model=self._settings.model,
                    fingerprint=self.fingerprint,
                    params=self._params,
                )
        with ended_run(client, run_id):
            return fit(
                read,
                self._params,
                num_classes=num_classes,
                checkpoint=checkpoint,
                on_epoch=HistoryMirror(client, run_id),
            )

    def _whole(self, trained: Trained) -> Any:
        """Return the model on frames."""
        if find_model(self._settings.model).INPUT == "features" and trained.tuned is None:
            return put_together(trained.model, make_backbone(self._params), self._params)
        return trained.tuned or trained.model


def summarize(results: list[Progress]) -> dict[str, Any]:
    """Return the epochs, the scores of the kept one and the time of an epoch.

    Args:
        results: Of `har.training.fit.Trained`.
    """
    first, last = results[0], results[-1]
    kept = {row["split"]: row for row in last.history if row["epoch"] == last.best_epoch}
    summary = {
        "epochs": last.epoch,
        "best_epoch": last.best_epoch,
        **{f"{split}_{key}": kept[split][key] for split in kept for key in ("accuracy", "loss")},
        "seconds_per_epoch": round(median(first.seconds), 3),
    }
    if last is not first:
        summary["fine_tune"] = {
            "epochs": last.epoch - first.epoch,
            "seconds_per_epoch": round(median(last.seconds), 3),
        }
    return summary
