"""What an importer finds in a downloaded data set, and what becomes of it.

An importer reads the data set's own lists and file names and returns a `Plan`: one `Item` for each
video to make. It writes nothing; `har.importers.importing` carries the plan out.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from har.folder.listing import VIDEO_SUFFIXES, list_files
from har.integrity.unpacking import Archive
from har.video.parts import Origin, Span

MAX_NAMED = 3  # of many missing files, so many are named
MAX_NAME_BYTES = 255
NAMES = "\0"  # stands in a problem for names to come; no path, which may have {}, has it


@dataclass(frozen=True)
class Item:
    """One video of the result.

    Attributes:
        path: Where it goes, `<label>/<file name>`.
        origin: Where it comes from.
        subject: Who is in it, or which group of videos it belongs to.
        split: train, val, test, or empty where there is no official split.
        span: What to cut out; None for the whole video.
    """

    path: str
    origin: Origin
    subject: str
    split: str = ""
    span: Span | None = None


@dataclass(frozen=True)
class Entry:
    """A video that an official list names.

    Attributes:
        label: Its label.
        name: Its file name, which may differ in case from that of the file.
        subject: Who is in it, or which group of videos it belongs to.
        split: train, val or test; empty where the list leaves it out.
    """

    label: str
    name: str
    subject: str
    split: str


@dataclass
class Plan:
    """All videos of the result.

    Attributes:
        items: One for each video.
        problems: What a user should know, each a sentence or two.
        num_skipped: Videos that the data set names and that are not imported.
    """

    items: list[Item] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    num_skipped: int = 0

    def skip(self, names: Sequence[str], problem: str) -> None:
        """Count videos as skipped and say why, if there are any; see `name_some`."""
        if names:
            self.num_skipped += len(names)
            self.problems.append(name_some(names, problem))


def name_some(names: Sequence[str], problem: str) -> str:
    """Return the problem with the number of names, and the first of them in place of `NAMES`.

    Example:
        >>> name_some(["a.avi", "b.avi", "c.avi", "d.avi"], f"videos are missing: {NAMES}. Get it.")
        "4 videos are missing: 'a.avi', 'b.avi', 'c.avi', …. Get it."
    """
    named = ", ".join(map(repr, names[:MAX_NAMED])) + (", …" if len(names) > MAX_NAMED else "")
    return f"{len(names)} {problem.replace(NAMES, named)}"


def visible_files(source: Path) -> list[Path]:
    """Return all files below a folder, linked ones too, by name and without hidden ones."""
    return [path for path in list_files(source, follow_links=True) if path.is_file()]


def find_origins(files: Iterable[Path]) -> list[Origin]:
    """Return the videos among the files and inside those that are a .zip.

    Raises:
        ValueError: A .zip is damaged, or has names that lead out of it.
    """
    found = []
    for file in files:
        if file.suffix.lower() in VIDEO_SUFFIXES:
            found.append(Origin(file))
        elif file.suffix.lower() == ".zip":
            found += _members(file)
    return found


def _members(file: Path) -> list[Origin]:
    try:
        with Archive(file) as archive:
            names = archive.names
    except ValueError as error:
        raise ValueError(f"{error} Download it again, or remove it.") from error
    for name in names:
        path = PurePosixPath(name.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts:
            raise ValueError(
                f"{file} has the entry {name!r}, which leads out of it; expected plain names. Get "
                "the file from its official source."
            )
    # What macOS adds to a .zip beside each file has the file's name and ending.
    hidden = ("__MACOSX/", ".")
    return [
        Origin(file, name)
        for name in sorted(names)
        if PurePosixPath(name).suffix.lower() in VIDEO_SUFFIXES
        and not name.startswith(hidden)
        and not PurePosixPath(name).name.startswith(".")
    ]


def plan_listed(
    files: list[Path], entries: Iterable[Entry], *, source: Path, unlisted: str
) -> Plan:
    """Plan one video for each entry of the official lists.

    Args:
        files: All files of the data set, from `visible_files`.
        entries: What the lists name.
        source: The folder of the data set, to be named in problems.
        unlisted: The problem with videos that no list names, as for `name_some`.
    """
    result = Plan()
    videos = by_name(find_origins(files), result)
    missing, listed = [], set()
    for entry in entries:
        listed.add(entry.name.lower())
        path, origin = f"{entry.label}/{entry.name}", videos.get(entry.name.lower())
        if not entry.split:
            result.num_skipped += 1
        elif origin is None:
            missing.append(path)
        else:
            result.items.append(Item(path, origin, entry.subject, entry.split))
    result.skip(missing, f"videos are in the lists but not below {source}: {NAMES}.")
    result.skip([str(origin) for name, origin in videos.items() if name not in listed], unlisted)
    drop_repeated(result)
    return result


def by_name(origins: Iterable[Origin], plan: Plan) -> dict[str, Origin]:
    """Return the videos by their lower-case file names; of several the first, and it is said."""
    found: dict[str, list[Origin]] = defaultdict(list)
    for origin in origins:
        found[origin.name.lower()].append(origin)
    repeated = [str(several[1]) for several in found.values() if len(several) > 1]
    if repeated:
        plan.problems.append(
            name_some(repeated, f"files have the name of another and are left alone: {NAMES}.")
        )
    return {name: several[0] for name, several in found.items()}


def safe_part(text: str, where: str) -> str:
    """Return a text that is to be a folder's or a file's name, unchanged, if it can be one.

    Args:
        text: A label or a file name from a list.
        where: The list, and the line, for the message.

    Raises:
        ValueError: The text is empty, hidden, too long, or would lead to another folder.
    """
    is_plain = text == text.strip() and not text.startswith(".") and text.isprintable()
    if not text or not is_plain or "/" in text or "\\" in text:
        raise ValueError(
            f"{where} has the name {text!r}, which cannot be a file or folder here; expected a "
            "plain name without slashes, not starting with a dot. Correct the list."
        )
    if len(text.encode()) > MAX_NAME_BYTES:
        raise ValueError(
            f"{where} has a name of {len(text.encode())} bytes, {text[:40]!r}…; expected at most "
            f"{MAX_NAME_BYTES}. Correct the list."
        )
    return text


def read_lines(file: Path) -> list[tuple[int, str]]:
    """Return the lines of a text file that are not blank, stripped, with their numbers from 1.

    Raises:
        ValueError: The file is not text in UTF-8.
    """
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} is not text in UTF-8: {error}. Download it again.") from error
    return [(number, line.strip()) for number, line in enumerate(lines, 1) if line.strip()]


def drop_repeated(plan: Plan) -> None:
    """Keep one of each item that a list names twice, and none that it names in two ways."""
    items: dict[str, Item] = {}
    repeated, contradicting = [], set()
    for item in plan.items:
        first = items.setdefault(item.path, item)
        if first is item:
            continue
        if first == item:
            repeated.append(item.path)
        else:
            contradicting.add(item.path)
    plan.items = [item for path, item in items.items() if path not in contradicting]
    if repeated:
        plan.problems.append(name_some(repeated, f"rows repeat another and count once: {NAMES}."))
    plan.skip(
        sorted(contradicting),
        f"videos are named twice with different splits or times and are left out: {NAMES}. Correct "
        "the lists.",
    )


def separate_shared_subjects(plan: Plan) -> None:
    """Make each video of a subject that is in several official splits a subject of its own.

    The official split decides; a subject in two splits would be refused by `har.dataset.splits`.
    """
    splits = defaultdict(set)
    for item in plan.items:
        splits[item.subject].add(item.split)
    shared = sorted(subject for subject, names in splits.items() if len(names) > 1)
    if not shared:
        return
    plan.problems.append(
        name_some(
            shared,
            f"sources are in more than one official split: {NAMES}. The split is kept, and each of "
            "their videos counts as a subject of its own; scores are a little too good.",
        )
    )
    among = set(shared)
    plan.items = [
        Item(item.path, item.origin, PurePosixPath(item.path).stem, item.split, item.span)
        if item.subject in among
        else item
        for item in plan.items
    ]
