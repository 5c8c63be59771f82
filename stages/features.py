"""Stage `features`: what the frozen backbone sees in every clip and view, made once.

Of each it sees the streams that `features.streams` names, as `har.clips.streams` shows them.
"""

from pathlib import Path

from har.backbones.extractor import make_extractor
from har.backbones.packed import make_features
from har.clips.clip import describe_view, read_views
from har.clips.streams import check_streams
from har.dataset.tables import read_table
from har.engine.cache import Cache, keep_entries, place
from har.engine.stage import run_stage
from har.settings import load_params

FEATURES_VERSION = (
    3  # raise it when this stage, har.clips.streams or apply_view changes the features
)


def main(manifest: Path, clips: Path, views: Path, out: Path) -> None:
    """Write one packed file per video: the features of its clip and of each of its views."""
    params = load_params()
    settings = params["features"]
    check_streams(settings["streams"], settings["context"])
    extractor = make_extractor(
        **params["backbone"],
        seed=params["seed"],
        frame_size=params["extract"]["size"],
        num_threads=params["workers"],
        runtime=settings["runtime"],
    )
    videos = read_table(manifest)[["video_id", "path"]]
    videos = videos.merge(read_table(clips)[["video_id", "sha256"]], on="video_id")
    views_of_video = read_views(views)
    videos["views"] = [views_of_video.get(video_id, []) for video_id in videos["video_id"]]
    shown = {name: settings[name] for name in ("streams", "context")}
    cache = Cache("features", ending=".npy")
    videos["key"] = [
        cache.key(
            row.sha256,
            parameters={
                "extractor": extractor.fingerprint,
                "views": list(map(describe_view, row.views)),
                "streams": shown,
            },
            code_version=FEATURES_VERSION,
        )
        for row in videos.itertuples()
    ]
    paths = [f"{out.as_posix()}/{video_id}.npy" for video_id in videos["video_id"]]
    with keep_entries(params["cache"]["max_gigabytes"]):
        entries = {key: cache.get(key) for key in videos["key"]}
        missing = videos[videos["key"].map(entries.get).isna()]
        entries |= make_features(missing, extractor, cache, **shown)
        for key, path in zip(videos["key"], paths, strict=True):
            place(entries[key].data, Path(path))
    table = videos[["video_id"]].assign(
        path=paths,
        num_views=videos["views"].map(len),
        sha256=[entries[key].sha256 for key in videos["key"]],
    )
    out.mkdir(parents=True, exist_ok=True)
    table.to_csv(out / "features.csv", index=False)
    print(
        f"features: {len(missing)} made, {len(videos) - len(missing)} reused, 0 failed "
        f"({params['backbone']['name']} by {extractor.runtime})"
    )


if __name__ == "__main__":
    run_stage(main)
