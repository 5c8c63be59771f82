"""`har benchmark`: which export is small, fast and still right?"""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from har.commands.printing import Json, print_json
from har.commands.trained import Model, load_trained

EXPORTS = Path("exports")

Exports = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="EXPORT...",
        exists=True,
        file_okay=False,
        help=f"Folders that `export` wrote. Default: all in {EXPORTS}/.",
    ),
]


def benchmark(exports: Exports = None, model: Model = None, as_json: Json = False) -> None:
    """Compare exports with the model that they were made of, and with each other.

    Prints for the model and each export the size on the disk, the time for a clip on this computer
    (median and 95th percentile, with the body's pose and all networks, from frames to
    probabilities), the largest difference of a probability, the labels that change and the
    accuracy with its 95 % interval. The clips are the project's test clips, or drawn ones where
    there are none; the models take each clip in turn. Exit code: 0 if all were measured, 1 if not.
    """
    from har.exports.benchmark import describe_measured, measure
    from har.exports.clips import find_clips
    from har.exports.writing import is_export

    settings, recognizer, folder = load_trained(model)
    folders = exports or [one for one in sorted(EXPORTS.glob("*")) if is_export(one)]
    if not folders:
        raise ValueError(f"{EXPORTS}/ has no export. Make one with `har export`, or name folders.")
    clips = find_clips(recognizer)
    options = {"num_bootstrap": settings.evaluate.num_bootstrap, "seed": settings.seed}
    measured = measure(recognizer, folder, folders, clips, **options)
    if as_json:
        models = [asdict(one) for one in measured]
        print_json({"clips": f"{len(clips)} {clips.what}", "models": models})
    else:
        typer.echo(describe_measured(measured, clips))
