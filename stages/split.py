"""Stage `split`: who is trained on and who is tested on."""

from pathlib import Path

from har.dataset.report import join_clips
from har.dataset.splits import SPLITS, choose_splits, fold_names
from har.dataset.subjects import find_subjects
from har.dataset.tables import read_table
from har.engine.files import write_json
from har.engine.seeds import generator_for
from har.engine.stage import run_stage
from har.settings import load_settings

MANIFEST_COLUMNS = ["video_id", "path", "label", "subject", "split", "aspect"]


def main(report: Path, clips: Path, out: Path) -> None:
    """Split the clips by subject, about 70/15/15, or as metadata.csv says."""
    settings = load_settings()
    manifest = join_clips(read_table(report), read_table(clips))
    manifest["subject"], grouped_by = find_subjects(
        manifest, settings.dataset.subject_pattern, by=settings.split.by
    )
    fractions = {name: getattr(settings.split, name) for name in SPLITS}
    manifest["split"], fold = choose_splits(
        manifest,
        fractions=fractions,
        folds=settings.split.folds,
        test_fold=settings.split.test_fold,
        rng=generator_for(settings.seed, "split"),
    )
    out.mkdir(parents=True, exist_ok=True)
    manifest[MANIFEST_COLUMNS].to_csv(out / "manifest.csv", index=False)
    about = {"grouped_by": grouped_by, "folds": [] if fold is None else fold_names(fold)}
    write_json(about, out / "split.json")
    videos = manifest["split"].value_counts()
    people = manifest.groupby("split")["subject"].nunique()
    said = ", ".join(f"{name} {videos[name]} videos of {people[name]} people" for name in SPLITS)
    print(f"split: {said} (by {grouped_by})")
    if fold is not None:
        tested = fold[manifest["split"] == "test"].iloc[0]
        print(f"split: tests on the fold {tested!r} of {fold.nunique()}")


if __name__ == "__main__":
    run_stage(main)
