"""What is damaged of all that is kept, and how it is put right, for `make repro` and `har doctor`.

`python -m har.integrity.repair` puts right what can be found in a moment: torn files of DVC, and
damage to what was written to since the last time. `har doctor` reads everything.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from har.engine.cache import default_folder, find_damaged_entries
from har.engine.errors import plain_errors
from har.engine.repository import cache_folder, project_root, remake, stages_to_remake
from har.engine.verification import mark_damaged
from har.integrity.objects import (
    discard_objects,
    find_damaged_objects,
    last_checked,
    name_objects,
    note_checked,
)
from har.integrity.outputs import find_damaged_outputs
from har.integrity.records import find_torn_records, fix_record

MAX_NAMED = 5


@dataclass(frozen=True)
class Damage:
    """Something that is damaged.

    Attributes:
        what: The files and what is wrong, in a sentence.
        fix: Puts it right and returns what was done, in a sentence.
    """

    what: str
    fix: Callable[[], str]


def find_damage(*, everything: bool) -> Iterator[Damage]:
    """Yield what is damaged, each as it is found.

    Args:
        everything: Whether to read all that is kept, at the speed of the disk, and not only what
            was written to since DVC's cache was last checked.
    """
    for file in find_torn_records():
        yield Damage(f"{file} was cut off while DVC wrote it", partial(fix_record, file))
    cache, began = cache_folder(), time.time()
    objects = []
    if cache is not None:
        objects = find_damaged_objects(cache, since=0.0 if everything else last_checked())
    if objects:
        yield Damage(
            f"in DVC's cache {_name(name_objects(objects, cache))}",
            partial(_discard_objects, objects, began),
        )
    elif cache is not None:
        note_checked(began)
    if not everything:
        return
    for files in find_damaged_entries(default_folder()):
        yield Damage(f"{files[0]} is damaged, or the file beside it", partial(_remove_entry, files))
    for file in find_damaged_outputs():
        yield Damage(f"{file} has other bytes than were made", partial(_mark_output, file))


def remake_missing() -> list[str]:
    """Run the stages of which nothing changed but what they had made, and return them.

    A stage whose input was damaged too comes after that input is there again.
    """
    remade: list[str] = []
    while cache_folder() is not None:
        stages = [stage for stage in stages_to_remake() if stage not in remade]
        if not stages:
            break
        remake(stages)
        remade += stages
    return remade


def _discard_objects(objects: list[Path], began: float) -> str:
    aside = project_root() / ".har" / "damaged"
    num_moved = discard_objects(objects, aside)
    note_checked(began)
    said = f"discarded {len(objects)}"
    if num_moved:
        said += f", {num_moved} of them moved to {aside}: delete it if you miss nothing"
    return said


def _remove_entry(files: list[Path]) -> str:
    for file in files:  # the record first, so that no record is ever without its data
        file.unlink(missing_ok=True)
    return "removed: it is made again when it is wanted"


def _mark_output(file: Path) -> str:
    mark_damaged(file)
    return "DVC will see it as changed"


def _name(files: list[str]) -> str:
    more = f" and {len(files) - MAX_NAMED} more" if len(files) > MAX_NAMED else ""
    verb = "is" if len(files) == 1 else "are"
    return f"{', '.join(files[:MAX_NAMED])}{more} {verb} damaged"


def main() -> None:
    """Put right what can be found in a moment, and say it."""
    for damage in find_damage(everything=False):
        print(f"repair: {damage.what}; {damage.fix()}")


if __name__ == "__main__":
    with plain_errors():
        main()
