"""UCF101: 101 actions in 13,320 clips from YouTube, in 25 groups an action.

Facts:
    - Layout: `UCF-101/<Label>/v_<Label>_g01_c01.avi`, beside `ucfTrainTestlist/` with
      `classInd.txt`, `trainlist01.txt` to `trainlist03.txt` and `testlist01.txt` to
      `testlist03.txt`. 320x240, 25 or 29.97 frames per second, XviD in AVI.
    - Lines of a train list end in the class number, those of the published test lists do not::

          ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c01.avi 1

    - Each clip is in the train or the test list of each of the three splits (split 1: 9,537 and
      3,783). There is no official validation: it is taken from the training groups.
    - A group (g01 to g25) is cut from one video or shares its people and background, so groups are
      never parted. They are numbered for each action on its own, so the subject here is the label
      with the group: `ApplyEyeMakeup_g08`.
    - `HandstandPushups/` holds `v_HandStandPushups_….avi` in some copies and
      `v_HandstandPushups_….avi` in others: file names are compared without regard to case.

Reference:
    Soomro, Zamir, Shah: UCF101: A Dataset of 101 Human Actions Classes From Videos in The Wild.
    CRCV-TR-12-01, 2012.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from har.importers.plan import NAMES, Entry, Plan, plan_listed, read_lines, safe_part, visible_files

LICENCE = (
    "UCF101 (Soomro, Zamir, Shah 2012): for research, to be cited; the clips belong to their "
    "YouTube uploaders"
)
LAYOUT = "UCF-101/Archery/v_Archery_g01_c01.avi, beside ucfTrainTestlist/"
NUM_SPLITS = 3

LISTS = (("train", "trainlist"), ("test", "testlist"))
GROUP = re.compile(r"v_.+_(g\d+)_c\d+", re.IGNORECASE)


def plan(source: Path, *, split: int) -> Plan:
    """Plan one video for each line of a split's two lists.

    Args:
        source: The folder with the videos and the lists.
        split: Which of the three official splits, 1 to 3.

    Raises:
        ValueError: A list is missing or not as expected.
    """
    files = visible_files(source)
    unlisted = f"videos are not in the lists of split {split} and are left out: {NAMES}."
    return plan_listed(files, _read_lists(files, split, source), source=source, unlisted=unlisted)


def _read_lists(files: list[Path], split: int, source: Path) -> Iterator[Entry]:
    for name, stem in LISTS:
        file = _find_list(files, f"{stem}{split:02}.txt", source)
        for number, line in read_lines(file):
            label, video, group = _read_line(line, f"{file}, line {number}")
            yield Entry(label, video, f"{label}_{group}", name)


def _find_list(files: list[Path], name: str, source: Path) -> Path:
    found = [file for file in files if file.name.lower() == name]
    if not found:
        raise ValueError(
            f"{source} has no {name}; expected the official lists, as ucfTrainTestlist/{name}. "
            "Download and unpack UCF101TrainTestSplits-RecognitionTask.zip there."
        )
    return found[0]


def _read_line(line: str, where: str) -> tuple[str, str, str]:
    """Return the label, the file name and the group of a line."""
    parts = re.sub(r"\s+\d+$", "", line).split("/")
    match = GROUP.match(parts[-1])
    if len(parts) != 2 or match is None:
        raise ValueError(
            f"{where} is {line!r}; expected a line as 'Archery/v_Archery_g01_c01.avi'. Download "
            "the list again."
        )
    label, video = (safe_part(part, where) for part in parts)
    return label, video, match[1].lower()
