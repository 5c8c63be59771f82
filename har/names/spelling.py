"""One spelling to compare names by, and names that are nearly the same.

Labels, people and folds are compared after `clean_name`, wherever they come from. What it leaves
apart and people would take for one name, as `Anna` and `anna`, is found by `find_near`.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable

# Soft hyphen, zero-width blanks and joiners, marks of direction, byte order mark.
INVISIBLE = "\u00ad\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u2060\ufeff" + "".join(
    map(chr, [*range(0x202A, 0x202F), *range(0x2066, 0x206A)])
)
BLANK = "".join(character for character in map(chr, range(0x3001)) if character.isspace())
VARIATION_SELECTORS = "\ufe0e\ufe0f"  # the same sign as text or as an emoji
ACCENT = re.compile("[\u0300-\u036f]")  # those of Latin, Greek and Cyrillic letters
MAX_NAMED = 5  # groups of names in one sentence


def clean_name(text: str) -> str:
    """Return a name as it is compared: accents in their letters, nothing unseen at its ends.

    macOS writes an accent apart from its letter, other systems within it. Within a name invisible
    signs stay: emoji and some scripts need them.

    Example:
        >>> clean_name("Zoe\u0308 ") == "Zo\u00eb"
        True
    """
    return unicodedata.normalize("NFC", text).strip(BLANK + INVISIBLE)


def find_near(names: Iterable[str]) -> list[tuple[str, ...]]:
    """Return the groups of different names that people would take for one, each sorted.

    They differ in case, accents, invisible signs, in how words or numbers are written.

    Example:
        >>> find_near(["anna", "Anna", "ben", "1", "1.0", "sit_down", "sit down"])
        [('1', '1.0'), ('Anna', 'anna'), ('sit down', 'sit_down')]
    """
    groups = defaultdict(set)
    for name in names:
        groups[_near_key(name)].add(name)
    return sorted(tuple(sorted(group)) for key, group in groups.items() if key and len(group) > 1)


def near_names(name: str, known: Iterable[str]) -> list[str]:
    """Return those of the known names that are nearly a name, and not itself, sorted."""
    key = _near_key(name)
    return sorted({one for one in known if one != name and _near_key(one) == key})


def describe_near(names: Iterable[str], *, kind: str) -> str:
    """Return a sentence on names that are nearly the same; empty where there are none.

    Args:
        names: What to compare.
        kind: What they name, as `labels`.

    Example:
        >>> describe_near(["anna", "Anna"], kind="people")
        "These people have nearly the same name: 'Anna' and 'anna'. Give one the name of the other \
if they are the same."
    """
    groups = [" and ".join(map(repr, group)) for group in find_near(names)]
    if not groups:
        return ""
    more = f"; and {len(groups) - MAX_NAMED} more" if len(groups) > MAX_NAMED else ""
    return (
        f"These {kind} have nearly the same name: {'; '.join(groups[:MAX_NAMED])}{more}. Give one "
        "the name of the other if they are the same."
    )


def _near_key(name: str) -> str:
    """Return what names have in common that are nearly the same."""
    key = ACCENT.sub("", unicodedata.normalize("NFKD", name)).casefold()
    key = key.translate(dict.fromkeys(map(ord, INVISIBLE + VARIATION_SELECTORS)))
    key = re.sub(r"[\s_-]+", " ", key).strip()
    key = re.sub(r"(?<![\d.])0+(?=\d)", "", key)  # 01 is 1
    return re.sub(r"^(\d+)\.0*$", r"\1", key)  # and a spreadsheet makes 1.0 of it
