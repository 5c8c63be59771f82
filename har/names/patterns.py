"""Regular expressions that users give, matched within a time limit.

A pattern as `^(a+)+$` takes longer than anybody waits on a name of forty letters. The package regex
takes the same patterns as Python's own module, and stops.
"""

import regex

MAX_SECONDS = 1.0  # for one name
MAX_LENGTH = 1000


class PatternError(ValueError):
    """A pattern that cannot be used; the message says why."""


def compile_pattern(pattern: str) -> regex.Pattern:
    """Return a pattern ready for use.

    Raises:
        PatternError: It is no regular expression, or very long.
    """
    if len(pattern) > MAX_LENGTH:
        raise PatternError(f"it has {len(pattern)} characters; expected {MAX_LENGTH} at most")
    try:
        return regex.compile(pattern)
    except (regex.error, OverflowError) as error:
        raise PatternError(str(error)) from error


def search(pattern: str, text: str) -> regex.Match | None:
    """Return the first match of a pattern in a text; None where there is none.

    Raises:
        PatternError: It is no regular expression, or takes too long.
    """
    try:
        return compile_pattern(pattern).search(text, timeout=MAX_SECONDS)
    except TimeoutError as error:
        raise PatternError(
            f"it takes more than {MAX_SECONDS:g} s on {text!r}; write it without one repetition in "
            "another, as a+ in place of (a+)+"
        ) from error
