"""Stage `split`: who is trained on and who is tested on."""

from pathlib import Path

from har.dataset.split_checks import check_labels
from har.dataset.splits import SPLITS, choose_splits, describe_splits, fold_names
from har.dataset.subjects import SAME_PEOPLE, find_subjects, knows_people
from har.dataset.tables import read_table
from har.engine.files import write_json
from har.engine.seeds import generator_for
from har.engine.stage import run_stage
from har.settings import load_settings

MANIFEST_COLUMNS = ["video_id", "path", "label", "subject", "split", "aspect"]


def main(report: Path, clips: Path, out: Path) -> None:
    """Split the clips by person or by video, about 70/15/15, or as metadata.csv says."""
    settings = load_settings()
    details = read_table(report)
    labels = set(details.loc[details["status"] != "ignored", "label"])
    details = details[details["path"] != ""]  # two files can share a video_id; one was converted
    manifest = read_table(clips)
    manifest = manifest[["video_id", "path", "aspect"]].merge(
        details[["video_id", "source", "label", "subject", "split", "fold"]], on="video_id"
    )
    check_labels(manifest, labels)
    manifest["subject"], grouped_by = find_subjects(
        manifest, settings.dataset.subject_pattern, by=settings.split.by
    )
    by = "person" if knows_people(grouped_by) else "video"
    said_by = grouped_by if grouped_by == SAME_PEOPLE else f"by {grouped_by}"
    fractions = {name: getattr(settings.split, name) for name in SPLITS}
    manifest["split"], fold = choose_splits(
        manifest,
        fractions=fractions,
        folds=settings.split.folds,
        test_fold=settings.split.test_fold,
        rng=generator_for(settings.seed, "split"),
        by=by,
    )
    out.mkdir(parents=True, exist_ok=True)
    manifest[MANIFEST_COLUMNS].to_csv(out / "manifest.csv", index=False)
    about = {"grouped_by": grouped_by, "folds": [] if fold is None else fold_names(fold)}
    write_json(about, out / "split.json")
    print(f"split: {describe_splits(manifest, by=by)} ({said_by})")
    if fold is not None:
        tested = fold[manifest["split"] == "test"].iloc[0]
        print(f"split: tests on the fold {tested!r} of {fold.nunique()}")


if __name__ == "__main__":
    run_stage(main)
