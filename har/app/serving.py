"""Serving the page: to whom, with which password, and with nothing from elsewhere."""

import contextlib
import hmac
import importlib.util
import ipaddress
import os
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from har.app.models import Models
from har.app.uploads import Accepted
from har.settings import Settings

MIN_PASSWORD = 8  # characters
OWN_NAMES = ["127.0.0.1", "localhost", "[::1]"]  # of this computer, for its own browsers
# Gradio's usage reports and its look for a newer version, and those of a package that it uses.
QUIET = {"GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_DISABLE_TELEMETRY": "1"}


def check_installed() -> None:
    """Check that Gradio is installed.

    Raises:
        ValueError: It is not.
    """
    if importlib.util.find_spec("gradio") is None:
        raise ValueError(
            "The page needs Gradio, which is not installed. Install it with `make app` in the "
            "project's folder, or with `pip install -r requirements-app.txt`."
        )


def is_own(host: str) -> bool:
    """Return whether an address is that of this computer, which nobody else reaches.

    Example:
        >>> is_own("127.0.0.1"), is_own("localhost"), is_own("0.0.0.0"), is_own("192.168.0.7")
        (True, True, False, False)
    """
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_password(host: str, password: str | None) -> None:
    """Check that only those who know a password reach the page from other computers.

    Args:
        host: The address that the page is served at.
        password: What visitors have to know; None: nothing.

    Raises:
        ValueError: There is none though others reach the page, or it is short.
    """
    if password is None:
        if not is_own(host):
            raise ValueError(
                f"At {host} other computers reach the page, which shows people and takes files. "
                "Give it a password in HAR_APP_PASSWORD or with --password, or leave out --host."
            )
    elif len(password) < MIN_PASSWORD:
        raise ValueError(
            f"The password has {len(password)} characters; expected {MIN_PASSWORD} or more."
        )


@contextlib.contextmanager
def served_page(
    models: Models,
    *,
    settings: Settings,
    accepted: Accepted,
    videos: Path,
    host: str = "127.0.0.1",
    port: int | None = None,
    password: str | None = None,
) -> Iterator[str]:
    """Serve the page during the body; what browsers have sent is removed after it.

    Args:
        models: That may be chosen.
        settings: Of the project.
        accepted: What a video that is sent may be.
        videos: The folder that clips are filmed for.
        host: The address to serve at.
        port: Its port; None: the first that is free from 7860 on.
        password: What visitors have to know; None: nothing.

    Yields:
        The address for browsers.

    Raises:
        ValueError: Gradio is not installed, the password is missing or short, or the port is taken.
    """
    check_installed()
    check_password(host, password)
    with tempfile.TemporaryDirectory(prefix="har-app-") as folder:
        # Before Gradio is imported, which reads them.
        os.environ.update(QUIET | {"GRADIO_TEMP_DIR": folder})
        from har.app.page import build_page, launch_page
        from har.app.parts import Page

        blocks = build_page(Page(models, settings, accepted, videos, Path(folder)))
        try:
            yield launch_page(
                blocks,
                host=host,
                port=port,
                max_bytes=accepted.megabytes * 10**6,
                door=None if password is None else partial(knows_password, password),
                own_names=OWN_NAMES if is_own(host) else ["*"],
            )
        finally:
            blocks.close(verbose=False)


def knows_password(password: str, name: str, given: str) -> bool:
    """Return whether a visitor, by whatever name, gives the password."""
    return hmac.compare_digest(password.encode(), given.encode())
