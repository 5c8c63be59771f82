"""What the page and the data card say of the people found in the videos, and of the camera."""

from typing import Any

import pandas as pd

from har.clips.camera import MOVING, camera_state
from har.dataset.training_people import UNUSED
from har.evaluation.scores import wilson_interval
from har.inspection.problems import MOST_WITHOUT, NO_USE
from har.pages.finished_run import SKELETONS, FinishedRun, check_there
from har.pages.landmarks import FEW_FOUND
from har.pages.templating import picture_uri

MAX_LOWEST = 10  # videos with the fewest frames with a person, by name
MIN_COMPARED = 5  # test videos of each camera, for their accuracy to be compared


def describe_seen(run: FinishedRun) -> dict[str, Any]:
    """Return what the templates say of people and cameras, by the names there.

    Raises:
        ValueError: The pose was found, and its contact sheet is missing.
    """
    manifest = run.files["manifest"]
    used = manifest.loc[manifest["split"] != UNUSED, ["video_id", "label"]]
    videos = used.merge(run.files["landmarks"][["video_id", "share_found"]], how="left")
    videos = videos.merge(run.files["camera"][["video_id", "camera_motion"]], how="left")
    videos["camera"] = videos["camera_motion"].map(camera_state)
    return {**_describe_people(videos), **_describe_cameras(videos, run.files["predictions"])}


def _describe_people(videos: pd.DataFrame) -> dict[str, Any]:
    shares = videos["share_found"]
    if shares.isna().all():
        return {"has_pose": False}
    check_there([SKELETONS])
    is_without = shares < FEW_FOUND
    lowest = videos[shares < 1].sort_values("share_found", kind="stable").head(MAX_LOWEST)
    return {
        "has_pose": True,
        "share_found": shares.mean(),
        "person_rows": [
            {
                "label": label,
                "videos": len(group),
                "share": group["share_found"].mean(),
                "without": int(is_without[group.index].sum()),
            }
            for label, group in videos.groupby("label")
        ],
        "few_found": FEW_FOUND,
        "num_without": int(is_without.sum()),
        "no_use": NO_USE if is_without.mean() >= MOST_WITHOUT else "",
        "lowest": lowest[["video_id", "share_found"]].to_dict("records"),
        "skeletons_file": SKELETONS.as_posix(),
        "skeletons": picture_uri(SKELETONS),
    }


def _describe_cameras(videos: pd.DataFrame, predictions: pd.DataFrame) -> dict[str, Any]:
    """Return how many cameras move, and how accurate the model is with those that do and do not."""
    tested = predictions.merge(videos[["video_id", "camera"]], on="video_id")
    is_right = tested["label"] == tested["predicted"]
    right = {state: is_right[tested["camera"] == state] for state in ("moving", "still")}
    rows = []
    for state, of_state in right.items():
        if min(map(len, right.values())) >= MIN_COMPARED:
            low, high = wilson_interval(of_state.sum(), len(of_state))
            row = {"value": float(of_state.mean()), "low": low, "high": high}
            rows.append({"name": f"{state} camera", "videos": len(of_state), **row})
    return {
        "moving": MOVING,
        "num_moving": int((videos["camera"] == "moving").sum()),
        "num_untold": int((videos["camera"] == "cannot be told").sum()),
        "camera_rows": rows,
        "num_tested_by_camera": {state: len(of_state) for state, of_state in right.items()},
        "min_compared": MIN_COMPARED,
    }
