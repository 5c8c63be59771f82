"""`har import`: how do I use a public data set?

The file is not `import.py`, which Python could not import.
"""

import shlex
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from har.commands import PROGRAM
from har.commands.printing import Json, print_json
from har.importers import importer_names

if TYPE_CHECKING:
    from har.importers.importing import ImportSummary

# Click offers the names in the help, in errors and in shell completion.
DatasetName = Literal[tuple(importer_names())]

Name = Annotated[DatasetName, typer.Argument(metavar="NAME", help="Which data set.")]
Source = Annotated[
    Path,
    typer.Argument(
        metavar="SRC", exists=True, file_okay=False, help="The folder it was downloaded to."
    ),
]
Destination = Annotated[Path, typer.Argument(metavar="DEST", help="The folder to make.")]
Split = Annotated[
    int | None,
    typer.Option(metavar="N", help="Official split of ucf101 or hmdb51. Default: 1."),
]


def import_dataset(
    name: Name,
    source: Source,
    destination: Destination,
    split: Split = None,
    as_json: Json = False,
) -> None:
    """Turn a downloaded public data set into one folder per label, with a metadata.csv.

    NAME is kth, ucf101, hmdb51, weizmann or kinetics. Official splits are kept. Videos are hard
    links where the disk allows, and are cut where the data set lists frames or times. Writes to
    DEST only; run again, it adds what is missing. Exit code: 0 if there are videos in DEST, 1 if
    not.
    """
    from har.importers import importing
    from har.settings import load_settings

    settings = load_settings(required=False)
    summary = importing.import_dataset(
        name,
        source,
        destination,
        split=split,
        workers=settings.workers,
        timeout_seconds=settings.convert.timeout_seconds,
        memory_gigabytes=settings.convert.memory_gigabytes,
    )
    if as_json:
        print_json({"folder": destination} | asdict(summary))
    else:
        typer.echo(_describe(summary, destination))
    if not summary.num_videos:
        raise typer.Exit(1)


def _describe(summary: "ImportSummary", destination: Path) -> str:
    notes = "".join(f"note: {problem}\n" for problem in summary.problems)
    return (
        f"{notes}import: {summary.num_videos} videos in {destination} "
        f"({summary.num_linked} linked, {summary.num_copied} copied, {summary.num_cut} cut, "
        f"{summary.num_reused} there before), {summary.num_skipped} left out\n"
        f"terms: {summary.licence}\nnext: {PROGRAM} inspect {shlex.quote(str(destination))}"
    )
