"""The report on a phone: nothing is off the side, and the summary fits one screen."""

import shutil
from pathlib import Path

import pytest

from har.pages.finished_run import read_run
from har.pages.report import write_report

sync_api = pytest.importorskip(
    "playwright.sync_api", reason="Playwright is missing: `make test-app` installs it"
)
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="Chromium is missing: `apt-get install chromium` (Debian)"
)
# What is wider than its box, but for code and wide tables that have the place.
WIDER = """() => [...document.querySelectorAll("body, body *:not(pre)")]
    .filter(one => one.clientWidth && one.scrollWidth > one.clientWidth + 1)
    .map(one => `${one.tagName} ${one.className}`)"""
BOTTOM = "document.querySelector('.summary').getBoundingClientRect().bottom"


def test_the_report_fits_a_phone_and_its_summary_one_screen(run_folder):
    write_report(read_run(model="cnn3d", changes=[]), Path("report"))
    address = Path("report/index.html").resolve().as_uri()
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for width, height in ((390, 844), (1280, 900)):
            tab = browser.new_page(viewport={"width": width, "height": height})
            tab.goto(address)
            assert tab.evaluate(WIDER) == [], width
            assert tab.evaluate(BOTTOM) <= height
        browser.close()
