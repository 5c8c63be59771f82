"""Stage `split`: who is trained on and who is tested on."""

from functools import partial
from pathlib import Path

from har.dataset.report import join_clips
from har.dataset.splits import SPLITS, choose_splits, describe_splits, fold_names
from har.dataset.subjects import SAME_PEOPLE, describe_near_names, find_subjects, knows_people
from har.dataset.tables import read_table
from har.dataset.training_people import keep_training_people
from har.engine.files import write_json, write_table
from har.engine.seeds import generator_for
from har.engine.stage import run_stage
from har.settings import load_settings

MANIFEST_COLUMNS = ["video_id", "path", "label", "subject", "split", "aspect"]


def main(report: Path, clips: Path, out: Path) -> None:
    """Split the clips by person or by video, about 70/15/15, or as metadata.csv says."""
    settings = load_settings()
    manifest = join_clips(read_table(report), read_table(clips), none=settings.dataset.none)
    wanted, seed = settings.split, settings.seed
    manifest["subject"], grouped_by = find_subjects(
        manifest, settings.dataset.subject_pattern, by=wanted.by
    )
    by = "person" if knows_people(grouped_by) else "video"
    for near in describe_near_names(manifest, grouped_by=grouped_by):
        print(f"warning: {near}")
    fractions = {name: getattr(wanted, name) for name in SPLITS}
    choose = partial(choose_splits, manifest, fractions=fractions, folds=wanted.folds, by=by)
    split, fold = choose(test_fold=wanted.test_fold, rng=generator_for(seed, "split"))
    if wanted.train_people is not None:
        # A cross-validation begins with the first fold: what another lacks is said there.
        is_first = fold is not None and wanted.test_fold is None
        others = fold_names(fold)[1:] if is_first else []
        splits = [choose(test_fold=name, rng=generator_for(seed, "split"))[0] for name in others]
        people = {"seed": seed, "grouped_by": grouped_by, "others": splits}
        split = keep_training_people(manifest, split, wanted.train_people, **people)
    manifest["split"] = split
    out.mkdir(parents=True, exist_ok=True)
    write_table(manifest[MANIFEST_COLUMNS], out / "manifest.csv")
    about = {"grouped_by": grouped_by, "folds": [] if fold is None else fold_names(fold)}
    write_json(about, out / "split.json")
    said_by = grouped_by if grouped_by == SAME_PEOPLE else f"by {grouped_by}"
    print(f"split: {describe_splits(manifest, by=by)} ({said_by})")
    if fold is not None:
        print(f"split: tests on the fold {fold[split == 'test'].iloc[0]!r} of {fold.nunique()}")


if __name__ == "__main__":
    run_stage(main)
