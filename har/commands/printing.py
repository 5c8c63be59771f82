"""What a verb prints at its end: text for people or, with `--json`, one object for programs."""

import json
from typing import Annotated, Any

import typer

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]


def print_json(content: dict[str, Any]) -> None:
    """Print an object on one line; what is no number, text, list or table becomes text."""
    typer.echo(json.dumps(content, ensure_ascii=False, allow_nan=False, default=str))
