"""A comparison for its readers: a text for the terminal, JSON for programs, a page to look at."""

import json
from typing import Any

from har.dataset.subjects import count_people
from har.evaluation.summary import count_tested
from har.pages.templating import render

MAX_NAMED = 20  # videos that changed side, in the terminal
CRITERION = (
    "A verdict needs both: a p value below 0.05, which takes videos as unrelated, and an interval "
    "without 0, which takes the videos of a person together."
)


def describe_comparison(compared: dict[str, Any], *, page: str) -> str:
    """Return the text for the terminal.

    Args:
        compared: What `compare` of `har.evaluation.comparison` returned, and `models`: the name of
            each and what it is.
        page: Where the page was written.
    """
    reference, comparisons = compared["reference"], compared["comparisons"]
    width = max(len(model["name"]) for model in compared["models"])
    lines = [f"{model['name']:<{width}}  {model['about']}" for model in compared["models"]]
    lines += ["", f"{_tested_on(compared)}    accuracy   macro F1"]
    scores = [(reference, "reference", comparisons[0])]
    scores += [(one["name"], "other", one) for one in comparisons]
    wide = max(width, len(_tested_on(compared)))
    lines += [
        f"{name:<{wide}}    {one['accuracy'][key]:8.1%}   {one['macro_f1'][key]:8.2f}"
        for name, key, one in scores
    ]
    for comparison in comparisons:
        lines += ["", verdict_sentence(compared, comparison), macro_f1_sentence(comparison)]
        lines += ["", *_class_lines(comparison), *_changed_lines(reference, comparison, page)]
    lines += ["", CRITERION, *(f"note: {note}" for note in compared["notes"])]
    lines.append(f"Look at it in {page}")
    return "\n".join(lines)


def comparison_as_json(compared: dict[str, Any], *, page: str) -> str:
    """Return the comparison as JSON, with the sentence that the text has.

    Args:
        compared: As for `describe_comparison`.
        page: Where the page was written.
    """
    content = _with_sentences(compared) | {"page": page}
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)


def render_page(compared: dict[str, Any]) -> str:
    """Return the page as HTML; names and labels are escaped.

    Args:
        compared: As for `describe_comparison`.
    """
    bounds = [
        abs(one[score][side])
        for one in compared["comparisons"]
        for score in ("accuracy", "macro_f1")
        for side in ("low", "high")
    ]
    return render(
        "compare.html",
        **_with_sentences(compared),
        limit=max(bounds),
        tested_on=_tested_on(compared),
        criterion=CRITERION,
        points=_signed,
        p_value=_p_value,
    )


def verdict_sentence(compared: dict[str, Any], comparison: dict[str, Any]) -> str:
    """Return who is better, by how much, how sure that is, and how many videos changed side."""
    name, reference = comparison["name"], compared["reference"]
    accuracy, verdict = comparison["accuracy"], comparison["verdict"]
    corrected = " by Holm" if len(compared["comparisons"]) > 1 else ""
    certainty = (
        f"(95 % interval {_points(accuracy['low'])} to {_points(accuracy['high'])}; McNemar"
        f"{corrected} {_p_value(comparison['p_adjusted'])})"
    )
    changes = comparison["gained"] + comparison["lost"]
    sides = "no video changed side"
    if changes:
        sides = (
            f"{changes} of {compared['num_videos']} videos changed side, {comparison['gained']} "
            f"for {name} and {comparison['lost']} against it"
        )
    if verdict == "undecided":
        return (
            f"{name} and {reference} cannot be told apart: {_signed(accuracy['difference'])} "
            f"points {certainty}; {sides}."
        )
    size = f"{100 * abs(accuracy['difference']):.1f}"
    return f"{name} is {verdict} than {reference} by {size} points {certainty}; {sides}."


def macro_f1_sentence(comparison: dict[str, Any]) -> str:
    """Return the difference of macro F1 and its interval."""
    f1 = comparison["macro_f1"]
    return (
        f"Macro F1 differs by {f1['difference']:+.2f} (95 % interval {f1['low']:.2f} to "
        f"{f1['high']:.2f})."
    )


def _with_sentences(compared: dict[str, Any]) -> dict[str, Any]:
    comparisons = [
        one | {"sentence": verdict_sentence(compared, one)} for one in compared["comparisons"]
    ]
    return compared | {"comparisons": comparisons}


def _tested_on(compared: dict[str, Any]) -> str:
    people = count_people(compared["num_subjects"])
    return f"{count_tested(compared['num_videos'])} of {people}"


def _class_lines(comparison: dict[str, Any]) -> list[str]:
    """Return the table of the labels: how often each is recognised."""
    per_class = comparison["per_class"]
    width = max(map(len, ["label", *per_class]))
    lines = [f"{'label':<{width}}  videos   recall before  after  difference (95 % interval)   F1"]
    for label, scores in per_class.items():
        recall, f1 = scores["recall"], scores["f1"]
        interval = f"({_points(recall['low'])} to {_points(recall['high'])})"
        lines.append(
            f"{label:<{width}}  {scores['videos']:6}  {recall['reference']:14.0%} "
            f"{recall['other']:6.0%}  {_signed(recall['difference']):>6} {interval:<20} "
            f"{f1['reference']:.2f} -> {f1['other']:.2f}"
        )
    return lines


def _changed_lines(reference: str, comparison: dict[str, Any], page: str) -> list[str]:
    changed = comparison["changed"]
    if not changed:
        return []
    lines = ["", f"What {reference} said -> what {comparison['name']} said (+ is now right):"]
    lines += [
        f"  {'+' if video['gained'] else '-'} {video['video_id']} ({video['subject']}): "
        f"{video['reference']} -> {video['other']}"
        for video in changed[:MAX_NAMED]
    ]
    if len(changed) > MAX_NAMED:
        lines.append(f"  and {len(changed) - MAX_NAMED} more, in {page}")
    return lines


def _points(share: float) -> str:
    """Return a share in points, without a minus before a zero."""
    return f"{round(100 * share, 1) + 0.0:.1f}"


def _signed(share: float) -> str:
    return f"{round(100 * share, 1) + 0.0:+.1f}"


def _p_value(p_value: float) -> str:
    return "p < 0.001" if p_value < 0.001 else f"p = {p_value:.2g}"
