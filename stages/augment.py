"""Stage `augment`: which views of the training clips there are."""

from pathlib import Path

import pandas as pd

from har.clips.clip import load_clip
from har.clips.views import apply_view, draw_views, write_views
from har.dataset.tables import check_named_files, read_table
from har.engine.files import write_table
from har.engine.stage import run_stage
from har.features.drawn import COLUMNS, pack_drawn
from har.pages.plots import save_contact_sheet
from har.settings import load_settings


def main(manifest: Path, clips: Path, out: Path) -> None:
    """Draw what changes in each view of each training clip, and a sheet to look at."""
    settings = load_settings()
    augment, videos = settings.augment, read_table(manifest)
    training = videos[videos["split"] == "train"]
    views = {
        video_id: draw_views(video_id, **augment.model_dump(), seed=settings.seed)
        for video_id in training["video_id"]
    }
    out.mkdir(parents=True, exist_ok=True)
    write_views(out / "views.csv", views)
    rows, shown = [], training.drop_duplicates("label")
    check_named_files(clips, set(shown["video_id"]), description="augment")
    for video in shown.itertuples():
        clip = load_clip(video.path)
        rows.append((video.label, clip))
        rows += [("a view of it", apply_view(clip, view)) for view in views[video.video_id][:1]]
    save_contact_sheet(rows, out / "contact_sheet.png")
    print(f"augment: {augment.num_views} views of each of {len(training)} training clips")
    drawn = pd.DataFrame(columns=COLUMNS)
    if settings.pose_alone:
        drawn = pack_drawn(
            training["label"].unique().tolist(),
            out,
            number=settings.drawn.sequences,
            num_frames=settings.extract.num_frames,
            seed=settings.seed,
            num_workers=settings.workers,
            max_gigabytes=settings.cache.max_gigabytes,
        )
        if len(drawn):
            print(f"augment: {drawn['num_sequences'].sum()} drawn sequences of {len(drawn)} labels")
    write_table(drawn, out / "drawn.csv")


if __name__ == "__main__":
    run_stage(main)
