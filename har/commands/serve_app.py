"""`har app`: a local page to use a trained model."""

import threading
from pathlib import Path
from typing import Annotated

import typer

from har.commands.printing import Json, print_json
from har.commands.record import Videos, own_folder
from har.commands.trained import Model, load_trained

Host = Annotated[
    str,
    typer.Option(
        metavar="ADDRESS", help="Where to serve; 0.0.0.0 is all of this computer's addresses."
    ),
]
Port = Annotated[
    int | None,
    typer.Option(
        metavar="N", min=1, max=65535, help="Default: the first that is free from 7860 on."
    ),
]
Password = Annotated[
    str | None,
    typer.Option(
        metavar="TEXT",
        envvar="HAR_APP_PASSWORD",
        help="What visitors have to know; must be given with --host, but for addresses that only "
        "this computer reaches. Other users of the computer do not see it in the variable.",
    ),
]
Megabytes = Annotated[
    int, typer.Option(metavar="N", min=1, help="Size of a video that is sent, at most.")
]
Seconds = Annotated[
    float, typer.Option(metavar="SECONDS", min=1, help="Length of a video that is sent, at most.")
]


def serve_app(
    model: Model = None,
    host: Host = "127.0.0.1",
    port: Port = None,
    password: Password = None,
    videos: Videos = None,
    max_megabytes: Megabytes = 200,
    max_seconds: Seconds = 300.0,
    as_json: Json = False,
) -> None:
    """Serve a page in which a trained model is used with a browser.

    Try: drop a video or film one, and see the label, the probabilities, the timeline, the skeleton
    and where the model looked. Record: film clips for a label and a person. Look: the test mistakes
    and the data as clips, and two models on the same clip. Ctrl-C ends. Nothing is loaded from
    elsewhere or sent there; a video that is sent is deleted once it is used. Needs Gradio: `make
    app` installs it and starts the page. Exit code: 0 when it is ended, 1 if it cannot start.
    """
    from har.app.models import find_models
    from har.app.serving import check_installed, check_password, served_page
    from har.app.uploads import Accepted
    from har.engine.errors import until_interrupted

    check_installed()
    check_password(host, password)
    settings, _, folder = load_trained(model)
    page = served_page(
        find_models(folder),
        settings=settings,
        accepted=Accepted(max_megabytes, max_seconds),
        videos=videos or own_folder(Path(settings.dataset.videos)),
        host=host,
        port=port,
        password=password,
    )
    with until_interrupted(), page as address:  # which removes what was sent
        if as_json:
            print_json({"address": address})
        else:
            typer.echo(f"app: {address} (Ctrl-C ends)")
        threading.Event().wait()
