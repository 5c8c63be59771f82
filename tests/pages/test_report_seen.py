"""What the report says of the people found and of moving cameras."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from finished_runs import LABELS

from har.evaluation.scores import wilson_interval
from har.pages.finished_run import FILES, SKELETONS, read_run
from har.pages.report import write_report
from har.pages.report_seen import MAX_LOWEST, describe_seen


def write() -> tuple[str, str]:
    """Write the report of the current folder; return the page and the data card."""
    write_report(read_run(model="cnn3d", changes=[]), Path("report"))
    names = ("index.html", "data-card.md")
    page, card = (Path("report", name).read_text(encoding="utf-8") for name in names)
    return page, card


def seen() -> dict:
    return describe_seen(read_run(model="cnn3d", changes=[]))


def change(name: str, **columns) -> None:
    pd.read_csv(FILES[name]).assign(**columns).to_csv(FILES[name], index=False)


def test_report_shows_the_share_of_frames_with_a_person_by_label_and_the_lowest(run_folder):
    page, card = write()
    share = (17 + 0.05) / 18
    assert f"found a person in {100 * share:.1f} % of the frames" in page
    # Of six videos of the last label one has a person in 5 % of its frames.
    row = re.search(r"sit\*down\*</td><td>6</td><td>(.+?)</td>\s*<td>(\d)</td>", page).groups()
    assert row == (f"{100 * (5 + 0.05) / 6:.1f} %", "1")
    lowest = re.search(r"Fewest frames with a person.*?</table>", page, re.DOTALL)[0]
    assert re.findall(r'wrap">(.*?)</td><td class="number">(.*?)<', lowest) == [
        ("sit*down*/p5", "5.0 %")
    ]
    assert "a clip of each label, as in data/landmarks/contact_sheet.png" in page
    assert 'alt="Clips with skeletons"' in page
    assert "of no use" not in page + card
    assert "in hardly any of\n1 video." in card


def test_report_warns_where_hardly_anybody_is_found_and_says_what_to_do(run_folder):
    change("landmarks", share_found=[0.0] * 17 + [1.0])
    page, card = write()
    assert re.search(r"Hardly anybody was found in 17 of\s+18 videos\.", page)
    for text in (page, card):
        assert "leave pose out of features.streams and of the streams of the model" in text
        assert "film so that the whole body is seen" in text
    assert len(seen()["lowest"]) == MAX_LOWEST
    change("landmarks", share_found=[0.0] * 16 + [1.0] * 2)
    assert not seen()["no_use"]


def test_report_needs_no_contact_sheet_where_no_stream_is_the_pose(run_folder):
    pd.DataFrame(columns=["video_id", "path", "share_found", "sha256"]).to_csv(
        FILES["landmarks"], index=False
    )
    SKELETONS.unlink()
    page, card = write()
    assert "so no person was looked for" in page
    assert "frames with a person" not in page
    assert "pose networks" not in card


@pytest.mark.parametrize("path", [SKELETONS, FILES["landmarks"], FILES["camera"]], ids=str)
def test_report_names_what_is_missing(run_folder, path):
    path.unlink()
    with pytest.raises(ValueError, match=rf"{path.as_posix()} is missing\. Run `dvc repro`"):
        write()


def test_report_counts_moving_cameras_and_compares_none_where_few_are_tested(run_folder):
    page, card = write()
    assert re.search(
        r"It moves in 0 of 18 clips: there the middle of the picture moves by\s+0.15 %", page
    )
    assert "In 1 clip it cannot be told" in page
    assert re.search(r"of the test videos 0 have a\s+moving camera and 5 a still one", page)
    assert "The camera moves in 0 of 18 clips; in 1 it cannot be told." in card


def test_report_compares_test_videos_with_a_moving_and_a_still_camera(run_folder):
    manifest = pd.read_csv(FILES["manifest"])
    manifest = manifest.assign(split="test")
    manifest.to_csv(FILES["manifest"], index=False)
    motions = np.where(np.arange(18) < 8, 0.02, 0.0001)
    change("camera", camera_motion=motions)
    predicted = manifest["label"].copy()
    predicted[[6, 7]] = LABELS[0]  # wrong; the first eight have a moving camera
    predictions = manifest[["video_id", "subject", "label"]].assign(
        predicted=predicted, probability=0.5
    )
    predictions.to_csv(FILES["predictions"], index=False)
    rows = seen()["camera_rows"]
    assert [(row["name"], row["videos"], row["value"]) for row in rows] == [
        ("moving camera", 8, 0.75),
        ("still camera", 10, 1.0),
    ]
    assert (rows[0]["low"], rows[0]["high"]) == wilson_interval(6, 8)
    page, _ = write()
    low, high = wilson_interval(6, 8)
    interval = f"{100 * low:.1f} % to {100 * high:.1f} %"
    assert re.search(rf">75.0 %</td>\s*<td data-name=\"95 % interval\">{interval}</td>", page)
    assert "not compared" not in page
