"""The command line: its verbs, in the order in which `--help` lists them.

A verb imports what it needs within its function, so that `--help` answers at once.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from har.commands import PROGRAM
from har.commands.benchmark import benchmark
from har.commands.compare import compare
from har.commands.crossval import crossval
from har.commands.doctor import doctor
from har.commands.evaluate import evaluate
from har.commands.export import export
from har.commands.fetch import fetch
from har.commands.import_dataset import import_dataset
from har.commands.inspect import inspect
from har.commands.live import live
from har.commands.predict import predict
from har.commands.record import record
from har.commands.report import report
from har.commands.serve_app import serve_app

app = typer.Typer(
    add_completion=PROGRAM == "har",  # a shell cannot complete what follows `python -m har`
    no_args_is_help=True,
    rich_markup_mode=None,  # plain text: it starts faster and reads the same in every terminal
    pretty_exceptions_enable=False,
    help="Human action recognition, from a folder of videos. "
    "The pipeline itself is run by `dvc repro`.",
    epilog="Run in the project's folder; `doctor`, `import`, `inspect`, `predict --model DIR` and "
    "`evaluate --model DIR` also run elsewhere. Exit codes: 0 yes or done, 1 no or failed, 2 wrong "
    "options, 130 interrupted, 143 ended by the system.",
)


def _add(verb: str, function: Callable[..., None], summary: str, *, example: str = "") -> None:
    """Add a verb with its line in `har --help` and the example under its own help."""
    usage = f"{PROGRAM} {verb} {example}".rstrip()
    app.command(verb, short_help=summary, epilog=f"Example: {usage}")(function)


_add(
    "inspect",
    inspect,
    "Check a folder of videos before training.",
    example="data/videos --subject-pattern '^([a-z]+)_'",
)
_add(
    "import",
    import_dataset,
    "Prepare a public data set for training.",
    example="ucf101 ~/UCF-101 data/ucf101 --split 1",
)
_add(
    "fetch",
    fetch,
    "Fetch a folder of videos from object storage.",
    example="s3://bucket/videos data/videos",
)
_add(
    "record",
    record,
    "Film clips for a label and a person.",
    example="--label waving --subject anna",
)
_add("doctor", doctor, "Check this computer.")
_add(
    "compare",
    compare,
    "Compare models: is one better, or was it luck?",
    example="HEAD tidy-lamb",
)
_add("crossval", crossval, "Cross-validate by people.", example="--folds people -S model=cnn3d")
_add("report", report, "Write one page about the run.", example="--out report")
_add(
    "predict",
    predict,
    "Predict the action in new videos.",
    example="~/clips one.mov --html predictions.html",
)
_add(
    "evaluate",
    evaluate,
    "Score a model on another folder of labelled videos.",
    example="~/other-people --out other-people",
)
_add(
    "export",
    export,
    "Write a trained model as a folder that runs without this project.",
    example="--format litert --out waving",
)
_add(
    "benchmark",
    benchmark,
    "Compare exports: size, time and accuracy.",
    example="exports/fusion-litert exports/fusion-onnx",
)
_add("app", serve_app, "Try a trained model on a local page, in a browser.", example="--port 8000")
_add("live", live, "Name what people do before a camera.", example="0 --record out.mp4")


def find_version(checkout: Path = Path(__file__).parents[2]) -> str:
    """Return the version of this code.

    Args:
        checkout: The folder that holds `har`. Its pyproject.toml, if there is one, wins over what
            is installed: of an editable install, that is as old as the installing.

    Raises:
        ValueError: `har` is neither in its repository nor installed.
    """
    import tomllib
    from importlib import metadata

    file = checkout / "pyproject.toml"
    if file.is_file():
        project = tomllib.loads(file.read_text(encoding="utf-8")).get("project", {})
        if project.get("name") == "har":
            return project["version"]
    try:
        return metadata.version("har")
    except metadata.PackageNotFoundError as error:
        raise ValueError(
            f"The version is unknown: {checkout} has no pyproject.toml of har, and har is not "
            "installed. Run in a clone of the repository, or install that with `pip install -e .`."
        ) from error


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"har {find_version()}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Take the options that come before the verb."""
