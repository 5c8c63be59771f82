"""Stage `split`: who is trained on and who is tested on."""

import json
from pathlib import Path

import pandas as pd

from har.clips.clip import generator_for
from har.dataset.splits import SPLITS, choose_splits, fold_names
from har.dataset.videos import read_table, subject_from_name
from har.engine.stage import run_stage
from har.settings import load_params

MANIFEST_COLUMNS = ["video_id", "path", "label", "subject", "split"]


def main(report: Path, clips: Path, out: Path) -> None:
    """Split the clips by subject, about 70/15/15, or as metadata.csv says."""
    params = load_params()
    details = read_table(report)
    labels = set(details.loc[details["status"] != "ignored", "label"])
    details = details[details["path"] != ""]  # two files can share a video_id; one was converted
    manifest = read_table(clips)
    manifest = manifest[["video_id", "path"]].merge(
        details[["video_id", "source", "label", "subject", "split", "fold"]], on="video_id"
    )
    check_labels(manifest, labels)
    manifest["subject"], grouped_by = find_subjects(manifest, params["dataset"]["subject_pattern"])
    fractions = {name: params["split"][name] for name in SPLITS}
    manifest["split"], fold = choose_splits(
        manifest,
        fractions=fractions,
        folds=params["split"]["folds"],
        test_fold=params["split"]["test_fold"],
        rng=generator_for(params["seed"], "split"),
    )
    out.mkdir(parents=True, exist_ok=True)
    manifest[MANIFEST_COLUMNS].to_csv(out / "manifest.csv", index=False)
    about = {"grouped_by": grouped_by, "folds": [] if fold is None else fold_names(fold)}
    (out / "split.json").write_text(json.dumps(about) + "\n", encoding="utf-8")
    videos = manifest["split"].value_counts()
    people = manifest.groupby("split")["subject"].nunique()
    said = ", ".join(f"{name} {videos[name]} videos of {people[name]} people" for name in SPLITS)
    print(f"split: {said} (by {grouped_by})")
    if fold is not None:
        tested = fold[manifest["split"] == "test"].iloc[0]
        print(f"split: tests on the fold {tested!r} of {fold.nunique()}")


def check_labels(manifest: pd.DataFrame, labels: set[str]) -> None:
    """Check that no label has lost all its videos and that there are two to tell apart.

    Raises:
        ValueError: One of these is not so.
    """
    lost = sorted(labels - set(manifest["label"]))
    if lost:
        raise ValueError(
            f"No video of the label {lost[0]!r} could be used; data/converted_videos/report.csv "
            "and data/clips/failed.csv say why. Replace them or remove the label's folder."
        )
    if len(labels) < 2:
        raise ValueError(
            f"All videos have the label {next(iter(labels))!r}. Expected at least two labels, each "
            "with a folder of its own in `dataset.videos`."
        )


def find_subjects(manifest: pd.DataFrame, pattern: str | None) -> tuple[pd.Series, str]:
    """Return the subject of each video and where it comes from."""
    named = manifest["subject"] != ""
    if named.all():
        return manifest["subject"], "metadata.csv"
    if pattern:
        found = manifest["source"].map(lambda path: subject_from_name(Path(path).name, pattern))
        return manifest["subject"].where(named, found), "dataset.subject_pattern"
    if named.any():
        raise ValueError(
            f"metadata.csv names the subject of {named.sum()} of {len(manifest)} videos, none for "
            f"{manifest.loc[~named, 'video_id'].iloc[0]!r}. Name all, or set "
            "dataset.subject_pattern for the rest."
        )
    print(
        "warning: nobody says who is in the videos, so each counts as a person of its own. If one "
        "person is in several, the scores will be too good: name the subjects in metadata.csv or "
        "by dataset.subject_pattern."
    )
    return manifest["video_id"], "video"


if __name__ == "__main__":
    run_stage(main)
