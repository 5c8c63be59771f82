"""`har fetch`: how do I use videos that lie in a bucket?"""

import shlex
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from har.commands import PROGRAM
from har.commands.printing import Json, print_json

MAX_NAMED = 3
Address = Annotated[str, typer.Argument(metavar="ADDRESS", help="As s3://bucket/folder.")]
Destination = Annotated[
    Path, typer.Argument(metavar="DEST", file_okay=False, help="The folder to fill.")
]


def fetch(address: Address, destination: Destination, as_json: Json = False) -> None:
    """Fetch a folder of videos from S3-compatible object storage.

    Run again, it fetches what is new, larger, smaller or newer there, and goes on after an
    interrupt. Nothing is deleted. Credentials and the server's address are those of AWS's tools, as
    AWS_ACCESS_KEY_ID and AWS_ENDPOINT_URL. Needs `make s3`. Exit code: 0 if all is there, 1 if not.
    """
    from har.storage.fetching import fetch_folder

    fetched = fetch_folder(address, destination)
    if as_json:
        print_json({"folder": destination} | asdict(fetched))
        return
    if fetched.strangers:
        named = ", ".join(fetched.strangers[:MAX_NAMED])
        typer.echo(
            f"note: {len(fetched.strangers)} files of {destination} are not in {address}, as "
            f"{named}. Remove them if they are not yours."
        )
    typer.echo(
        f"fetch: {fetched.num_files} files in {destination}, {fetched.num_fetched} of them fetched "
        f"({fetched.num_bytes / 1e6:.1f} MB)\n"
        f"next: {PROGRAM} inspect {shlex.quote(str(destination))}"
    )
