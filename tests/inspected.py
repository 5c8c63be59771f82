"""Folders of videos to look at, for the tests of inspecting."""

import re
from pathlib import Path

from video_files import write_numbered

from har.commands.inspect import inspection_settings
from har.inspection.inspection import inspect_videos as inspect_folder
from har.inspection.problems import Problem
from har.settings import load_settings

PATTERN = r"^(p\d+)"
ODD_NAME = "p3_<b>&\"größe\" 'a'"


def write_people(folder: Path, labels=("sit", "walk"), num_people: int = 4, **options) -> Path:
    """Write a video of each person for each label; no two have the same bytes."""
    num_frames = 30
    for label in labels:
        for person in range(num_people):
            num_frames += 1
            write_numbered(folder / label / f"p{person}_a.mp4", num_frames, **options)
    return folder


def inspect_videos(folder: Path, pattern: str | None = PATTERN, **options):
    settings = inspection_settings(load_settings(), pattern)
    return inspect_folder(folder, settings, report=Path("page.html"), **options)


def find_problem(inspection, pattern: str) -> Problem:
    """Return the one problem whose text matches."""
    found = [problem for problem in inspection.problems if re.search(pattern, problem.what)]
    assert len(found) == 1, inspection.problems
    return found[0]
