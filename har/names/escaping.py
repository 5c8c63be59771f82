"""Names where they could do something: in a terminal, and in a table that a spreadsheet opens."""

import contextlib
import re
import sys
from collections.abc import Iterator
from typing import TextIO

# Control characters but for line ends and tabs, separators of lines, turns of the writing
# direction, and bytes that are no UTF-8.
_ACTIVE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_LINE_ENDS = re.compile("[\t\n]")
# What progress bars write: back to the start of the line, at either end of a text, and up a line.
_BAR = re.compile(r"(?s)(\r*)(.*?)([\r\n]*)")
_MOVES = re.compile(r"(\n|\x1b\[A)+")
# A spreadsheet takes a cell that begins so for a formula; an apostrophe before it makes it text.
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-]?[\d.,]+([eE][+-]?\d+)?%?")


def visible(text: str, *, one_line: bool = False) -> str:
    r"""Return a text whose characters only show, and do nothing to a terminal.

    Those that would do something are written as in JSON, so that JSON stays what it says.

    Args:
        text: Any text.
        one_line: Whether line ends and tabs are such characters too.

    Example:
        >>> print(visible("walk\x1b[2Jing"))
        walk\u001b[2Jing
    """
    text = _ACTIVE.sub(_as_number, text)
    return _LINE_ENDS.sub(_as_number, text) if one_line else text


def has_controls(text: str) -> bool:
    """Return whether a text has control characters other than line ends and tabs."""
    return bool(_CONTROLS.search(text))


def _as_number(match: re.Match) -> str:
    return f"\\u{ord(match[0]):04x}"


class _Visible:
    """A stream to which texts are written so that they only show."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        if _MOVES.fullmatch(text):
            self._stream.write(text)
        else:
            before, shown, after = _BAR.fullmatch(text).groups()
            self._stream.write(f"{before}{visible(shown)}{after}")
        return len(text)

    def writelines(self, texts: list[str]) -> None:
        for text in texts:
            self.write(text)

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)


@contextlib.contextmanager
def visible_output() -> Iterator[None]:
    """Let what the body prints only show, whatever names are in it."""
    streams = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = map(_Visible, streams)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = streams


def as_cell(text: str) -> str:
    """Return a text as the cell of a table, where no spreadsheet takes it for a formula.

    `as_text` gives it back. Numbers stay as they are.

    Example:
        >>> as_cell("=1+1"), as_cell("-x"), as_cell("walking"), as_cell("-1.5")
        ("'=1+1", "'-x", 'walking', '-1.5')
    """
    is_formula = _FORMULA.match(text) and not _NUMBER.fullmatch(text)
    return f"'{text}" if is_formula else text


def as_text(cell: str) -> str:
    """Return the text of which `as_cell` made a cell.

    Example:
        >>> as_text("'=1+1"), as_text("'s walk"), as_text("=1+1")
        ('=1+1', "'s walk", '=1+1')
    """
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell
