"""`har report`: what do I send to whoever must decide on this model?"""

from pathlib import Path
from typing import Annotated

import typer

from har.commands.printing import Json, print_json

Out = Annotated[Path, typer.Option(metavar="DIR", file_okay=False, help="Where to write.")]


def report(out: Out = Path("report"), as_json: Json = False) -> None:
    """Write a page to send, a model card and a data card about the run in this folder.

    index.html is one file with the data, the split, the scores with intervals, the most confident
    mistakes and Grad-CAM heat maps; model-card.md and data-card.md beside it are for those who use
    the model or the data. All are made from the run's files, after `dvc repro`. Exit code: 0 if
    written, 1 if something is missing or of another model.
    """
    from har.engine.progress import say

    # Before the imports, which take seconds.
    say("report: reading the run, and looking for files that have changed since", err=True)
    from har.engine.runtime import setup_tensorflow
    from har.pages.finished_run import pipeline_changes, read_run
    from har.pages.report import OUTPUTS, write_report
    from har.settings import load_settings

    settings = load_settings()
    setup_tensorflow(**settings.train.runtime, seed=settings.seed)
    run = read_run(model=settings.model, changes=pipeline_changes())
    say("report: drawing what the model looked at", err=True)
    warnings, files = write_report(run, out), [(out / name).as_posix() for name in OUTPUTS]
    if as_json:
        print_json({"files": files, "warnings": list(warnings)})
        return
    for warning in warnings:
        typer.echo(f"warning: {warning}")
    typer.echo(f"report: {', '.join(files)}")
