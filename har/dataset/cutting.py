"""Parts of long videos, cut out once and kept in the cache as the step `cut`.

What follows reads the parts as if they were files of the data set. `har.video.cutting` makes them,
some of one file in one go, so that a long file is read a few times and not once for each part.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from har.engine.cache import Cache, CacheEntry, keep_entries
from har.engine.errors import VideoError
from har.engine.steps import Limits
from har.engine.workers import run_in_workers
from har.folder.times import as_seconds
from har.video.codecs import code_version
from har.video.cutting import cut_video
from har.video.parts import Cut, Span
from har.video.reading import blame_video, read_video_timing
from har.video.stored.timing import Timing

BATCH_SECONDS = 60.0  # of video that a worker cuts out before the next may take over
Row = dict[str, Any]  # of the report, by column


@dataclass(frozen=True)
class Readable:
    """What to read for a row of the report.

    Attributes:
        file: The row's source, or the part that was cut out of it.
        digest: SHA-256 of the file's bytes.
        reason: Why there is no such part, for a user to read; else empty.
    """

    file: Path
    digest: str
    reason: str = ""


@dataclass(frozen=True)
class _Batch:
    """Parts of one file to cut in one go: its path, and a key of the cache for each part."""

    source: Path
    spans: tuple[tuple[str, Span], ...]
    cache: Cache


def name_of(row: Row) -> str:
    """Return the source of a row, with the part where it is one, for messages.

    Example:
        >>> name_of({"source": "a.mp4", "start": "2", "end": "5.5"})
        'a.mp4 from 2 to 5.5 s'
    """
    span = span_of(row)
    return row["source"] if span is None else _name(row["source"], span)


def span_of(row: Row) -> Span | None:
    """Return the part that a row gives; None for the whole file."""
    if not row["start"]:
        return None
    return Span(float(row["start"]), float(row["end"]), "seconds")


def find_problem(source: Path, span: Span, timing: Timing) -> str:
    """Return what is wrong with a part, by the times of its file's frames; else empty."""
    seconds = float(timing.duration_seconds)
    if span.stop > seconds + float(1 / timing.fps):  # a frame more is rounding
        return (
            f"{_name(source, span)} ends after the video, which has {seconds:.3f} s. Correct the "
            "row of metadata.csv."
        )
    if not timing.between(span.start, span.stop).times:
        return (
            f"{_name(source, span)} has no frame: it is shorter than the time between two. Correct "
            "the row of metadata.csv."
        )
    return ""


def _name(source: Path | str, span: Span) -> str:
    return f"{source} from {as_seconds(span.start)} to {as_seconds(span.stop)} s"


@contextmanager
def readable_files(rows: Sequence[Row], limits: Limits) -> Iterator[list[Readable]]:
    """Cut what is not in the cache, and keep it there while the body reads it.

    Args:
        rows: With `source`, `source_sha256`, `start` and `end`; the last two empty for a whole
            file.
        limits: What one worker may use.

    Yields:
        What to read for each row, in order.
    """
    if not any(row["start"] for row in rows):
        yield [Readable(Path(row["source"]), row["source_sha256"]) for row in rows]
        return
    cache = Cache("cut", ending=".mp4")
    keys = [_key(row, cache) for row in rows]
    with keep_entries(limits.max_gigabytes):
        made = {key: entry for key in set(keys) if key and (entry := cache.get(key))}
        missing: dict[Path, dict[str, Span]] = {}
        for row, key in zip(rows, keys, strict=True):
            if key and key not in made:
                missing.setdefault(Path(row["source"]), {})[key] = span_of(row)
        made |= _make(missing, cache, limits)
        yield [_readable(row, made.get(key)) for row, key in zip(rows, keys, strict=True)]


def _key(row: Row, cache: Cache) -> str:
    """Return the key of a row's part; empty for a whole file."""
    if not row["start"]:
        return ""
    return cache.key(
        row["source_sha256"],
        parameters={"start": row["start"], "end": row["end"]},
        code_version=code_version("har.video.cutting"),
    )


def _readable(row: Row, made: CacheEntry | str | None) -> Readable:
    if isinstance(made, CacheEntry):
        return Readable(made.data, made.sha256)
    return Readable(Path(row["source"]), row["source_sha256"], made or "")


def _make(
    missing: dict[Path, dict[str, Span]], cache: Cache, limits: Limits
) -> dict[str, CacheEntry | str]:
    """Return the new entries by their keys, or why there is none."""
    batches = [one for source, spans in missing.items() for one in _batches(source, spans, cache)]
    results = run_in_workers(
        _cut_batch,
        batches,
        total=len(batches),
        **limits.of_workers,
        description="cut",
        section="convert",  # whose limits are used
        failures=(VideoError,),
    )
    made: dict[str, CacheEntry | str] = {}
    for batch, result in zip(batches, results, strict=True):
        made |= result.value or {key: result.reason for key, _ in batch.spans}
    return made


def _batches(source: Path, spans: dict[str, Span], cache: Cache) -> Iterable[_Batch]:
    """Divide the parts of a file, in order of time, into what a worker cuts in one go."""
    batch, seconds = _Batch(source, (), cache), 0.0
    for key, span in sorted(spans.items(), key=lambda one: (one[1].start, one[1].stop)):
        if batch.spans and seconds + span.stop - span.start > BATCH_SECONDS:
            yield batch
            batch, seconds = _Batch(source, (), cache), 0.0
        batch = replace(batch, spans=(*batch.spans, (key, span)))
        seconds += span.stop - span.start
    yield batch


def _cut_batch(batch: _Batch) -> dict[str, CacheEntry | str]:
    """Cut parts of one file and put them into the cache; runs in a worker.

    Raises:
        VideoError: The file cannot be read.
    """
    made: dict[str, CacheEntry | str] = {}
    cuts: dict[str, Cut] = {}
    with blame_video(batch.source, section="convert"):
        timing = read_video_timing(batch.source)
        for key, span in batch.spans:
            made[key] = find_problem(batch.source, span, timing)
            if not made[key]:
                cuts[key] = Cut(batch.cache.new_file(), span)
        try:
            problems = cut_video(batch.source, list(cuts.values()), timing=timing)
            for (key, cut), problem in zip(cuts.items(), problems, strict=True):
                made[key] = (
                    f"{_name(batch.source, cut.span)} cannot be decoded to its end. Copy the video "
                    "again from where it came from, or drop the row of metadata.csv."
                    if problem
                    else batch.cache.put(key, cut.destination, {})
                )
        finally:
            for cut in cuts.values():
                cut.destination.unlink(missing_ok=True)
    return made
