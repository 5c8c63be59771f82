"""The page in headless Chromium: what a visitor sees, films and looks at, and what is requested."""

import csv
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from places import REAL
from video_files import write_numbered

from har.video.reading import probe_video

sync_api = pytest.importorskip(
    "playwright.sync_api", reason="Playwright is missing: `make test-app` installs it"
)
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="Chromium is missing: `apt-get install chromium` (Debian)"
)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]
PATIENCE = 60_000  # milliseconds


@pytest.fixture(scope="module")
def chromium() -> Iterator:
    """A browser whose camera shows Chromium's own moving picture."""
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium, page) -> Iterator[Callable]:
    """Open the page; in the end, check that nothing was requested elsewhere, or was wrong."""
    address, _ = page
    requested, complaints, contexts = [], [], []

    def open_page(width: int = 1280, colours: str = "light"):
        size = {"width": width, "height": 900}
        context = chromium.new_context(
            viewport=size, color_scheme=colours, permissions=["camera"], reduced_motion="reduce"
        )
        contexts.append(context)
        tab = context.new_page()
        tab.set_default_timeout(PATIENCE)
        tab.on("request", lambda request: requested.append(request.url))
        tab.on("console", lambda said: complaints.append(said.text) if said.type == "error" else 0)
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        tab.goto(address)
        tab.locator("#har-dropped input[type=file]").wait_for(state="attached")
        return tab

    yield open_page
    for context in contexts:
        context.close()
    elsewhere = [url for url in requested if not url.startswith((address, "data:", "blob:"))]
    assert requested
    assert elsewhere == []
    assert complaints == []


def drop(tab, path: Path) -> str:
    """Drop a file and return what the page says."""
    tab.locator("#har-dropped input[type=file]").set_input_files(path)
    tab.locator("#har-said .har-answer, #har-said .har-problem").first.wait_for()
    return tab.locator("#har-said").inner_text()


def film(tab, seconds: float, *, counted_down: str = "") -> None:
    """Film with the camera that is shown, perhaps after a countdown for who does what."""
    camera = tab.locator(".har-camera:visible")
    camera.get_by_text("Click to Access Webcam").click()
    camera.get_by_role("button", name="start recording").click()
    if counted_down:
        camera.get_by_text(f"{counted_down}: 3").wait_for()
        assert camera.get_by_text("Stop").count() == 0
        camera.get_by_text(f"{counted_down}: filming").wait_for()
    camera.get_by_text("Stop").wait_for()
    tab.wait_for_timeout(1000 * seconds)
    camera.get_by_role("button", name="start recording").click()


@pytest.fixture
def clip(tmp_path) -> Path:
    """A real clip where there are some, else a film that gets brighter."""
    real = REAL / "weizmann" / "wave1" / "daria_wave1.avi"
    return real if real.is_file() else write_numbered(tmp_path / "clip.mp4", 30)


def test_a_dropped_video_is_named(visit, clip):
    tab = visit()
    said = drop(tab, clip)
    assert re.search(r"^(dark|bright)\s+[0-9.]+ %", said, re.MULTILINE)
    film = tab.locator("#har-film video")
    film.wait_for()
    tab.wait_for_function("film => film.videoWidth > 0", arg=film.element_handle())
    assert tab.locator("#har-said .har-look img").count() >= 1
    shares = tab.locator("#har-said [data-probability]").evaluate_all(
        "cells => cells.map(cell => Number(cell.dataset.probability))"
    )
    assert sum(shares) == pytest.approx(1, abs=1e-6)


def test_a_file_that_is_no_video_gets_one_line(visit, tmp_path):
    path = tmp_path / "letter.mp4"
    path.write_text("Dear reader")
    said = drop(visit(), path)
    assert said.startswith("That did not work. letter.mp4 is not a video that can be read")
    assert "Traceback" not in said
    assert "har-app-" not in said


def test_two_models_are_compared_on_the_same_video(visit, clip):
    tab = visit()
    tab.get_by_label("Compare with").click()
    tab.get_by_role("option", name="padded").click()
    drop(tab, clip)
    assert tab.locator("#har-said .har-model").all_inner_texts() == ["bright", "padded"]


def test_a_filmed_video_is_named(visit):
    tab = visit()
    film(tab, 4)
    answer = tab.locator("#har-said .har-answer")
    answer.wait_for()
    assert re.match(r"(bright|dark) ([0-9.]+ %|most of the time)", answer.inner_text())
    assert tab.locator("#har-said .har-look").count() == 1


def test_a_filmed_clip_is_kept_and_counted(visit, page):
    tab, (_, folder) = visit(), page
    tab.get_by_role("tab", name="Record").click()
    for name, value in (("Label: what is done", "waving"), ("Person: who does it", "anna")):
        tab.get_by_label(name).fill(value)
        tab.keyboard.press("Tab")
    film(tab, 4, counted_down="waving, anna")
    tab.locator(".har-camera:visible video[src]").wait_for()
    tab.locator(".har-countdown").wait_for(state="detached")
    tab.get_by_role("button", name="Keep this clip").click()
    tab.locator("#har-kept .har-kept").wait_for()
    assert "data/videos/waving/anna_01." in tab.locator("#har-kept").inner_text()
    tab.locator("#har-counts td").first.wait_for()
    assert tab.locator("#har-counts tr").last.inner_text().split() == ["waving", "1", "1"]
    (kept,) = (folder / "data/videos/waving").iterdir()
    assert 0.5 < probe_video(kept).duration_seconds < 10
    with (folder / "data/videos/metadata.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert rows == [{"path": f"waving/{kept.name}", "subject": "anna"}]


def test_keeping_nothing_says_so(visit):
    tab = visit()
    tab.get_by_role("tab", name="Record").click()
    tab.get_by_role("button", name="Keep this clip").click()
    tab.get_by_text("There is no clip yet. Film one first.").wait_for()


def test_mistakes_are_filtered_and_looked_at(visit):
    tab = visit()
    tab.get_by_role("tab", name="Look").click()
    tab.get_by_text("2 clips").wait_for()
    tab.get_by_label("Person").click()
    tab.get_by_role("option", name="cem").click()
    tab.get_by_text("1 clip", exact=True).wait_for()
    tab.locator("#har-clips").get_by_text("bright, cem: taken for dark 70 %").wait_for()
    tab.locator("#har-clips button.thumbnail-item").first.click()
    tab.locator("#har-clip-said .har-answer").wait_for()
    assert tab.locator("#har-clip-said .har-model").inner_text() == "bright"


def test_all_data_is_looked_at_by_label(visit):
    tab = visit()
    tab.get_by_role("tab", name="Look").click()
    tab.get_by_label("Show").click()
    tab.get_by_role("option", name="all videos").click()
    tab.get_by_text("4 clips").wait_for()
    tab.get_by_label("Label", exact=True).click()
    tab.get_by_role("option", name="dark").click()
    tab.get_by_text("3 clips").wait_for()


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_is_wider_than_the_window(visit, clip, width, colours):
    tab = visit(width, colours)
    drop(tab, clip)
    for name in ("Try", "Record", "Look"):
        tab.get_by_role("tab", name=name).click()
        tab.wait_for_timeout(300)
        assert tab.evaluate("document.documentElement.scrollWidth") <= width, name
    back = tab.evaluate("getComputedStyle(document.body).backgroundColor")
    levels = [int(level) for level in re.findall(r"[0-9]+", back)[:3]]
    assert (max(levels) < 80) if colours == "dark" else (min(levels) > 200)


def test_the_page_works_with_the_keyboard(visit):
    tab = visit()
    tab.wait_for_timeout(1000)  # until the page has taken its scripts
    with tab.expect_file_chooser():
        tab.locator("#har-dropped button").first.press("Enter")
    tab.get_by_role("tab", name="Try").focus()
    tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")
    tab.get_by_role("button", name="Keep this clip").wait_for()
