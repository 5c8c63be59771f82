"""What `make repro` ends with: the scores, a picture to look at, and what to do next."""

import os
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any

from har.dataset.subjects import knows_people
from har.engine.files import read_json
from har.engine.repository import has_uncommitted
from har.evaluation.real_people import RESULT, describe_result, read_result
from har.evaluation.summary import describe_metrics
from har.settings import Settings

SCORES, PICTURE = Path("metrics/scores.json"), Path("metrics/plots/confusion.png")
# What tells of a run and is kept by git.
RECORD = ("dvc.lock", "dvc.yaml", "params.yaml", "metrics", "data")
FEW_PEOPLE = 5  # in the test: so few say little about others
ACTIVATE = "source .venv/bin/activate"
COLUMNS = 40  # of a command


def print_ending(settings: Settings, *, ran: Collection[str], real_people: Path = RESULT) -> None:
    """Print the table of the scores, for drawn videos how the model does on real people, and more.

    Args:
        settings: Of the project.
        ran: The stages that ran.
        real_people: The file of `har.evaluation.real_people`.
    """
    scores = read_json(SCORES)
    print(f"\n{describe_metrics(scores)}")
    if settings.is_synthetic:
        print("\nThese people are drawn: the scores say nothing about real ones.")
        print(describe_result(read_result(real_people)))
    print(f"\nConfusion matrix: {PICTURE}\n\nNext:")
    if Path(sys.prefix).resolve() == Path(".venv").resolve() and not os.environ.get("VIRTUAL_ENV"):
        print(f"  {ACTIVATE}")
    for command, what in next_steps(settings, scores, has_run="evaluate" in ran):
        gap = "  " if len(command) < COLUMNS else "\n" + (COLUMNS + 4) * " "
        print(f"  {command:<{COLUMNS}}{gap}{what}")


def next_steps(
    settings: Settings, scores: dict[str, Any], *, has_run: bool
) -> list[tuple[str, str]]:
    """Return commands that fit what just happened, each with what it does.

    Args:
        settings: Of the project.
        scores: The content of scores.json.
        has_run: Whether the scores are new.
    """
    model = settings.model
    steps = []
    if has_run and has_uncommitted(*RECORD):
        said = f"{model}: accuracy {scores['accuracy']:.0%}"
        steps.append((f'git add . && git commit -m "{said}"', "keep this run, to compare with"))
    other = "attention" if model == "fusion" else "fusion"
    compare = (f"dvc exp run -S model={other}", "another model on the same videos")
    live = ("python -m har live", "your camera: what you do, as you do it")
    if settings.is_synthetic:
        film = ("python -m har record --label waving --subject anna", "film clips of your own")
        return [*steps, live, film, compare]
    steps.append(("python -m har report", "one page: labels, people, mistakes, where it looks"))
    if knows_people(scores["grouped_by"]) and scores["num_test_subjects"] < FEW_PEOPLE:
        everybody = ("python -m har crossval --folds people", "test each person once")
        return [*steps, everybody, live]
    return [*steps, compare, live]
