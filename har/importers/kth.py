"""KTH actions: six actions by 25 people in four scenes, cut into 2,391 sequences.

Facts:
    - Classes: boxing, handclapping, handwaving, jogging, running, walking.
    - 25 people x 6 actions x 4 scenes (d1 outdoors, d2 with scale variation, d3 with different
      clothes, d4 indoors), 599 videos: person13_handclapping_d3 does not exist. 160x120, grey,
      25 frames per second, DivX in AVI.
    - Layout: `boxing.zip`, … `walking.zip`, each with `person01_boxing_d1_uncomp.avi`, …; unpacked
      or not, in any folders. `_uncomp` may be missing.
    - `00sequences.txt` says which frames show the action, counted from 1, the last one included::

          person01_boxing_d1<tab><tab>frames<tab>1-95, 96-185, 186-245, 246-360

      Most videos have four such sequences, a few have three, the one that does not exist has none;
      some are not in order and a few overlap. They are used as they are.
    - Official split by people: train 11-18, validation 19, 20, 21, 23, 24, 25, 01, 04, test 22, 02,
      03, 05-10.

Reference:
    Schuldt, Laptev, Caputo: Recognizing Human Actions: A Local SVM Approach. ICPR 2004.
"""

import re
from pathlib import Path

from har.importers.plan import NAMES, Item, Plan, by_name, find_origins, read_lines, visible_files
from har.video.parts import Span

LICENCE = (
    "KTH actions (Schuldt, Laptev, Caputo 2004): publicly available for research, to be cited; "
    "no licence file is published"
)
LAYOUT = "boxing/person01_boxing_d1_uncomp.avi or boxing.zip, beside 00sequences.txt"
SEQUENCES_NAME = "00sequences.txt"

SPLITS = {
    "train": (11, 12, 13, 14, 15, 16, 17, 18),
    "val": (19, 20, 21, 23, 24, 25, 1, 4),
    "test": (22, 2, 3, 5, 6, 7, 8, 9, 10),
}
SPLIT_OF_PERSON = {
    f"person{number:02}": split for split, numbers in SPLITS.items() for number in numbers
}
NAME = r"(person\d\d)_(boxing|handclapping|handwaving|jogging|running|walking)_d[1-4]"
SEQUENCE_LINE = re.compile(rf"({NAME})\s+(?:frames\b)?(.*)")
VIDEO_NAME = re.compile(rf"({NAME})(?:_uncomp)?\.\w+", re.IGNORECASE)


def plan(source: Path) -> Plan:
    """Plan one video for each sequence of `00sequences.txt`.

    Raises:
        ValueError: `00sequences.txt` is missing, there twice, or not as expected.
    """
    result = Plan()
    files = visible_files(source)
    sequences = _read_sequences(_find_sequences_file(files, source))
    origins, unknown = {}, []
    for origin in by_name(find_origins(files), result).values():
        match = VIDEO_NAME.fullmatch(origin.name)
        if match is None or match[1].lower() not in sequences:
            unknown.append(str(origin))
        else:
            origins[match[1].lower()] = origin
    missing = []
    for name, spans in sequences.items():
        person, label = re.fullmatch(NAME, name).groups()
        for number, span in enumerate(spans, 1):
            path = f"{label}/{name}_seg{number}.mp4"
            if name in origins:
                item = Item(path, origins[name], person, SPLIT_OF_PERSON[person], span)
                result.items.append(item)
            else:
                missing.append(path)
    result.skip(
        missing,
        f"sequences are left out since their videos are missing: {NAMES}. Expected files as "
        f"person01_boxing_d1_uncomp.avi below {source}.",
    )
    result.skip(
        unknown, f"videos are not in {SEQUENCES_NAME} by their names and are left out: {NAMES}."
    )
    return result


def _find_sequences_file(files: list[Path], source: Path) -> Path:
    found = [file for file in files if file.name.lower() == SEQUENCES_NAME]
    if len(found) != 1:
        what = "no" if not found else f"{len(found)} files"
        raise ValueError(
            f"{source} has {what} {SEQUENCES_NAME}; expected one, the data set's list of frame "
            "ranges. Download it from where the videos are, and keep its name."
        )
    return found[0]


def _read_sequences(file: Path) -> dict[str, list[Span]]:
    """Return the spans of each video by its name, as person01_boxing_d1."""
    sequences: dict[str, list[Span]] = {}
    for number, line in read_lines(file):
        if not re.match(r"person\d\d_", line):
            continue  # the introduction
        match = SEQUENCE_LINE.fullmatch(line)
        if match is None or match[2] not in SPLIT_OF_PERSON:
            raise ValueError(
                f"{file}, line {number} is {line!r}; expected a line as 'person01_boxing_d1 frames "
                "1-95, 96-185'. Download the file again."
            )
        if match[1] in sequences:
            raise ValueError(f"{file}, line {number} repeats {match[1]}. Keep one of the lines.")
        sequences[match[1]] = _read_spans(match[4], f"{file}, line {number}")
    if not sequences:
        raise ValueError(
            f"{file} has no line as 'person01_boxing_d1 frames 1-95, 96-185'. Download it again."
        )
    return sequences


def _read_spans(text: str, where: str) -> list[Span]:
    """Return the spans of ranges that count from 1: '1-95' is frames 0 to 94, Span(0, 95)."""
    spans = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        match = re.fullmatch(r"(\d+)\s*-\s*(\d+)", part)
        if match is None:
            if part == "*missing*":
                continue  # how the list names the video that does not exist
            raise ValueError(f"{where} has the frame range {part!r}; expected one as '1-95'.")
        first, last = int(match[1]), int(match[2])
        if not 1 <= first <= last:
            raise ValueError(f"{where} has the frame range {part!r}; expected 1 or more, rising.")
        spans.append(Span(first - 1, last, "frames"))
    return spans
