"""Stage `downsample`: which training videos are kept, by how the classes are balanced."""

from pathlib import Path

import pandas as pd

from har.dataset.balancing import balance
from har.dataset.none_label import find_none_label
from har.dataset.tables import read_table
from har.dataset.training_people import UNUSED
from har.engine.files import write_table
from har.engine.stage import run_stage
from har.pages.plots import plot_class_counts
from har.settings import load_settings


def main(manifest: Path, out: Path) -> None:
    """Balance the training split and draw the class counts before and after."""
    settings = load_settings()
    method = settings.downsample.method
    before = read_table(manifest)
    before = before[before["split"] != UNUSED].reset_index(drop=True)
    none_label = find_none_label(before["label"], settings.dataset.none)
    after = balance(before, method=method, seed=settings.seed, none_label=none_label)
    out.mkdir(parents=True, exist_ok=True)
    write_table(after, out / "manifest.csv")
    plot_class_counts(before, after, out / "class_balance.png")
    said = " -> ".join(_describe_counts(table) for table in (before, after))
    print(f"downsample: {said} training videos a class ({method})")


def _describe_counts(manifest: pd.DataFrame) -> str:
    counts = manifest.loc[manifest["split"] == "train", "label"].value_counts()
    return f"{counts.min()} to {counts.max()}"


if __name__ == "__main__":
    run_stage(main)
