"""`make repro`: `dvc repro` with a line for each stage, a bar for the whole, and all else in a log.

`python -m har.repro.running` ends with the scores and what to do next. `dvc repro` itself does the
same work and shows everything.
"""

import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from har.engine.errors import plain_errors
from har.engine.progress import PROGRESS_FILE, say, whole_bar
from har.engine.repository import interrupt, project_root, start_repro
from har.folder.listing import is_video_name, list_files
from har.repro.ending import print_ending
from har.repro.printed import Printed, StageRun
from har.repro.timings import Pace, Timings, describe_seconds, read_timings
from har.settings import DEMO, load_settings

MAX_LOGS = 10
LOOK_SECONDS = 0.2
WIDTH = 100  # columns of a line where there is no terminal


def main() -> None:
    """Run the pipeline, show how far it is, and end the process with DVC's exit code."""
    settings = load_settings()
    is_demo = Path(settings.dataset.videos) == DEMO
    num_videos = settings.demo.num_videos if is_demo else count_videos(settings.dataset.videos)
    timings = read_timings(model=settings.model, num_videos=num_videos, is_demo=is_demo)
    run = Run(timings, new_log())
    run.follow()
    if run.exit_code:
        run.show_failure()
        sys.exit(run.exit_code)
    run.show_end()
    print_ending(settings, ran=[stage.name for stage in run.printed.ended])


class Run:
    """One run of `dvc repro`, and its lines on the terminal.

    Attributes:
        printed: What it printed so far.
        exit_code: Of `dvc repro`, once it has ended.
    """

    def __init__(self, timings: Timings, log: Path):
        self.printed, self.exit_code = Printed(), 0
        self._timings, self._log = timings, log
        self._progress_file = log.with_suffix(".progress")
        self._stages = read_stages()
        self._pace = Pace()
        self._began = time.monotonic()

    def follow(self) -> None:
        """Run it to its end, showing a line for each stage that ends and a bar below them.

        Raises:
            KeyboardInterrupt: This process is to end; `dvc repro` has ended.
        """
        about = describe_seconds(self._expect_waiting())
        say(f"{len(self._stages)} stages, up to about {about}. Details: {self._log}")
        told = {PROGRESS_FILE: str(self._progress_file.resolve())}
        process = start_repro(self._log, told)
        try:
            with whole_bar() as bar:
                for line in read_as_written(self._log, lambda: process.poll() is not None):
                    if line is not None:
                        self._take(line)
                    share, left = self._measure()
                    bar.n = round(100 * share)
                    bar.set_description_str(self._describe(left))
        finally:
            interrupt(process)  # if it has not ended
            self._progress_file.unlink(missing_ok=True)
        self.exit_code = process.returncode
        if not self.exit_code and self.printed.end():
            self._show_stage(self.printed.ended[-1])

    def show_failure(self) -> None:
        """Print why it failed, and where all of it is."""
        stage = self.printed.current
        if stage:
            say(f"{stage.name:<11} failed after {time.monotonic() - stage.began:.0f} s", err=True)
        for line in self.printed.errors():
            say(line, err=True)
        say(
            f"\nAll that was printed is in {self._log}. What is finished is kept: `make repro` "
            "goes on from there.",
            err=True,
        )

    def show_end(self) -> None:
        """Print what had nothing to do, and how long it took."""
        unchanged, num_ended = self.printed.unchanged, len(self.printed.ended)
        if unchanged and num_ended:
            say(f"unchanged:  {', '.join(unchanged)}")
        took = describe_seconds(time.monotonic() - self._began)
        if num_ended:
            say(f"{num_ended} of {num_ended + len(unchanged)} stages in {took}")
        else:
            say(f"Nothing has changed since the last run: looked at all stages in {took}")

    def _take(self, line: str) -> None:
        if self.printed.take(line, time.monotonic()):
            self._show_stage(self.printed.ended[-1])

    def _expect_waiting(self) -> float:
        """Return how many seconds the stages may take that have not begun."""
        seen = self.printed.seen
        return sum(self._timings.expect(stage) for stage in self._stages if stage not in seen)

    def _show_stage(self, stage: StageRun) -> None:
        seconds = time.monotonic() - stage.began
        if not stage.is_mostly_reused:
            self._timings.keep(stage.name, seconds)
        width = shutil.get_terminal_size((WIDTH, 24)).columns if sys.stdout.isatty() else WIDTH
        line = f"{stage.name:<11}{seconds:4.0f} s  {stage.said}"
        say(line if len(line) < width else line[: width - 2] + "…")
        for warning in stage.warnings:
            say(warning)

    def _measure(self) -> tuple[float, float]:
        """Return which share of the whole is done, and in how many seconds the rest may be."""
        now, stage = time.monotonic(), self.printed.current
        left = self._expect_waiting()
        if stage:
            of_stage = max(0.0, self._timings.expect(stage.name) - (now - stage.began))
            progress = read_progress(self._progress_file)
            if progress:
                of_stage = max(of_stage, self._pace.seconds_left(stage.name, progress, now))
            left += of_stage
        passed = now - self._began
        return passed / (passed + left + 0.1), left

    def _describe(self, left: float) -> str:
        stage = self.printed.current
        doing = stage.name if stage else "looking for changes"
        return f"{doing}, about {describe_seconds(left)} left"


def read_stages() -> list[str]:
    """Return the names of the stages in dvc.yaml."""
    return list(yaml.safe_load(Path("dvc.yaml").read_text(encoding="utf-8"))["stages"])


def count_videos(folder: str) -> int:
    """Return about how many videos a folder has, by the endings of its files; none is opened."""
    return sum(map(is_video_name, list_files(Path(folder)))) if Path(folder).is_dir() else 0


def new_log() -> Path:
    """Return where the run is to be logged, and remove the oldest logs."""
    folder = project_root() / ".har" / "logs"
    for old in sorted(folder.glob("repro-*.log"))[: 1 - MAX_LOGS]:
        old.unlink()
    return folder / f"repro-{datetime.now():%Y-%m-%d-%H%M%S}.log"


def read_as_written(log: Path, is_whole: Callable[[], bool]) -> Iterator[str | None]:
    """Yield the lines of a file while somebody writes it, and None now and then between them.

    Args:
        log: The file.
        is_whole: Returns whether nobody writes any more.
    """
    rest = ""
    with log.open(encoding="utf-8", errors="replace") as file:
        while True:
            has_ended = is_whole()  # before reading: what is written until then is read too
            *lines, rest = (rest + file.read()).split("\n")
            yield from lines
            if has_ended:
                if rest:
                    yield rest
                return
            yield None
            time.sleep(LOOK_SECONDS)


def read_progress(file: Path) -> dict[str, Any] | None:
    """Return how far a stage says that it is, if it says so."""
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None


if __name__ == "__main__":
    with plain_errors():
        main()
