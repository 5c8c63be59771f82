"""What a model says of actions that it was never taught: each label left out of training in turn.

    python -m benchmarks.unknown VIDEOS --subject-pattern '^([a-z]+)_'
    python -m benchmarks.unknown VIDEOS --folds 3 --seeds 42 43 -S model=mobilenet_lstm

VIDEOS has a folder per label. In each fold each label is left out: the model is trained on the
others, its temperature and threshold are chosen as in the pipeline, and it is shown the test
people's videos of the label left out, which it should reject, and of the others, which it should
not. Settings are those of params.yaml; what is made of the videos is kept in `.har/accuracy`.

A row is a label left out, of all folds and seeds: its test videos, the share of them that is
rejected with a 95 % interval (Wilson's, over videos), the area under the ROC curve of the
confidence (known videos against those of the label), and the share of the known test videos that is
lost. A folder of other things (`dataset.none`) is trained on and never left out or tested.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from benchmarks.accuracy import data_options, prepare_videos, read_settings
from benchmarks.leave_out import FEATURES, VIEWS, fit_with_confidence, split_people
from benchmarks.timing import print_heading, print_table
from har.dataset.none_label import find_none_label
from har.dataset.splits import fold_names
from har.engine.progress import progress
from har.engine.runtime import keras
from har.evaluation.rejection import is_rejected
from har.evaluation.scores import wilson_interval
from har.recognizer.recognizer import Recognizer
from har.settings import Settings
from har.settings.loading import changed_settings
from har.training.calibration import at_temperature
from har.training.examples import read_examples
from har.training.loop import predict

FEWEST_ACTIONS = 3  # of which one is left out and two are told apart


def main() -> None:
    """Print the table."""
    options = data_options(__doc__, seeds=[42]).parse_args()
    settings = read_settings(options)
    print_heading(f"Unknown actions on {options.videos.name}", "tensorflow", "scikit-learn")
    manifest = prepare_videos(options.videos, settings)
    said = pd.concat(leave_labels_out(manifest, settings, options.seeds))
    parts = [*said.groupby("left_out"), ("all", said)]
    columns = ["left out", "videos", "rejected (95 %)", "AUROC", "known videos lost"]
    print_table(columns, [describe_unknown(name, part) for name, part in parts])


def leave_labels_out(
    manifest: pd.DataFrame, settings: Settings, seeds: list[int]
) -> Iterator[pd.DataFrame]:
    """Yield what `leave_label_out` returns, for each seed, fold and action.

    Args:
        manifest: One row a video, with its `fold` and `features_path`.
        settings: Of the folds and the model.
        seeds: Of everything that is drawn but the folds.

    Raises:
        SystemExit: There are too few actions.
    """
    none_label = find_none_label(manifest["label"], settings.dataset.none)
    actions = sorted(set(manifest["label"]) - {none_label})
    if len(actions) < FEWEST_ACTIONS:
        raise SystemExit(
            f"There are {len(actions)} actions ({', '.join(actions)}); expected "
            f"{FEWEST_ACTIONS} or more: one is left out and the others are told apart."
        )
    folds = fold_names(manifest["fold"])
    rounds = [(seed, fold, label) for seed in seeds for fold in folds for label in actions]
    for seed, fold, label in progress(
        rounds, total=len(rounds), description="unknown", unit="trainings"
    ):
        split, _ = split_people(manifest, settings, seed, fold)
        seeded = changed_settings(settings, {"seed": seed})
        yield leave_label_out(manifest.assign(split=split), label, seeded)


def leave_label_out(videos: pd.DataFrame, label: str, settings: Settings) -> pd.DataFrame:
    """Train without a label and return what is said of the test videos of actions.

    Args:
        videos: One row a video, with `split`.
        label: The one to leave out.
        settings: All settings.

    Returns:
        One row a test video: `left_out` (the label), `is_known`, `confidence`, which is 0 where the
        label that is no action is named, and `is_rejected`.
    """
    none_label = find_none_label(videos["label"], settings.dataset.none)
    known = videos[videos["label"] != label]
    labels = sorted(known["label"].unique())
    trained, confidence, _ = fit_with_confidence(known, labels, settings, none_label)
    tested = videos[(videos["split"] == "test") & (videos["label"] != none_label)]
    # Their labels play no part, and the one left out has no index.
    unlabelled = tested.assign(label=labels[0], weight=1.0)
    examples = read_examples(unlabelled, labels, settings, VIEWS, FEATURES, "test")
    said = predict(trained.model, examples, batch_size=settings.chosen.batch_size)
    keras.utils.clear_session()
    said = at_temperature(said, confidence["temperature"])
    recognizer = Recognizer(b"", labels, {}, confidence | {"none_label": none_label})
    answers = np.array([recognizer.answer(row) for row in said])
    names_none = np.array(labels)[said.argmax(axis=1)] == none_label
    return pd.DataFrame(
        {
            "left_out": label,
            "is_known": (tested["label"] != label).to_numpy(),
            "confidence": np.where(names_none, 0.0, said.max(axis=1)),
            "is_rejected": is_rejected(answers, none_label),
        }
    )


def describe_unknown(name: str, said: pd.DataFrame) -> tuple[str, ...]:
    """Return the row of the table for a label left out.

    Args:
        name: Of the row.
        said: Of `leave_label_out`, of one or more trainings.
    """
    known, unknown = said[said["is_known"]], said[~said["is_known"]]
    low, high = wilson_interval(unknown["is_rejected"].sum(), len(unknown))
    return (
        name,
        f"{len(unknown)}",
        f"{unknown['is_rejected'].mean():.0%} ({low:.0%} to {high:.0%})",
        f"{roc_auc_score(said['is_known'], said['confidence']):.2f}",
        f"{known['is_rejected'].mean():.1%}",
    )


if __name__ == "__main__":
    main()
