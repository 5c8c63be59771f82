"""The pictures of the page in the docs: `make pictures` runs `python -m benchmarks.page_pictures`.

A drawn video is named and Chromium's own moving picture is filmed, so the pictures show nobody.
They are written into docs/pictures, at most 300 KB each. data/videos must not be there.
"""

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.browsing import PATIENCE, open_browser, save
from har.app.models import find_models
from har.app.serving import served_page
from har.app.uploads import Accepted
from har.settings import load_settings

if TYPE_CHECKING:  # which is not always installed
    from playwright.sync_api import Page

WIDTHS = {1280: "wide", 390: "narrow"}
VIDEO = "data/demo/walking/*.mov"  # the first of them
VIDEOS = Path("data/videos")
FILMED = (("waving", "anna"), ("waving", "ben"), ("sitting", "anna"))  # the last is being filmed


def main() -> None:
    """Write a picture of each tab and width."""
    settings = load_settings(required=True)
    if VIDEOS.exists():
        sys.exit(f"{VIDEOS} is there: run `make pictures`, which works in a clone.")
    with open_browser() as browser:
        page = served_page(
            find_models(Path("models") / settings.model),
            settings=settings,
            accepted=Accepted(),
            videos=VIDEOS,
        )
        with page as address:
            for width, name in WIDTHS.items():
                context = browser.new_context(
                    viewport={"width": width, "height": 900}, permissions=["camera"]
                )
                tab = context.new_page()
                tab.set_default_timeout(PATIENCE)
                tab.goto(address)
                show_try(tab, name)
                show_look(tab, name)
                show_record(tab, name)
                context.close()
                shutil.rmtree(VIDEOS)


def show_try(tab: "Page", name: str) -> None:
    """Name a video."""
    tab.locator("#har-dropped input[type=file]").set_input_files(sorted(Path().glob(VIDEO))[0])
    tab.locator("#har-said .har-answer").wait_for()
    tab.locator("#har-film video").wait_for()
    tab.wait_for_timeout(1500)
    save(tab.screenshot(full_page=True), f"app-try-{name}")


def show_look(tab: "Page", name: str) -> None:
    """Look at the mistakes."""
    tab.get_by_role("tab", name="Look").click()
    tab.locator("#har-clips button.thumbnail-item").first.wait_for()
    tab.mouse.wheel(0, 2000)  # films are loaded when they are seen
    tab.wait_for_timeout(3000)
    save(tab.screenshot(full_page=True), f"app-look-{name}")


def show_record(tab: "Page", name: str) -> None:
    """Film clips, and take the picture during the last one."""
    tab.get_by_role("tab", name="Record").click()
    camera = tab.locator(".har-camera:visible")
    for label, person in FILMED:
        for field, value in (("Label: what is done", label), ("Person: who does it", person)):
            tab.get_by_label(field).fill(value)
            tab.keyboard.press("Tab")
        tab.locator("h1").click()  # closes the list of names
        camera.get_by_text("Click to Access Webcam").click()
        camera.get_by_role("button", name="start recording").click()
        camera.get_by_text("Stop").wait_for()
        tab.wait_for_timeout(4000)
        if (label, person) == FILMED[-1]:
            save(tab.screenshot(full_page=True), f"app-record-{name}")
            return
        with tab.expect_response("**/upload*"):  # only then there is a clip to keep
            camera.get_by_role("button", name="start recording").click()
        tab.locator(".har-camera:visible video[src]").wait_for()
        tab.locator(".har-countdown").wait_for(state="detached")
        tab.wait_for_timeout(1000)
        tab.get_by_role("button", name="Keep this clip").click()
        tab.locator("#har-kept .har-kept", has_text=f"{label}/{person}").wait_for()


if __name__ == "__main__":
    main()
