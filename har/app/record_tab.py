"""The tab "Record": film clips for a label and a person, and see how many of each there are."""

from typing import Any

import gradio as gr
import pandas as pd

from har.app.answering import show_problem
from har.app.parts import AS_SENT, INTERNAL, Page, camera, html, sent_file
from har.app.recording import count_clips, keep_clip, labels_and_people
from har.app.uploads import used_once
from har.pages.templating import render


def add_record_tab(page: Page, start: gr.Blocks) -> None:
    """Add the tab to the page that is being built.

    Args:
        page: What it works with.
        start: Whose `load` fills the table when a browser opens the page.
    """
    gr.Markdown(
        f"Film clips to train on. Each goes into `{page.videos.as_posix()}`, with the person's "
        "name in `metadata.csv`; nothing is overwritten, and sound is not recorded. Filming "
        "begins after a countdown of three seconds. Then `dvc repro` trains with them."
    )
    with gr.Row(elem_classes="har-record"):
        with gr.Column(scale=2, min_width=300):
            with gr.Row():
                free = {"allow_custom_value": True, "value": None, "min_width": 180}
                label = gr.Dropdown(
                    [], label="Label: what is done", elem_classes="har-label", **free
                )
                subject = gr.Dropdown(
                    [], label="Person: who does it", elem_classes="har-person", **free
                )
            video = camera("Clip")
            button = gr.Button("Keep this clip", variant="primary")
            said = html("har-kept")
        with gr.Column(scale=3, min_width=300):
            table = html("har-counts")
    tab = _RecordTab(page)
    kept = button.click(tab.keep, [video, label, subject], [video, said], **AS_SENT, **INTERNAL)
    kept.then(tab.count, None, table, **INTERNAL)
    start.load(tab.count, None, table, **INTERNAL)
    # Not after each clip: Gradio opens the list of a choice that is given new values.
    start.load(tab.choices, None, [label, subject], **INTERNAL)


class _RecordTab:
    """What happens when a visitor does something; the arguments are those of the parts above."""

    def __init__(self, page: Page):
        self._page = page

    def keep(
        self, payload: dict[str, Any] | None, label: str | None, subject: str | None
    ) -> tuple[None, str]:
        """Return an empty place for the next clip, and what became of this one."""
        video, page = sent_file(payload), self._page
        if video is None:
            return None, show_problem("There is no clip yet. Film one first.")
        how = {"accepted": page.accepted, "limits": page.settings.limits("convert")}
        try:
            with used_once(video):
                kept = keep_clip(video, page.videos, str(label or ""), str(subject or ""), **how)
        except (ValueError, OSError) as error:
            return None, show_problem(error)
        return None, render("app-kept.html", path=kept.as_posix())

    def count(self) -> str:
        """Return the table."""
        try:
            counts = self._count()
        except (ValueError, OSError) as error:
            return show_problem(error)
        folder = self._page.videos.as_posix()
        return render("app-counts.html", counts=counts, folder=folder)

    def choices(self) -> tuple[gr.Dropdown, gr.Dropdown]:
        """Return the labels and the people to choose from."""
        try:
            labels, people = labels_and_people(self._count())
        except (ValueError, OSError):  # which `count` tells
            return gr.Dropdown(), gr.Dropdown()
        return gr.Dropdown(labels), gr.Dropdown(people)

    def _count(self) -> pd.DataFrame:
        return count_clips(self._page.videos, self._page.settings.dataset.subject_pattern)
