"""The pictures of the page in the docs: `python -m benchmarks.page_pictures`.

Run it after `make repro` and `make test-app`, in the project's folder. A drawn video is named, so
the pictures show nobody. They are written into docs/pictures, at most 300 KB each.
"""

import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from har.app.models import find_models
from har.app.serving import served_page
from har.app.uploads import Accepted
from har.settings import load_settings

if TYPE_CHECKING:  # which is not always installed
    from playwright.sync_api import Page

PICTURES = Path("docs/pictures")
MAX_BYTES = 300_000
QUALITY = 82
WIDTHS = {1280: "wide", 390: "narrow"}
MAX_HEIGHT = 1700  # pixels of a picture
VIDEO = "data/demo/walking/*.mov"  # the first of them


def main() -> None:
    """Write a picture of each tab and width."""
    from playwright.sync_api import sync_playwright

    settings = load_settings(required=True)
    chromium = shutil.which("chromium") or sys.exit("Chromium is missing: apt-get install chromium")
    with tempfile.TemporaryDirectory() as videos, sync_playwright() as playwright:
        page = served_page(
            find_models(Path("models") / settings.model),
            settings=settings,
            accepted=Accepted(),
            videos=Path(videos),
        )
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        with page as address:
            for width, name in WIDTHS.items():
                tab = browser.new_page(viewport={"width": width, "height": 900})
                tab.set_default_timeout(60_000)
                tab.goto(address)
                take_pictures(tab, name)
        browser.close()


def take_pictures(tab: "Page", name: str) -> None:
    """Name a video, look at a mistake, and write a picture of each."""
    tab.locator("#har-dropped input[type=file]").set_input_files(sorted(Path().glob(VIDEO))[0])
    tab.locator("#har-said .har-answer").wait_for()
    tab.locator("#har-film video").wait_for()
    tab.wait_for_timeout(1500)
    save(tab.screenshot(full_page=True), f"app-try-{name}")
    tab.get_by_role("tab", name="Look").click()
    tab.locator("#har-clips button.thumbnail-item").first.wait_for()
    tab.mouse.wheel(0, 2000)  # films are loaded when they are seen
    tab.wait_for_timeout(3000)
    save(tab.screenshot(full_page=True), f"app-look-{name}")


def save(png: bytes, name: str) -> None:
    """Write a picture as JPEG.

    Raises:
        ValueError: It is too large for the docs.
    """
    picture = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)[:MAX_HEIGHT]
    content = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()
    if len(content) > MAX_BYTES:
        raise ValueError(f"{name} has {len(content)} bytes; expected {MAX_BYTES} at most.")
    path = PICTURES / f"{name}.jpg"
    path.write_bytes(content)
    print(f"{path}: {len(content) / 1000:.0f} KB")


if __name__ == "__main__":
    main()
