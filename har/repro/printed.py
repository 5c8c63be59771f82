"""What `dvc repro` and the stages print, read line by line."""

import re
from dataclasses import dataclass, field

_STAGE = re.compile(
    r"Running stage '(?P<run>[^']+)':"
    r"|Stage '(?P<cached>[^']+)' is cached - skipping run.*"
    r"|Stage '(?P<unchanged>[^']+)' didn't change, skipping"
)
# Of DVC and of a progress that is written to a log: no line of a stage.
_ASIDE = re.compile(
    r"\s*|> .*|.* lock file 'dvc\.lock'|.*: +\d+/\d+ \w+, \S+ gone, \S+ left|To track the changes.*"
)
_REUSED = re.compile(r"(\d+) (?:made|drawn), (\d+) reused|(: reused)(?:;|$)")


@dataclass
class StageRun:
    """A stage that runs, or that DVC takes from its run cache.

    Attributes:
        name: As in dvc.yaml.
        began: Seconds, of any clock.
        is_cached: Whether DVC takes its outputs from the run cache.
        lines: What it printed.
    """

    name: str
    began: float
    is_cached: bool = False
    lines: list[str] = field(default_factory=list)

    @property
    def said(self) -> str:
        """What the stage says that it did, on one line; how much it made or reused comes first."""
        if self.is_cached:
            return "the same was done before: taken from DVC's cache"
        own = [line.split(": ", 1) for line in self.lines if not _ASIDE.fullmatch(line)]
        said = [line[1] for line in own if len(line) == 2 and line[0] == self.name]
        said = [text for text in said if " failed: " not in text]  # a video each
        said.reverse()  # what a stage says last is what it did; before, what it is doing
        return "; ".join(sorted(said, key=lambda text: not _REUSED.search(text)))

    @property
    def warnings(self) -> list[str]:
        """What the stage warns of."""
        return [line for line in self.lines if line.startswith("warning: ")]

    @property
    def is_mostly_reused(self) -> bool:
        """Whether most of what it made came from a cache, so that its time says little."""
        found = _REUSED.search(self.said)
        if self.is_cached or found is None:
            return self.is_cached
        return bool(found[3]) or int(found[2]) > int(found[1])


class Printed:
    """All that was printed so far.

    Attributes:
        current: The stage that runs.
        ended: The stages before it that ran.
        unchanged: The names of those that had nothing to do.
    """

    def __init__(self):
        self.current: StageRun | None = None
        self.ended: list[StageRun] = []
        self.unchanged: list[str] = []
        self._others: list[str] = []

    @property
    def seen(self) -> set[str]:
        """The names of all stages that have ended, run or had nothing to do."""
        running = [self.current] if self.current else []
        return {stage.name for stage in self.ended + running} | set(self.unchanged)

    def take(self, line: str, now: float) -> bool:
        """Read a line; return whether it ended a stage, which is then the last of `ended`.

        Args:
            line: Without its end.
            now: Seconds, of the clock of `StageRun.began`.
        """
        found = _STAGE.fullmatch(line)
        if not found:
            (self.current.lines if self.current else self._others).append(line)
            return False
        was_running = self.end()
        if found["unchanged"]:
            self.unchanged.append(found["unchanged"])
        else:
            name, is_cached = found["run"] or found["cached"], bool(found["cached"])
            self.current = StageRun(name, now, is_cached=is_cached)
        return was_running

    def end(self) -> bool:
        """Note that the current stage has ended; return whether there was one."""
        if self.current is None:
            return False
        self.ended.append(self.current)
        self.current = None
        return True

    def errors(self) -> list[str]:
        """Return the lines to show where DVC failed: all of the stage's, or else DVC's own."""
        lines = self.current.lines if self.current else self._others
        lines = [line for line in lines if not _ASIDE.fullmatch(line)]
        of_stage = [line for line in lines if not line.startswith("ERROR: ")]
        says_why = any(line.startswith(("error: ", "Traceback ")) for line in of_stage)
        return of_stage if says_why else lines
