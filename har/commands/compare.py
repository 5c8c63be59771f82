"""`har compare`: is one model better than another, or was it luck?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from har.commands.printing import Json

if TYPE_CHECKING:
    from har.evaluation.predictions import Predictions

Reference = Annotated[
    str, typer.Argument(metavar="A", help="The model that the others are compared with.")
]
Others = Annotated[list[str], typer.Argument(metavar="B", help="One or more others.")]
Html = Annotated[Path, typer.Option(metavar="FILE", help="The page to write.")]
Promote = Annotated[
    bool, typer.Option("--promote", help="Make B the champion in MLflow if it is better than A.")
]
Force = Annotated[bool, typer.Option("--force", help="With --promote: even if it is not better.")]


def compare(
    reference: Reference,
    others: Others,
    html: Html = Path("compare.html"),
    as_json: Json = False,
    promote: Promote = False,
    force: Force = False,
) -> None:
    """Compare models on the same test videos, with the confidence interval of each difference.

    A model is named by a DVC experiment, a git revision, `workspace` (what is here now), an MLflow
    run, `champion` or `challenger`, a folder in models/, or a folder with a predictions.csv. Exit
    code: 0 if they were compared and a promotion was made if one was asked for, 1 if not.
    """
    from har.dataset.none_label import only_actions
    from har.engine.files import write_text
    from har.engine.repository import project_root
    from har.evaluation import comparison as statistics
    from har.evaluation.predictions import find_predictions
    from har.pages.comparison import comparison_as_json, describe_comparison, render_page
    from har.settings import load_settings

    if promote and len(others) > 1:
        raise typer.BadParameter("--promote takes one A and one B")
    if force and not promote:
        raise typer.BadParameter("--force goes with --promote")
    settings, root = load_settings(), project_root()
    names = [reference, *others]
    found = [find_predictions(name, root=root, extract=settings.extract) for name in names]
    compared = statistics.compare(
        [(one.name, only_actions(one.table, settings.dataset.none)) for one in found],
        num_bootstrap=settings.evaluate.num_bootstrap,
        seed=settings.seed,
    )
    compared = {"models": [{"name": one.name, "about": one.about} for one in found]} | compared
    write_text(render_page(compared), html)
    write = comparison_as_json if as_json else describe_comparison
    typer.echo(write(compared, page=str(html)))
    if promote:
        typer.echo(_promote(found, compared, root=root, force=force), err=as_json)


def _promote(
    found: "list[Predictions]", compared: dict[str, Any], *, root: Path, force: bool
) -> str:
    """Make the second of two compared models the champion; return what was done, in words."""
    from har.tracking.connection import connect, explained_errors
    from har.tracking.registry import promote

    first, second = (one.find_fingerprint() for one in found)
    with explained_errors(required=True):
        return promote(
            connect(root),
            name=found[1].name,
            fingerprint=second,
            reference_fingerprint=first,
            compared=compared,
            force=force,
        )
