"""Stage `features`: what models on features are shown of every clip and view, made once.

The frozen backbone sees the pictures that `features.streams` names, as `har.clips.streams` shows
them; the pose comes from the landmarks.
"""

from pathlib import Path

from har.backbones.extractor import make_extractor
from har.clips.views import read_views
from har.dataset.tables import read_table
from har.engine.files import write_table
from har.engine.stage import run_stage
from har.features.packed import Shown, pack_features
from har.settings import load_settings


def main(manifest: Path, clips: Path, landmarks: Path, views: Path, out: Path) -> None:
    """Write one packed file per video: the features of its clip and of each of its views."""
    settings = load_settings()
    shown, extractor = Shown(settings.made_streams, settings.features.context), None
    if shown.pictures:
        extractor = make_extractor(
            **settings.backbone.model_dump(),
            seed=settings.seed,
            frame_size=settings.extract.size,
            num_threads=settings.workers,
            runtime=settings.features.runtime,
        )
    videos = read_table(manifest)[["video_id", "path"]]
    videos = videos.merge(read_table(clips)[["video_id", "sha256", "aspect"]], on="video_id")
    found = read_table(landmarks)[["video_id", "path", "sha256"]]
    videos = videos.merge(found, on="video_id", how="left", suffixes=("", "_of_landmarks"))
    table, num_made = pack_features(
        videos.astype({"aspect": float}),
        read_views(views),
        extractor,
        out,
        shown=shown,
        num_threads=settings.workers,
        max_gigabytes=settings.cache.max_gigabytes,
        compute=settings.place,
        shared=settings.shared_cache,
    )
    out.mkdir(parents=True, exist_ok=True)
    write_table(table, out / "features.csv")
    print(
        f"features: {num_made} made, {len(videos) - num_made} reused, 0 failed "
        + (f"({settings.backbone.name} by {extractor.runtime})" if extractor else "(pose alone)")
    )


if __name__ == "__main__":
    run_stage(main)
