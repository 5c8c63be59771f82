"""A model and a labelled folder, to be read: tables for the terminal, and a page."""

from pathlib import Path
from typing import Any

from har.dataset.reach import describe_few
from har.evaluation.labelled_folder import MAJORITY, Answered
from har.evaluation.summary import describe_rejection, describe_tested
from har.pages.templating import NUM_FIRST, frame_uris, picture_uri, render
from har.timeline.describing import name_answer


def describe_folder(scores: dict[str, Any], none_label: str | None) -> str:
    """Return the tables on a model and a labelled folder.

    Args:
        scores: Of `har.evaluation.labelled_folder`, with `folder` and `model_folder`.
        none_label: The model's label that is no action; None where it has none.
    """
    lines = [
        f"{scores['model_folder']} on {scores['folder']}",
        "",
        f"{'':36}{'accuracy':>9}   95 % interval",
    ]
    lines += [
        f"{row['name']:36}{row['value']:9.1%}   {row['low']:4.0%} to {row['high']:4.0%}"
        for row in score_rows(scores)
    ]
    lines += ["The other baselines of the stage `evaluate` need the training data.", ""]
    lines.append(f"{'':28}{'precision':>9}{'recall':>9}   95 % interval{'videos':>9}")
    for label, score in scores["per_class"].items():
        shares, interval = f"{'-':>9}{'-':>9}", f"{'-':>12}"  # without videos nothing is known
        if score["support"]:
            shares = f"{score['precision']:9.0%}{score['recall']:9.0%}"
            interval = f"{score['recall_low']:4.0%} to {score['recall_high']:4.0%}"
        name = name_answer(label, none_label)
        lines.append(f"{name:28}{shares}   {interval:13}{score['support']:9d}")
    few = describe_few(scores["num_test_videos"])
    tested = f"On {describe_tested(scores)}{f'; {few}' if few else ''}."
    lines += ["", tested, *describe_rejection(scores)]
    lines.append(
        f"Macro F1 {scores['macro_f1']:.2f} ({scores['macro_f1_low']:.2f} to "
        f"{scores['macro_f1_high']:.2f}), loss {scores['loss']:.2f}, expected calibration error "
        f"{scores['expected_calibration_error']:.2f}."
    )
    return "\n".join(lines)


def score_rows(scores: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the accuracies on a labelled folder, with `name`, `value`, `low` and `high`."""
    rows, rest = [(scores["model"], scores, "accuracy")], scores["not_seen"]
    if rest:
        name = f"  on {rest['num_test_videos']} not seen in training"
        rows.append((name, rest, "accuracy"))
    rows.append(("always the folder's commonest label", scores["baselines"], MAJORITY))
    return [
        {"name": said, "value": of[name], "low": of[f"{name}_low"], "high": of[f"{name}_high"]}
        for said, of, name in rows
    ]


def render_folder(
    scores: dict[str, Any], answered: Answered, none_label: str | None, plots: Path
) -> str:
    """Return a page on a model and a labelled folder.

    Args:
        scores: As for `describe_folder`.
        answered: With the mistakes to show.
        none_label: The model's label that is no action; None where it has none.
        plots: The folder that has confusion.png and reliability.png.
    """
    mistakes = [
        {
            "video_id": video["video_id"],
            "subject": video["subject"],
            "label": name_answer(video["label"], none_label),
            "predicted": name_answer(said.label, none_label),
            "probability": said.probabilities[said.label],
            "pictures": frame_uris([said.clip]),
        }
        for video, said in answered.mistakes
    ]
    return render(
        "evaluate.html",
        scores=scores,
        tested=describe_tested(scores),
        rows=score_rows(scores),
        said=describe_rejection(scores),
        per_class={
            name_answer(label, none_label): score for label, score in scores["per_class"].items()
        },
        mistakes=mistakes,
        num_first=NUM_FIRST,
        confusion=picture_uri(plots / "confusion.png"),
        reliability=picture_uri(plots / "reliability.png"),
    )
