"""The docs: links that lead somewhere, pages of a length, and what the code has made."""

import re

import pytest
import yaml
from places import ROOT

from benchmarks.make_docs import (
    COMMANDS,
    README,
    SETTINGS,
    commands_page,
    readme_page,
    settings_page,
)

PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
MAX_LINES = 250
LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = re.compile(r"(?ms)^```.*?^```$|^    .*?$")


def anchors_of(text):
    """Return the anchors that GitHub gives the headings of a page."""
    titles = re.findall(r"(?m)^#+ (.*)$", CODE.sub("", text))
    words = [re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", title).lower() for title in titles]
    return [re.sub(r"[^\w\- ]", "", word).replace(" ", "-") for word in words]


def links_of(page):
    """Return the links of a page to others of the project."""
    links = LINK.findall(CODE.sub("", page.read_text(encoding="utf-8")))
    return [link for link in links if not link.startswith(("http://", "https://"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files_and_headings_that_there_are(page):
    for link in links_of(page):
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        assert target.exists(), f"{page.name} links to {link}"
        if anchor:
            there = anchors_of(target.read_text(encoding="utf-8"))
            assert anchor in there, f"{page.name} links to {link}; headings: {there}"


def test_every_page_is_linked_from_the_readme_or_a_page():
    linked = {
        (page.parent / link.partition("#")[0]).resolve()
        for page in PAGES
        for link in links_of(page)
    }
    assert {page.resolve() for page in PAGES} - linked <= {README.resolve()}


def test_pages_are_short():
    long = {
        page.name: num
        for page in PAGES
        if page not in (COMMANDS, SETTINGS)  # which are looked up, not read
        and (num := len(page.read_text(encoding="utf-8").splitlines())) > MAX_LINES
    }
    assert not long


@pytest.mark.parametrize(
    ("page", "make"),
    [(COMMANDS, commands_page), (SETTINGS, settings_page)],
    ids=["commands", "settings"],
)
def test_generated_pages_are_those_of_the_code(page, make):
    assert page.read_text(encoding="utf-8") == make(), "run `make docs`"


def test_readme_has_the_scores_as_last_measured():
    text = README.read_text(encoding="utf-8")
    assert text == readme_page(text), "run `make docs`"


def test_scores_in_the_readme_are_those_of_the_results():
    results = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    text = README.read_text(encoding="utf-8")
    rows = re.findall(r"(?m)^\| .*\| (\S+ % \(.*?\)) \| (\S+ %) \| (.*? points .*?) \|$", text)
    assert len(rows) == 3
    for accuracy, linear, difference in rows:
        assert f"| {accuracy} |" in results
        assert linear in results
        assert f"| {difference} |" in results


def test_other_machines_run_the_command_of_the_stage():
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    page = (ROOT / "docs" / "gpu.md").read_text(encoding="utf-8")
    assert f"\n{' '.join(stages['train']['cmd'].split())}\n" in page
