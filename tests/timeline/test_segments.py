"""From answers to segments, and segments as files."""

import csv
import json

import numpy as np
import pytest
from brightness import brightness_recognizer

from har.recognizer.prediction import Segment
from har.timeline.answers import Answer
from har.timeline.segments import find_segments, merge_equal, smooth
from har.timeline.writing import as_web_subtitles, write_segments

STEP, LENGTH = 0.25, 1.0
PARTS = [
    Segment(0, 2.5, "walking & <talking>", 0.9),
    Segment(2.5, 4, "none", 1.0),
    Segment(4, 3725.25, "unsure", 0.4),
]


def answers_of(shares: list[float], *, missing: set[int] = frozenset()) -> list[Answer]:
    """Answers of windows a quarter of their length apart, by how probable `bright` is."""
    return [
        Answer(
            number * STEP,
            number * STEP + LENGTH,
            np.float32([1 - share, share]),
            number not in missing,
        )
        for number, share in enumerate(shares)
    ]


@pytest.fixture(scope="module")
def recognizer():
    return brightness_recognizer()


def test_segments_go_from_the_start_to_the_end(recognizer):
    said = find_segments(answers_of([0.9] * 8 + [0.1] * 8), recognizer, duration=4.75)
    assert [one.label for one in said] == ["bright", "dark"]
    # The windows 7 and 8 have their middles at 2.25 and 2.5 s.
    assert [(one.start, one.end) for one in said] == [(0, 2.375), (2.375, 4.75)]
    assert [one.probability for one in said] == pytest.approx([0.9, 0.9])


def test_a_window_that_differs_a_little_is_no_segment(recognizer):
    said = find_segments(answers_of([0.9] * 8 + [0.3] + [0.9] * 8), recognizer, duration=5)
    assert [one.label for one in said] == ["bright"]


def test_nobody_in_the_picture_is_a_segment_without_an_action(recognizer):
    answers = answers_of([0.9] * 16, missing=set(range(5, 10)))
    said = find_segments(answers, recognizer, duration=4.75)
    assert [one.label for one in said] == ["bright", "none", "bright"]
    assert said[1].probability == 1


def test_a_segment_below_the_threshold_is_unsure(recognizer):
    recognizer.params["unsure_below"] = 0.7
    said = find_segments(answers_of([0.6] * 8 + [0.02] * 8), recognizer, duration=4.75)
    recognizer.params.pop("unsure_below")
    assert [one.label for one in said] == ["unsure", "dark"]


def test_smoothing_takes_the_most_probable_sequence():
    shares = np.array([[0.9, 0.1], [0.4, 0.6], [0.9, 0.1], [0.01, 0.99], [0.01, 0.99]])
    there, full = np.ones(5, bool), np.ones(5)
    # Full weight: to change for the second window and back costs 0.8 and gains log(6/4) = 0.41.
    assert smooth(shares, there, full).tolist() == [0, 0, 0, 1, 1]
    assert smooth(shares, there, full / 100).tolist() == [0] * 5 or [1] * 5


def test_equal_neighbours_are_one_segment():
    parts = [Segment(0, 1, "a", 0.5), Segment(1, 4, "a", 0.9), Segment(4, 5, "b", 1.0)]
    assert merge_equal(parts) == [Segment(0, 4, "a", pytest.approx(0.8)), parts[2]]


def test_segments_are_written_as_the_ending_says(tmp_path):
    for ending in ("csv", "json", "srt", "vtt"):
        write_segments(PARTS, tmp_path / f"deep/said.{ending}", none_label="none")
    folder = tmp_path / "deep"
    with (folder / "said.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert rows[0] == {
        "start": "0",
        "end": "2.5",
        "label": "walking & <talking>",
        "probability": "0.9",
    }
    assert [row["label"] for row in rows] == [one.label for one in PARTS]
    assert json.loads((folder / "said.json").read_text())[2]["end"] == 3725.25
    assert (folder / "said.srt").read_text() == (
        "1\n00:00:00,000 --> 00:00:02,500\nwalking & <talking> 90 %\n\n"
        "2\n00:00:04,000 --> 01:02:05,250\nunsure 40 %\n"
    )
    assert "walking &amp; &lt;talking&gt; 90 %" in (folder / "said.vtt").read_text()


def test_web_subtitles_start_as_the_standard_says():
    assert as_web_subtitles(PARTS[:1]).startswith("WEBVTT\n\n00:00:00.000 --> 00:00:02.500\n")


def test_segments_with_another_ending_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"ends with '\.doc'; expected \.csv, \.json, \.srt"):
        write_segments(PARTS, tmp_path / "said.doc", none_label="none")
