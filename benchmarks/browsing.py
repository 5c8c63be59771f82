"""Pages in headless Chromium as pictures for the docs."""

import contextlib
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:  # which is not always installed
    from playwright.sync_api import Browser

PICTURES = Path("docs/pictures")
MAX_BYTES = 300_000
QUALITY = 82
MAX_HEIGHT = 1700  # pixels of a picture
WIDTHS = {"": 900, "-narrow": 390}  # in pixels, of a page on a screen and on a phone
PATIENCE = 60_000  # milliseconds
FLAGS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]


def find_chromium() -> str:
    """Return the path of the system's Chromium; end this process where there is none."""
    return shutil.which("chromium") or sys.exit("Chromium is missing: apt-get install chromium")


@contextlib.contextmanager
def open_browser() -> Iterator["Browser"]:
    """Give the body the system's Chromium, whose camera shows a moving picture."""
    from playwright.sync_api import sync_playwright

    chromium = find_chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


def save_page(browser: "Browser", page: Path, name: str) -> None:
    """Write pictures of a page, NAME as on a screen and NAME-narrow as on a phone."""
    for suffix, width in WIDTHS.items():
        tab = browser.new_page(viewport={"width": width, "height": 900})
        tab.goto(page.resolve().as_uri())
        save(tab.screenshot(full_page=True), name + suffix)
        tab.close()


def save(png: bytes, name: str, *, height: int = MAX_HEIGHT) -> None:
    """Write a picture as JPEG into docs/pictures.

    Args:
        png: The picture.
        name: Of the file, without its ending.
        height: Pixels that are kept, from the top.

    Raises:
        ValueError: It is too large for the docs.
    """
    write(cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)[:height], name)


def write(picture: np.ndarray, name: str) -> None:
    """Write a picture, uint8 BGR, as JPEG into docs/pictures.

    Raises:
        ValueError: It is too large for the docs.
    """
    content = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()
    if len(content) > MAX_BYTES:
        raise ValueError(f"{name} has {len(content)} bytes; expected {MAX_BYTES} at most.")
    path = PICTURES / f"{name}.jpg"
    path.write_bytes(content)
    print(f"{path}: {len(content) / 1000:.0f} KB")
