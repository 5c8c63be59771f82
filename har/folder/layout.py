"""How a folder of videos is laid out: label folders, perhaps with folders of splits.

Conventions: folders of splits lie above the labels, `train/walking/a.mov`, as in most tutorials, or
below them, `walking/train/a.mov`. They are told by their names, in any case; one such name alone
tells nothing, since a label may be called `train`.
"""

from collections.abc import Collection
from dataclasses import dataclass

from har.names.spelling import clean_name

SPLIT_NAMES = {
    "train": ("train", "training", "trainset", "train_set"),
    "val": ("val", "valid", "validation", "dev", "valset", "val_set", "validation_set"),
    "test": ("test", "testing", "tst", "testset", "test_set"),
}
_SPLIT_OF = {name: split for split, names in SPLIT_NAMES.items() for name in names}
MAX_NAMED = 6  # folders in a sentence


@dataclass(frozen=True)
class Layout:
    """Which folder of a path is what.

    Attributes:
        label: Place of the label among the folders of a path, 0 or 1.
        split: Place of the split; None where folders give none.
        problem: Why it cannot be told, and the fix; empty if it can.
        note: What a user should know of it; else empty.
    """

    label: int = 0
    split: int | None = None
    problem: str = ""
    note: str = ""

    @property
    def depth(self) -> int:
        """How many folders a video lies in at least."""
        return 1 + max(self.label, self.split or 0)


def split_of(name: str) -> str | None:
    """Return the split that a name means, in any case; None for another word.

    Example:
        >>> split_of("Training"), split_of("valid"), split_of("walking")
        ('train', 'val', None)
    """
    return _SPLIT_OF.get(clean_name(name).casefold().replace("-", "_").replace(" ", "_"))


def find_layout(videos: Collection[tuple[str, ...]]) -> Layout:
    """Tell how a folder is laid out.

    Args:
        videos: The folders of each video below the data set, the outermost first.
    """
    tops = sorted({folders[0] for folders in videos if folders})
    named = [name for name in tops if split_of(name)]
    if len({split_of(name) for name in named}) > 1:
        return _splits_above(tops, named, videos)
    return _splits_below(videos) or Layout(note=_note_on(named, tops) or _note_on_same(videos))


def _splits_above(tops: list[str], named: list[str], videos: Collection[tuple[str, ...]]) -> Layout:
    others = [name for name in tops if name not in named]
    if others:
        return Layout(
            problem=f"The folders {_listed(named)} are named as splits, and beside them is "
            f"{_listed(others)}. Expected either splits with label folders in them, as "
            f"{named[0]}/walking/clip1.mov, or label folders alone. Move {_listed(others)} into "
            "the splits, or rename what is no split."
        )
    if not any(len(folders) > 1 for folders in videos):
        return Layout(
            problem=f"The folders {_listed(named)} are named as splits and have no label folders "
            f"in them. Expected {named[0]}/walking/clip1.mov: put the videos of each split into "
            "one folder per label."
        )
    return Layout(label=1, split=0)


def _splits_below(videos: Collection[tuple[str, ...]]) -> Layout | None:
    """Return the layout where the label folders have splits in them; None where they have not."""
    inner = {folders[1] for folders in videos if len(folders) > 1}
    named = sorted(name for name in inner if split_of(name))
    if len({split_of(name) for name in named}) < 2:
        return None
    outside = [folders for folders in videos if len(folders) < 2 or not split_of(folders[1])]
    if outside:
        where = sorted({"/".join(folders[:2]) for folders in outside})
        return Layout(
            problem=f"Some label folders have folders {_listed(named)}, which are named as splits, "
            f"and {len(outside)} videos are in none of them, as those in {_listed(where)}. Put "
            "every video into a split, or rename what is no split."
        )
    return Layout(label=0, split=1)


def _note_on(named: list[str], tops: list[str]) -> str:
    if not named or len(tops) == len(named):
        return ""
    return (
        f"A label is named {_listed(named)}. If that is a split, give the others too, each with "
        f"the label folders in it, as {named[0]}/walking/clip1.mov."
    )


def _note_on_same(videos: Collection[tuple[str, ...]]) -> str:
    """Return the note where all labels have the same folders in them, which may be the labels."""
    inner: dict[str, set[str]] = {}
    for folders in videos:
        if len(folders) < 2:
            return ""
        inner.setdefault(folders[0], set()).add(folders[1])
    tops, same = sorted(inner), set.intersection(*inner.values()) if inner else set()
    if len(tops) < 2 or len(same) < 2:
        return ""
    return (
        f"The labels {_listed(tops)} have the same folders in them, {_listed(sorted(same))}. If "
        f"those are the labels, put them outside, as {min(same)}/{tops[0]}/clip1.mov."
    )


def _listed(names: Collection[str]) -> str:
    """Return the first of some names, quoted.

    Example:
        >>> _listed(["train", "test"])
        "'train', 'test'"
    """
    shown = ", ".join(map(repr, list(names)[:MAX_NAMED]))
    more = len(names) - MAX_NAMED
    return f"{shown} and {more} more" if more > 0 else shown
