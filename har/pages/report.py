"""A finished run for whoever must decide whether to trust it: one page, a model card, a data card.

All three are rendered from the files that the run left, so they say what those say. What is missing
is an error; what does not belong together is said at the top of all three.

References: Mitchell et al., "Model Cards for Model Reporting", FAT* 2019; Gebru et al., "Datasheets
for Datasets", CACM 2021; Pushkarna et al., "Data Cards", FAccT 2022.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from har.clips.clip import load_clip
from har.engine.files import write_text
from har.engine.progress import progress
from har.engine.verification import check_file
from har.evaluation.gradcam import find_heat_map, paint_heat_map
from har.pages.finished_run import FILES, MODELS, FinishedRun, check_there
from har.pages.report_sections import describe_data, describe_model, describe_scores
from har.pages.report_seen import describe_seen
from har.pages.templating import NUM_FIRST, frame_uris, render

OUTPUTS = {
    "index.html": "report.html",
    "model-card.md": "model-card.md",
    "data-card.md": "data-card.md",
}

# What the templates say and no file of the run does.
INTERVAL = "95 %"  # of har.evaluation.scores
SOURCES = {
    "model_card": "Mitchell et al., Model Cards for Model Reporting, 2019",
    "data_card": "Gebru et al., Datasheets for Datasets, 2021",
    "gradcam": "Selvaraju et al., Grad-CAM, 2017; without averaging the gradient, Draelos and "
    "Carin, 2020",
    "calibration": "Guo et al., On Calibration of Modern Neural Networks, 2017",
}
SAME_PROBABILITY = 1e-3  # other processors differ by less than this
MAX_STRIPS = 8  # of errors, and as many of right answers


def write_report(run: FinishedRun, out: Path) -> list[str]:
    """Write the page and the two cards, `OUTPUTS`, and return why they may not be trusted.

    The same run gives the same bytes.

    Args:
        run: From `har.pages.finished_run.read_run`.
        out: A folder, made if it is not there.

    Returns:
        One sentence a warning, as the three say them at their top.
    """
    surest = run.files["predictions"].sort_values("probability", ascending=False, kind="stable")
    is_right = surest["label"] == surest["predicted"]
    wrong, right = surest[~is_right], surest[is_right]
    # Without errors, what came nearest to one.
    telling = wrong if len(wrong) else right[::-1]
    first = telling.head(MAX_STRIPS), right.drop_duplicates("label").head(MAX_STRIPS)
    drawn = _draw_strips(run, pd.concat(first).drop_duplicates("video_id"))
    strips, right_strips = ([drawn[video_id] for video_id in one["video_id"]] for one in first)
    warnings = [*run.warnings, *_compare_answers(run, list(drawn.values()))]
    values = describe_data(run) | describe_seen(run) | describe_model(run) | describe_scores(run)
    values |= {
        "strips": strips,
        "right_strips": right_strips,
        "num_errors": len(wrong),
        "has_heat": run.looks.maps_layer is not None,
        "warnings": warnings,
        "interval": INTERVAL,
        "num_first": NUM_FIRST,
        "sources": SOURCES,
        "files": {name: path.as_posix() for name, path in FILES.items()},
    }
    for name, template in OUTPUTS.items():
        write_text(render(template, **values), out / name)
    return warnings


def _draw_strips(run: FinishedRun, chosen: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Return the chosen test videos, each with its frames, where the model looked, and its answer.

    They are found by their `video_id`.

    The clips are read one at a time.

    Raises:
        ValueError: A clip is missing or damaged.
    """
    recognizer = run.recognizer
    videos = run.files["manifest"].set_index("video_id")
    digests = run.files["clips"].set_index("video_id")["sha256"]
    strips = {}
    rows = chosen.to_dict("records")
    for row in progress(rows, total=len(rows), description="report: heat maps", unit="clips"):
        path = Path(videos["path"].get(row["video_id"], f"the clip of {row['video_id']}"))
        check_there([path])
        check_file(path, digests.get(row["video_id"], "of no clip"))
        clip, aspect = load_clip(path), float(videos["aspect"][row["video_id"]])
        frames = np.array(clip[run.looks.places])
        shown = [frames]
        if run.looks.maps_layer is not None:
            index = recognizer.labels.index(row["predicted"])
            heat = find_heat_map(run.looks, clip, index)
            shown.append(paint_heat_map(frames, heat))
        answer = recognizer.predict(clip, aspect=aspect)
        strips[row["video_id"]] = row | {
            "pictures": frame_uris(shown),
            "answer": dict(zip(recognizer.labels, answer.tolist(), strict=True)),
        }
    return strips


def _compare_answers(run: FinishedRun, strips: list[dict[str, Any]]) -> list[str]:
    """Return a warning if the model does not say of the shown videos what the predictions say."""
    other = [
        strip["video_id"]
        for strip in strips
        if abs(strip["answer"][strip["predicted"]] - strip["probability"]) > SAME_PROBABILITY
    ]
    if not other:
        return []
    return [
        f"The model in {MODELS / run.recognizer.params['model']} does not say of {other[0]} what "
        f"{FILES['predictions']} says: it is not the model that was scored, or the clips are others"
    ]
