"""Times in a table as annotation tools write them: seconds, milliseconds, or a clock."""

import math
import re

# After the heading: `Start (ms)`, `Begin Time - msec`, `start_ms`; not `Begin Time - ss.msec`.
_MILLISECONDS = re.compile(r"(?<![.:a-z])(ms|msecs?|milliseconds?)\W*$", re.IGNORECASE)
_CLOCK = re.compile(r"(?:(\d+):)?(\d{1,3}):(\d{1,2}(?:[.,]\d*)?)")
_NUMBER = re.compile(r"(\d+(?:[.,]\d*)?|[.,]\d+)(?:\s*s(?:ec)?)?", re.IGNORECASE)


def is_in_milliseconds(heading: str) -> bool:
    """Return whether a heading says that the times below are milliseconds.

    Example:
        >>> is_in_milliseconds("Start (ms)"), is_in_milliseconds("Begin Time - ss.msec")
        (True, False)
    """
    return _MILLISECONDS.search(heading.replace("_", " ").strip()) is not None


def seconds_of(written: str, *, heading: str = "") -> float | None:
    """Return the seconds that a cell means; None where it is no time.

    Args:
        written: A number with a point or a comma, or minutes and seconds, or hours too.
        heading: Of its column, which may name the unit.

    Example:
        >>> seconds_of("12,5"), seconds_of("1:02.5"), seconds_of("01:00:00"), seconds_of("soon")
        (12.5, 62.5, 3600.0, None)
        >>> seconds_of("1500", heading="start_ms")
        1.5
    """
    written = written.strip()
    if number := _NUMBER.fullmatch(written):
        seconds = float(number[1].replace(",", "."))
        return seconds / 1000 if is_in_milliseconds(heading) else seconds
    if clock := _CLOCK.fullmatch(written):
        hours, minutes, seconds = clock.groups()
        return 3600 * int(hours or 0) + 60 * int(minutes) + float(seconds.replace(",", "."))
    return None


def as_seconds(seconds: float) -> str:
    """Return seconds as text, to the microsecond.

    Example:
        >>> as_seconds(12.50), as_seconds(3.0), as_seconds(1 / 24)
        ('12.5', '3', '0.041667')
    """
    text = f"{seconds:.6f}" if math.isfinite(seconds) else str(seconds)
    return text.rstrip("0").rstrip(".")
