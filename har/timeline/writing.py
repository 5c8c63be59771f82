"""Segments as files: a table, JSON, subtitles."""

import csv
import html
from collections.abc import Sequence
from pathlib import Path

from har.engine.files import whole, write_json, write_text
from har.names.escaping import as_cell
from har.recognizer.prediction import Segment, with_share


def write_segments(segments: Sequence[Segment], path: Path, *, none_label: str) -> None:
    """Write segments as the ending of the file says: .csv, .json, .srt or .vtt.

    Subtitles leave out what is no action.

    Args:
        segments: In the order of time.
        path: The file; its folder is made.
        none_label: The label that is no action.

    Raises:
        ValueError: The ending is another one.
    """
    actions = [one for one in segments if one.label != none_label]
    writers = {
        ".csv": lambda: _as_csv(segments, path),
        ".json": lambda: write_json([segment_as_dict(one) for one in segments], path),
        ".srt": lambda: write_text(as_subtitles(actions), path),
        ".vtt": lambda: write_text(as_web_subtitles(actions), path),
    }
    if path.suffix not in writers:
        raise ValueError(f"{path} ends with {path.suffix!r}; expected {', '.join(writers)}.")
    writers[path.suffix]()


def segment_as_dict(segment: Segment) -> dict[str, float | str]:
    """Return a segment as JSON and tables have it, times to a hundredth of a second."""
    return {
        "start": round(segment.start, 2),
        "end": round(segment.end, 2),
        "label": segment.label,
        "probability": round(segment.probability, 4),
    }


def as_subtitles(segments: Sequence[Segment]) -> str:
    """Return segments as SubRip has them.

    Example:
        >>> print(as_subtitles([Segment(0, 61.5, "walking", 0.93)]), end="")
        1
        00:00:00,000 --> 00:01:01,500
        walking 93 %
    """
    return "\n".join(
        f"{number}\n{_clock(one.start, ',')} --> {_clock(one.end, ',')}\n{_text(one)}\n"
        for number, one in enumerate(segments, start=1)
    )


def as_web_subtitles(segments: Sequence[Segment]) -> str:
    """Return segments as WebVTT has them (https://www.w3.org/TR/webvtt1)."""
    cues = []
    for one in segments:
        text = html.escape(_text(one), quote=False)
        cues.append(f"{_clock(one.start, '.')} --> {_clock(one.end, '.')}\n{text}\n")
    return "\n".join(["WEBVTT\n", *cues])


def _as_csv(segments: Sequence[Segment], path: Path) -> None:
    with whole(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        rows = csv.DictWriter(file, ["start", "end", "label", "probability"], lineterminator="\n")
        rows.writeheader()
        said = map(segment_as_dict, segments)
        rows.writerows(one | {"label": as_cell(one["label"])} for one in said)


def _text(segment: Segment) -> str:
    return with_share(segment.label, segment.probability)


def _clock(seconds: float, mark: str) -> str:
    milliseconds = round(1000 * seconds)
    minutes, milliseconds = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{milliseconds // 1000:02}{mark}{milliseconds % 1000:03}"
