"""HMDB51: 51 actions in 6,766 clips from films and the web.

Facts:
    - Layout: `hmdb51_org.rar` holds one .rar for each label; unpacked twice they give
      `<label>/<source>_<label>_f_nm_np1_fr_med_0.avi`, 240 pixels high, 30 frames per second, XviD
      in AVI. The tags after the label: body part (h, u, f, l), camera motion (nm, cm), number of
      people (np1, …), view (fr, ba, le, ri), quality (goo, med, bad), number of the clip.
    - `test_train_splits.rar` gives `testTrainMulti_7030_splits/<label>_test_split1.txt` to `3`, one
      clip a line with 1 (train), 2 (test) or 0 (in neither)::

          April_09_brush_hair_u_nm_np1_ba_goo_0.avi 1

      70 clips of each label train and 30 test; those with a 0 are not imported.
    - There is no official validation: it is taken from the training sources.
    - Nobody knows who is in a clip. The subject here is the film or video that it is cut from, the
      name before the label. The authors parted sources label by label; should a source be in train
      for one label and in test for another, the official split is kept, each of its clips becomes
      a subject of its own, and the import says so.

Reference:
    Kuehne, Jhuang, Garrote, Poggio, Serre: HMDB: A Large Video Database for Human Motion
    Recognition. ICCV 2011.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from har.importers.plan import (
    NAMES,
    Entry,
    Plan,
    plan_listed,
    read_lines,
    safe_part,
    separate_shared_subjects,
    visible_files,
)

LICENCE = "HMDB51 (Kuehne et al. 2011): Creative Commons Attribution 4.0 (CC BY 4.0)"
LAYOUT = (
    "brush_hair/April_09_brush_hair_u_nm_np1_ba_goo_0.avi, beside testTrainMulti_7030_splits/ "
    "(unpack the .rar files, with `unar` or `unrar x`)"
)
NUM_SPLITS = 3

SPLIT_OF_CODE = {"1": "train", "2": "test", "0": ""}
TAGS = r"_[hufl]_(?:nm|cm)_np\d+_(?:fr|ba|le|ri)_(?:goo|med|bad)_\d+$"


def plan(source: Path, *, split: int) -> Plan:
    """Plan one video for each clip that a split trains or tests on.

    Args:
        source: The folder with the videos and the lists.
        split: Which of the three official splits, 1 to 3.

    Raises:
        ValueError: The lists are missing or not as expected.
    """
    files = visible_files(source)
    result = plan_listed(
        files,
        _read_lists(files, split, source),
        source=source,
        unlisted="videos are in no list as <label>_test_split"
        f"{split}.txt and are left out: {NAMES}. Is a list missing or renamed?",
    )
    separate_shared_subjects(result)
    return result


def _read_lists(files: list[Path], split: int, source: Path) -> Iterator[Entry]:
    for label, file in _find_lists(files, split, source).items():
        for number, line in read_lines(file):
            name, code = _read_line(line, f"{file}, line {number}")
            yield Entry(label, name, source_of(name, label), SPLIT_OF_CODE[code])


def source_of(name: str, label: str) -> str:
    """Return the film or video that a clip is cut from.

    Example:
        >>> source_of("April_09_brush_hair_u_nm_np1_ba_goo_0.avi", "brush_hair")
        'April_09'
    """
    untagged = re.sub(TAGS, "", Path(name).stem)
    return untagged.removesuffix(f"_{label}") or untagged


def _find_lists(files: list[Path], split: int, source: Path) -> dict[str, Path]:
    """Return the lists of a split by label."""
    pattern = re.compile(rf"(.+)_test_split{split}\.txt")
    lists: dict[str, Path] = {}
    for file in files:
        match = pattern.fullmatch(file.name)
        if match and lists.setdefault(safe_part(match[1], str(file)), file) != file:
            raise ValueError(
                f"{file} and {lists[match[1]]} are lists of the same label and split. Keep one."
            )
    if not lists:
        raise ValueError(
            f"{source} has no list of split {split}; expected files as testTrainMulti_7030_splits/"
            f"brush_hair_test_split{split}.txt. Download and unpack test_train_splits.rar there."
        )
    return lists


def _read_line(line: str, where: str) -> tuple[str, str]:
    """Return the file name and the code of a line."""
    name, _, code = line.rpartition(" ")
    if code not in SPLIT_OF_CODE or not name:
        raise ValueError(
            f"{where} is {line!r}; expected a file name and 0, 1 or 2. Download the list again."
        )
    return safe_part(name.strip(), where), code
