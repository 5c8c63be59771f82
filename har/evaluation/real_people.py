"""How a recognizer does on clips of real people: scores, and the file that keeps them.

Problem: the clips show actions that the recognizer has labels for, and other actions. An answer of
an action is right if it is its label, one of another action if it names none (`none`, `unsure`).
Another action is *taken* for one of the recognizer's if that has a probability above `SURE`.

`benchmarks.real_people` writes the file, and `har.evaluation.summary` reads it: JSON with `date`,
`command`, `recognizer` (what tells it from others), what `summarize` returns, `problems` with
the data sets and `unreadable` files. Scores are counts of clips; each share has the bounds of its
95 % interval over people, `_low` and `_high`, in [0, 1].
"""

import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from har.dataset.none_label import UNSURE
from har.engine.files import read_json
from har.evaluation.rejection import is_rejected
from har.evaluation.scores import accuracy_interval, resample_subjects

RESULT = Path("docs/real-people.json")
SURE = 0.5
NUM_BOOTSTRAP = 2000
MOST_FAILURES = 6  # sentences
WIDTH = 80  # columns of a terminal
HOW_TO_MEASURE = "To measure on real people: python -m benchmarks.real_people models/fusion FOLDER"
BEST_ACTION = "  (best action: right if `none` and `unsure` were no answers)"
FLATTERS = "What is drawn was chosen by these clips, so new ones will score lower."


def judge(answered: pd.DataFrame, none_label: str | None) -> pd.DataFrame:
    """Return clips with what is right of their answers.

    Args:
        answered: One row a clip, with `label` (the right one), `is_none` (whether it shows another
            action), `answer`, `best` (the most probable action) and `probability` (of that).
        none_label: The recognizer's label that is no action; None where it has none.

    Returns:
        The same rows with `answer_right`, `action_right` (whether `best` is right) and `taken`.
    """
    rejected = is_rejected(answered["answer"].to_numpy(), none_label)
    is_label = answered["answer"] == answered["label"]
    return answered.assign(
        answer_right=np.where(answered["is_none"], rejected, is_label),
        action_right=answered["best"] == answered["label"],
        taken=answered["is_none"] & (answered["probability"] > SURE),
    )


def summarize(judged: pd.DataFrame, table: dict[str, Any]) -> dict[str, Any]:
    """Return the scores of each label folder and of several together, and where they are worst.

    Args:
        judged: Of `judge`, with `folder` and `dataset` (a data set's folder and name),
            `label_folder`, `shown` (the action in words), `subject` and `nobody`.
        table: `datasets`, those known, by folder, and `totals`: `name`, and of which `datasets` and
            `labels`; all of them where it does not say.

    Returns:
        `rows`, one a label folder; `totals`, of actions; `none`, of the other actions, None if
        there are none; `nobody`, how many clips in which nobody is found have which answer; and
        `failures`, of `find_failures`.
    """
    keys = ["dataset", "label_folder", "label"]
    groups = judged.groupby(keys, sort=False)
    own = [name for name in judged["folder"].unique() if name not in table["datasets"]]
    totals = []
    for total in [
        *table["totals"],
        *({"name": f"{name}, all", "datasets": [name]} for name in own),
    ]:
        chosen = ~judged["is_none"]
        chosen &= judged["folder"].isin(total.get("datasets", judged["folder"]))
        chosen &= judged["label"].isin(total.get("labels", judged["label"]))
        if chosen.any():
            totals.append({"name": total["name"]} | score(judged[chosen]))
    others = judged[judged["is_none"]]
    return {
        "rows": [dict(zip(keys, key, strict=True)) | score(clips) for key, clips in groups],
        "totals": totals,
        "none": None if others.empty else score(others),
        "nobody": judged.loc[judged["nobody"], "answer"].value_counts().to_dict(),
        "failures": find_failures(judged),
    }


def score(clips: pd.DataFrame) -> dict[str, Any]:
    """Return the scores of clips that all show actions, or all show other actions.

    Args:
        clips: Of `judge`, at least one.

    Returns:
        `clips`, `people`, `answer_right`, and `action_right` or `taken`, with their bounds;
        `unsure`, `nobody`, and `answers`: how many clips have which answer.
    """
    people, rng = clips["subject"].to_numpy(), np.random.default_rng(0)
    samples = resample_subjects(people, num_bootstrap=NUM_BOOTSTRAP, rng=rng)
    scores: dict[str, Any] = {"clips": len(clips), "people": len(np.unique(people))}
    for name in ("answer_right", "taken" if clips["is_none"].all() else "action_right"):
        low, high = accuracy_interval(clips[name].to_numpy(dtype=float), samples)
        bounds = {f"{name}_low": round(low, 4), f"{name}_high": round(high, 4)}
        scores |= {name: int(clips[name].sum())} | bounds
    return scores | {
        "unsure": int((clips["answer"] == UNSURE).sum()),
        "nobody": int(clips["nobody"].sum()),
        "answers": clips["answer"].value_counts().to_dict(),
    }


def find_failures(judged: pd.DataFrame) -> list[str]:
    """Return a sentence on each of the commonest wrong answers, by data set and action shown.

    Args:
        judged: As for `summarize`.
    """
    keys = ["dataset", "shown"]
    totals = judged.groupby(keys).size()
    wrong = judged[~judged["answer_right"]].groupby([*keys, "answer"]).size()
    wrong = wrong[wrong > 1].sort_values(ascending=False, kind="stable").head(MOST_FAILURES)
    return [
        f"{dataset}: {shown} gets the answer {answer} in {count} of {totals[dataset, shown]} clips."
        for (dataset, shown, answer), count in wrong.items()
    ]


def read_result(path: Path) -> dict[str, Any] | None:
    """Return the content of the file, or None where there is none.

    Raises:
        ValueError: It is not what the benchmark wrote.
    """
    if not path.is_file():
        return None
    try:
        result = read_json(path)
        describe_result(result)
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path} is not what benchmarks.real_people writes ({type(error).__name__}: {error}). "
            f"Restore it by `git checkout {path}`, or measure again."
        ) from error
    return result


def describe_result(result: dict[str, Any] | None) -> str:
    """Return what people read of a result, at most `WIDTH` columns wide.

    Args:
        result: From `read_result`.
    """
    if result is None:
        return HOW_TO_MEASURE
    lines = _wrapped(
        f"On real people, {result['recognizer']['model']} as last measured for this version "
        f"({result['date']}, {RESULT.as_posix()}):"
    )
    if result["totals"]:
        lines.append(f"{'':39}{'right answers':>24}{'best action':>15}")
        lines += [_describe_total(total) for total in result["totals"]]
        lines.append(BEST_ACTION)
    if result["none"]:
        lines += _wrapped(
            "Other actions taken for one of the recognizer's, with a probability above "
            f"{100 * SURE:.0f} %: {share_of(result['none'], 'taken')}."
        )
    if result["failures"]:
        lines.append("Where it fails most:")
        lines += [line for failure in result["failures"] for line in _wrapped(failure, "  ")]
    return "\n".join([*lines, *_wrapped(FLATTERS)])


def share_of(scores: dict[str, Any], name: str) -> str:
    """Return a count, of how many, and the 95 % interval of the share.

    Args:
        scores: Of `score`.
        name: Of the count.

    Example:
        >>> share_of({"clips": 20, "taken": 3, "taken_low": 0.052, "taken_high": 0.36}, "taken")
        '3 of 20, 5 to 36 %'
    """
    low, high = 100 * scores[f"{name}_low"], 100 * scores[f"{name}_high"]
    return f"{scores[name]} of {scores['clips']}, {low:.0f} to {high:.0f} %"


def _describe_total(total: dict[str, Any]) -> str:
    """Return a line with what the accuracies of a total are."""
    name = textwrap.shorten(total["name"], 37, placeholder="...")
    return f"  {name:37}{share_of(total, 'answer_right'):>24}{total['action_right']:>15}"


def _wrapped(text: str, indent: str = "") -> list[str]:
    """Return the lines of a text; those after the first are indented twice as far."""
    indents = {"initial_indent": indent, "subsequent_indent": 2 * indent}
    return textwrap.wrap(text, WIDTH, break_on_hyphens=False, **indents)
