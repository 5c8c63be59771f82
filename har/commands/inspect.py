"""`har inspect`: can these videos be trained on?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from har.commands.printing import Json

if TYPE_CHECKING:
    from har.inspection.inspection import InspectionSettings
    from har.settings import Settings

Folder = Annotated[
    Path,
    typer.Argument(metavar="DIR", exists=True, file_okay=False, help="One folder per label in it."),
]
SubjectPattern = Annotated[
    str | None,
    typer.Option(
        metavar="REGEX",
        help="Finds the person in a file name. Default: dataset.subject_pattern in params.yaml.",
    ),
]
Html = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="The page to write. Default: inspect-DIR.html, here."),
]
Decode = Annotated[
    bool,
    typer.Option("--decode", help="Decode every frame too: slower, finds damage inside videos."),
]


def inspect(
    folder: Folder,
    subject_pattern: SubjectPattern = None,
    html: Html = None,
    decode: Decode = False,
    as_json: Json = False,
) -> None:
    """Check whether a folder of videos can be trained on, before any run.

    Lists labels, people, lengths, sizes, codecs, duplicates and problems with their fix, and writes
    a page with a few frames of a few videos of each label. In these it looks for a person and for a
    moving camera too. Changes nothing. Exit code: 0 if the videos can be trained on, 1 if not.
    """
    from har.engine.files import write_text
    from har.inspection.inspection import inspect_videos
    from har.pages.inspection import describe_inspection, inspection_as_json, render_page
    from har.pose.looking import look_for_people
    from har.settings import load_settings

    settings = load_settings(required=False)
    page = html or Path(f"inspect-{folder.resolve().name}.html")
    goes_by = inspection_settings(settings, subject_pattern)
    inspection = inspect_videos(folder, goes_by, report=page, decode=decode)
    inspection = look_for_people(
        inspection, streams=settings.features.streams, num_threads=settings.workers
    )
    write_text(render_page(inspection), page)
    write = inspection_as_json if as_json else describe_inspection
    typer.echo(write(inspection, page=str(page)))
    if not inspection.can_train:
        raise typer.Exit(1)


def inspection_settings(
    settings: "Settings", subject_pattern: str | None = None
) -> "InspectionSettings":
    """Return what an inspection goes by; a pattern given here wins over that of params.yaml."""
    from har.dataset.splits import SPLITS
    from har.inspection.inspection import InspectionSettings

    return InspectionSettings(
        subject_pattern=subject_pattern or settings.dataset.subject_pattern,
        by=settings.split.by,
        max_failed_fraction=settings.dataset.max_failed_fraction,
        none=settings.dataset.none,
        num_frames=settings.extract.num_frames,
        fractions={name: getattr(settings.split, name) for name in SPLITS},
        folds=settings.split.folds,
        test_fold=settings.split.test_fold,
        seed=settings.seed,
        limits=settings.limits("convert"),
    )
