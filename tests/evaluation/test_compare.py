"""Comparisons: statistics with expected numbers, errors, and the text, JSON and page of them."""

import json
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from har.evaluation.comparison import accuracy_difference, compare, decide
from har.evaluation.paired_statistics import bonett_price, holm, mcnemar, people_spread
from har.evaluation.scores import resample_subjects
from har.pages.comparison import comparison_as_json, describe_comparison, render_page

PEOPLE = [f"p{number:02}" for number in range(10)]
LABELS = ("sit", "walk", "wave")


def make_table(right: list[bool], *, people: list[str], labels=LABELS) -> pd.DataFrame:
    """Return predictions of videos that go round people and labels; a wrong one is the next label.

    Args:
        right: Of each video, whether it is predicted rightly.
        people: Who is in the videos: all videos of a label, then the next label.
        labels: What there is.
    """
    rows = []
    for number, is_right in enumerate(right):
        place = number // len(people) % len(labels)
        rows.append(
            {
                "video_id": f"video{number:03}",
                "subject": people[number % len(people)],
                "label": labels[place],
                "predicted": labels[place if is_right else (place + 1) % len(labels)],
            }
        )
    return pd.DataFrame(rows)


WEAK = make_table([number % 3 == 0 for number in range(30)], people=PEOPLE)  # 10 of 30
STRONG = make_table([number % 15 > 0 for number in range(30)], people=PEOPLE)  # 28 of 30


def compared(*tables: tuple[str, pd.DataFrame], seed: int = 1) -> dict:
    result = compare(list(tables), num_bootstrap=200, seed=seed)
    models = [{"name": name, "about": f"the table of {name}"} for name, _ in tables]
    return {"models": models} | result


@pytest.mark.parametrize(
    ("gained", "lost", "p_value"),
    [
        (0, 0, 1.0),
        (3, 3, 1.0),
        (5, 0, 0.0625),  # 2 / 2**5
        (6, 0, 0.03125),  # 2 / 2**6, the first below 0.05
        (0, 6, 0.03125),
        (8, 2, 0.109375),  # 2 * (1 + 10 + 45) / 2**10
    ],
)
def test_mcnemar_is_what_it_is_by_hand(gained, lost, p_value):
    assert mcnemar(gained=gained, lost=lost) == pytest.approx(p_value)


def test_bonett_price_is_what_it_is_by_hand():
    # 6 / 22 - 2 / 22 = 0.1818; its error sqrt((8 / 22 - 0.1818**2) / 22) = 0.12258
    assert bonett_price(gained=5, lost=1, num_videos=20) == pytest.approx(
        (0.1818 - 1.96 * 0.12258, 0.1818 + 1.96 * 0.12258), abs=1e-4
    )


def test_people_spread_is_what_it_is_by_hand():
    # Two people, +1 and 0: the mean of two drawn has the error sqrt(1 / 8), unbiased 0.5, and
    # Student's t of one degree of freedom is 12.706.
    change = np.array([1.0, 0.0])
    spread = people_spread(
        lambda rows: change[rows].mean(),
        np.array(["ann", "ben"]),
        num_bootstrap=20_000,
        rng=np.random.default_rng(0),
    )
    assert spread == pytest.approx(0.5 * 12.706, rel=0.02)


def test_people_spread_of_one_person_is_none():
    assert people_spread(np.mean, np.array(["ann"] * 3), num_bootstrap=9, rng=None) == 0.0


def test_holm_never_changes_the_order_of_p_values():
    assert holm(np.array([0.04])).tolist() == [0.04]
    assert holm(np.array([0.02, 0.01, 0.5])) == pytest.approx([0.04, 0.03, 0.5])
    assert holm(np.array([0.6, 0.7])).tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    ("low", "high", "p_value", "verdict"),
    [
        (0.01, 0.2, 0.049, "better"),
        (-0.2, -0.01, 0.049, "worse"),
        (0.01, 0.2, 0.05, "undecided"),
        (-0.01, 0.2, 0.001, "undecided"),
        (0.0, 0.2, 0.001, "undecided"),
    ],
)
def test_decide_needs_both(low, high, p_value, verdict):
    assert decide({"low": low, "high": high}, p_value) == verdict


def test_compare_finds_the_better_one():
    result = compared(("weak", WEAK), ("strong", STRONG))
    (one,) = result["comparisons"]
    assert one["accuracy"]["reference"] == pytest.approx(10 / 30)
    assert one["accuracy"]["other"] == pytest.approx(28 / 30)
    assert one["accuracy"]["difference"] == pytest.approx(18 / 30)
    # Both wrong in none; 0 and 15 are right in weak alone, the other 20 in strong alone.
    assert (one["gained"], one["lost"]) == (20, 2)
    assert one["p_value"] == pytest.approx(2 * (1 + 22 + 231) / 2**22)
    assert one["verdict"] == "better"
    assert 0 < one["accuracy"]["low"] < 0.6 < one["accuracy"]["high"] <= 1
    assert [video["video_id"] for video in one["changed"]][-2:] == ["video000", "video015"]
    assert [video["gained"] for video in one["changed"]] == [True] * 20 + [False] * 2
    assert (result["num_videos"], result["num_subjects"], result["notes"]) == (30, 10, [])


def test_compare_scores_each_label():
    labels = ("sit", "walk")
    reference = make_table([True, True, False, False], people=["ann", "ben"], labels=labels)
    other = make_table([True, False, True, True], people=["ann", "ben"], labels=labels)
    per_class = compared(("a", reference), ("b", other))["comparisons"][0]["per_class"]
    assert list(per_class) == ["sit", "walk"]
    sit, walk = per_class["sit"], per_class["walk"]
    assert (sit["videos"], sit["gained"], sit["lost"]) == (2, 0, 1)
    assert (walk["videos"], walk["gained"], walk["lost"]) == (2, 2, 0)
    assert sit["recall"]["difference"] == -0.5
    assert walk["recall"]["difference"] == 1.0
    # The reference says sit four times, twice rightly; the other once, rightly.
    assert sit["f1"] == pytest.approx({"reference": 4 / 6, "other": 2 / 3, "difference": 0.0})
    assert walk["f1"] == pytest.approx({"reference": 0.0, "other": 4 / 5, "difference": 0.8})


def test_compare_negates_when_swapped():
    there = compared(("a", WEAK), ("b", STRONG))["comparisons"][0]
    back = compared(("b", STRONG), ("a", WEAK))["comparisons"][0]
    scores = [(there[name], back[name]) for name in ("accuracy", "macro_f1")]
    scores += [(there["per_class"][x]["recall"], back["per_class"][x]["recall"]) for x in LABELS]
    for one, other in scores:
        assert one["difference"] == pytest.approx(-other["difference"])
        assert one["low"] == pytest.approx(-other["high"])
        assert one["high"] == pytest.approx(-other["low"])
        assert one["reference"] == other["other"]
    assert there["p_value"] == back["p_value"]
    assert (there["gained"], there["lost"]) == (back["lost"], back["gained"])
    assert (there["verdict"], back["verdict"]) == ("better", "worse")


def test_compare_depends_on_the_seed_and_not_on_the_order_of_videos():
    first = compared(("a", WEAK), ("b", STRONG))
    shuffled = [("a", WEAK.sample(frac=1, random_state=1)), ("b", STRONG.iloc[::-1])]
    assert compared(*shuffled) == first
    assert compared(("a", WEAK), ("b", STRONG), seed=2) != first


def test_compare_of_a_tie_is_undecided_with_a_width():
    (one,) = compared(("a", STRONG), ("b", STRONG))["comparisons"]
    for score in (one["accuracy"], one["macro_f1"]):
        assert score["difference"] == 0
        # 1.96 * sqrt(2 / 32 / 32), as Bonett and Price have it for 30 videos
        assert (score["low"], score["high"]) == pytest.approx((-0.0866, 0.0866), abs=1e-4)
    assert (one["p_value"], one["verdict"], one["changed"]) == (1.0, "undecided", [])


def test_compare_does_not_take_agreement_of_all_for_certainty():
    wrong = make_table([False] * 6, people=PEOPLE[:6])
    right = make_table([True] * 6, people=PEOPLE[:6])
    (one,) = compared(("a", wrong), ("b", right))["comparisons"]
    assert one["macro_f1"]["difference"] == 1
    assert one["macro_f1"]["low"] < 0.8


def test_compare_of_one_person_says_so():
    wrong = make_table([False] * 12, people=["ann"])
    right = make_table([True] * 12, people=["ann"])
    result = compared(("a", wrong), ("b", right))
    accuracy = result["comparisons"][0]["accuracy"]
    expected = bonett_price(gained=12, lost=0, num_videos=12)
    assert accuracy["low"] == pytest.approx(expected[0])
    assert result["notes"][0].startswith("Only 1 person is in the test. Whatever is found holds")


def test_compare_does_not_take_one_persons_videos_for_proof():
    people = ["ann", "ben"]
    wrong = make_table([False] * 24, people=people)
    right = make_table([number % 2 == 0 for number in range(24)], people=people)  # all of ann
    (one,) = compared(("a", wrong), ("b", right))["comparisons"]
    assert one["p_value"] == pytest.approx(2 / 2**12)
    assert one["accuracy"]["low"] < 0
    assert one["verdict"] == "undecided"


def test_compare_corrects_for_several():
    middle = make_table([number % 3 < 2 for number in range(30)], people=PEOPLE)
    result = compared(("weak", WEAK), ("strong", STRONG), ("middle", middle))
    strong, middle = result["comparisons"]
    assert strong["p_adjusted"] == pytest.approx(2 * strong["p_value"])
    assert middle["p_adjusted"] == pytest.approx(2 / 2**10)  # 10 gained; the largest stays
    assert "corrected by Holm's method" in result["notes"][-1]
    assert compared(("weak", WEAK), ("strong", STRONG))["comparisons"][0] == strong | {
        "p_adjusted": strong["p_value"]
    }


def test_compare_notes_what_weakens_it():
    each = [f"alone{number}" for number in range(30)]
    table = make_table([True] * 30, people=each)
    notes = compared(("a", table), ("b", table))["notes"]
    assert notes[0].startswith("Every video counts as a person of its own.")
    assert notes[1].startswith("Fewer than 6 videos changed side")
    renamed = WEAK.assign(subject=["someone", *WEAK["subject"][1:]])
    notes = compared(("a", WEAK), ("b", renamed))["notes"]
    assert notes[0] == "a and b name different people in 1 of the videos; those of a are used."


def test_compare_refuses_other_videos():
    other = WEAK[3:].replace({"video_id": {"video003": "new"}})
    with pytest.raises(ValueError, match="A comparison needs the same videos") as error:
        compared(("a", WEAK), ("b", other))
    assert str(error.value).startswith(
        "a and b were tested on different videos: 26 are shared, 4 (video000, video001, video002, "
        "...) only in a, 1 (new) only in b."
    )


def test_compare_refuses_a_part_of_the_videos():
    with pytest.raises(ValueError, match=r"29 are shared, 1 \(video000\) only in a, 0 only in b"):
        compared(("a", WEAK), ("b", WEAK[1:]))


def test_compare_refuses_other_labels():
    other = STRONG.assign(label=["jump", *STRONG["label"][1:]])
    message = "same 30 videos, but 1 have different labels, as video000: 'sit' and 'jump'"
    with pytest.raises(ValueError, match=message):
        compared(("a", WEAK), ("b", other))


def test_intervals_hold_the_truth_where_the_percentile_interval_does_not():
    """Three people whose true differences scatter around a mean, with 15 videos each."""
    rng = np.random.default_rng(3)
    truth = np.clip(rng.normal(0.2, 0.3, 10**6), -0.4, 0.5).mean()
    people = np.repeat(["ann", "ben", "cem"], 15)
    held = {"here": 0, "percentile": 0}
    for _ in range(300):
        shift = np.repeat(np.clip(rng.normal(0.2, 0.3, 3), -0.4, 0.5), 15)
        before, after = rng.random((2, 45)) < [np.full(45, 0.45), 0.45 + shift]
        options = {"num_bootstrap": 200, "rng": rng}
        ours = accuracy_difference(before, after, people, **options)
        change = after.astype(float) - before
        samples = resample_subjects(people, **options)
        low, high = np.quantile([change[rows].mean() for rows in samples], [0.025, 0.975])
        held["here"] += ours["low"] <= truth <= ours["high"]
        held["percentile"] += low <= truth <= high
    assert held["here"] / 300 > 0.9
    assert 0.7 < held["percentile"] / 300 < 0.9


def test_describe_comparison_says_it_in_a_sentence():
    text = describe_comparison(compared(("weak", WEAK), ("strong", STRONG)), page="x.html")
    assert "strong is better than weak by 60.0 points (95 % interval " in text
    assert "McNemar p < 0.001); 22 of 30 videos changed side, 20 for strong and 2 against" in text
    assert "30 test videos of 10 people" in text
    assert "  + video001 (p01): walk -> sit" in text
    assert "  and 2 more, in x.html" in text
    assert text.endswith("Look at it in x.html")
    back = describe_comparison(compared(("strong", STRONG), ("weak", WEAK)), page="x.html")
    assert "weak is worse than strong by 60.0 points" in back
    tie = describe_comparison(compared(("a", WEAK), ("b", WEAK)), page="x.html")
    assert "b and a cannot be told apart: +0.0 points" in tie
    assert "no video changed side" in tie


def test_comparison_as_json_has_the_sentence_and_the_numbers():
    result = compared(("weak", WEAK), ("strong", STRONG))
    content = json.loads(comparison_as_json(result, page="x.html"))
    (one,) = content["comparisons"]
    assert one.pop("sentence").startswith("strong is better than weak by 60.0 points")
    assert content == result | {"page": "x.html"}


def test_render_page_draws_differences_and_takes_names_as_text():
    bad = "<script>alert('é')</script>"
    labels = (bad, "b & c", '"quoted"')
    a = make_table([number % 2 == 0 for number in range(12)], people=[bad], labels=labels)
    b = make_table([True] * 12, people=[bad], labels=labels)
    result = compared((bad, a), ("other", b))
    page = render_page(result)
    tags, text = read_page(page)
    assert "script" not in {tag for tag, _ in tags}
    assert "<script" not in page
    assert bad in text
    assert "b & c" in text
    assert '"quoted"' in text
    assert "6 videos changed side" in text
    drawn = [attributes for tag, attributes in tags if attributes.get("class") == "range"]
    assert len(drawn) == 2 + 3  # accuracy, macro F1 and three labels
    assert drawn[0]["aria-label"].startswith("+50.0, from ")
    assert "src" not in {name for _, attributes in tags for name in attributes}


def test_render_page_keeps_the_bars_within_their_place():
    for first, second in [(WEAK, STRONG), (STRONG, WEAK), (WEAK, WEAK)]:
        tags, _ = read_page(render_page(compared(("a", first), ("b", second))))
        for tag, attributes in tags:
            if tag == "i":
                style = dict(part.split(":") for part in attributes["style"].split(";"))
                left, width = (float(style[name].rstrip("%")) for name in ("left", "width"))
                assert 0 <= left <= left + width <= 100 + 1e-9


def read_page(page: str) -> tuple[list[tuple[str, dict]], str]:
    """Return the tags with their attributes, and the text without its line breaks."""

    class Reader(HTMLParser):
        def __init__(self):
            super().__init__()
            self.tags, self.text = [], ""

        def handle_starttag(self, tag, attributes):
            self.tags.append((tag, dict(attributes)))

        def handle_data(self, data):
            self.text += data

    reader = Reader()
    reader.feed(page)
    return reader.tags, " ".join(reader.text.split())
