"""How segments are compared with what is in a joined video, and what the gaps show."""

import pandas as pd

from benchmarks.joined import compare, fit
from benchmarks.segments import Watched, describe, kinds_of_gaps
from har.recognizer.prediction import Segment

TRUTH = [
    Segment(0, 3, "walking", 1.0),
    Segment(3, 5, "none", 1.0),
    Segment(5, 9, "waving", 1.0),
]


def found(*parts: tuple[float, float, str]) -> list[Segment]:
    return [Segment(start, end, label, 0.9) for start, end, label in parts]


def test_compare_finds_nothing_wrong_with_the_truth():
    same = compare(TRUTH, TRUTH)
    assert same.right == [1.0]
    assert same.near == [True, True]
    assert (same.clips, same.gaps) == ([True, True], [True])
    assert (same.num_found, same.num_true) == (3, 3)


def test_compare_counts_late_ends_wrong_labels_and_unsure_gaps():
    said = compare(TRUTH, found((0, 3.4, "walking"), (3.4, 6, "unsure"), (6, 9, "walking")))
    assert said.near == [True, False]  # 0.4 and 1 s late
    assert (said.clips, said.gaps) == ([True, False], [False])
    # Right are 3 s of walking and 1.6 s of the gap, where `unsure` is not wrong.
    assert abs(said.right[0] - 4.6 / 9) < 0.02
    one = compare(TRUTH, found((0, 9, "walking")))
    assert (one.near, one.num_found) == ([False, False], 1)


def test_short_clips_are_shown_again_and_long_ones_end():
    assert fit([1, 2, 3], 4 / 30, 5 / 30) == [1, 2, 3, 1]
    assert fit([1, 2, 3, 4, 5, 6], 4 / 30, 5 / 30) == [1, 2, 3, 4, 5]


def test_gaps_show_the_same_people_and_others():
    rows = [("bend", "anna"), ("none", "anna"), ("bend", "ben"), ("none", "film1")]
    tested = pd.DataFrame(rows, columns=["label", "subject"])
    tested["source"] = tested["label"] + "/" + tested["subject"] + ".mp4"
    kinds = [
        (between, who, [clip.path.stem for clip in gaps])
        for between, who, clips, gaps in kinds_of_gaps(tested, "none")
        if [clip.label for clip in clips] == ["bend"] and clips[0].path.stem == who
    ]
    assert kinds == [
        ("their own other actions", "anna", ["anna"]),
        ("others' other actions", "anna", ["film1"]),
        ("nobody", "anna", []),
        ("others' other actions", "ben", ["film1"]),
        ("nobody", "ben", []),
    ]


def test_row_has_intervals_over_people():
    watched = [Watched("nobody", who, compare(TRUTH, TRUTH)) for who in ("anna", "ben")]
    between, number, right, *_, segments = describe(watched)
    assert (between, number, segments) == ("nobody", "2", "6 of 6")
    assert right == "100.0% (34% to 100%)"
