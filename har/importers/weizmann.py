"""Weizmann actions: ten actions by nine people.

Facts:
    - Classes: bend, jack, jump, pjump, run, side, skip, walk, wave1, wave2.
    - People: daria, denis, eli, ido, ira, lena, lyova, moshe, shahar. 90 pairs of person and
      action; lena runs, skips and walks twice (`lena_walk1.avi`, `lena_walk2.avi`), so the files
      are 93. 180x144, AVI.
    - Layout: `bend.zip`, … `wave2.zip`, each with `daria_bend.avi`, …; unpacked or not, in any
      folders.
    - There is no official split; the paper leaves one out at a time. Only the subject is given
      here: the first part of the file name.

Reference:
    Gorelick, Blank, Shechtman, Irani, Basri: Actions as Space-Time Shapes. PAMI 29(12), 2007.
"""

import re
from pathlib import Path

from har.importers.plan import NAMES, Item, Plan, by_name, find_origins, visible_files

LICENCE = (
    "Weizmann Actions as Space-Time Shapes (Gorelick et al. 2007): for research, to be cited; no "
    "licence file is published"
)
LAYOUT = "walk/daria_walk.avi, daria_walk.avi or walk.zip"

PEOPLE = ("daria", "denis", "eli", "ido", "ira", "lena", "lyova", "moshe", "shahar")
ACTIONS = ("bend", "jack", "jump", "pjump", "run", "side", "skip", "walk", "wave1", "wave2")
VIDEO_NAME = re.compile(rf"({'|'.join(PEOPLE)})_({'|'.join(ACTIONS)})([12]?)\.avi", re.IGNORECASE)


def plan(source: Path) -> Plan:
    """Plan one video for each file that is named as in the data set."""
    result = Plan()
    unknown, missing = [], {(person, action) for person in PEOPLE for action in ACTIONS}
    for name, origin in by_name(find_origins(visible_files(source)), result).items():
        match = VIDEO_NAME.fullmatch(name)
        if match is None:
            unknown.append(str(origin))
            continue
        person, action, _ = match.groups()
        result.items.append(Item(f"{action}/{name}", origin, person))
        missing.discard((person, action))
    names = [f"{person}_{action}.avi" for person, action in sorted(missing)]
    result.skip(names, f"of the 90 videos are missing: {NAMES}. Expected them below {source}.")
    result.skip(
        unknown,
        f"videos are not named as in the data set and are left out: {NAMES}. Expected names as "
        "daria_walk.avi.",
    )
    return result
