"""The tab "Look": the test mistakes and the data as clips, and what models say of each."""

import gradio as gr
import pandas as pd

from har.app.answering import name_clip, show_named, show_problem
from har.app.clips import (
    ANY,
    KINDS,
    PAGE_SIZE,
    choose_clips,
    describe_clip,
    film_of,
    read_clips,
    read_frames,
)
from har.app.models import names_of
from har.app.parts import BY_ONE, INTERNAL, Chosen, Page, html
from har.pages.templating import as_count


def add_look_tab(page: Page, chosen: Chosen, start: gr.Blocks) -> None:
    """Add the tab to the page that is being built.

    Args:
        page: What it works with.
        chosen: The models that are asked of a clip.
        start: Whose `load` fills the tab when a browser opens the page.
    """
    gr.Markdown(
        "The clips of the last run of `dvc repro`, as the model takes them. Choose one to see what "
        "the models above say of it; mistakes are sorted by the model's confidence."
    )
    with gr.Row():
        kind = gr.Dropdown(list(KINDS), value=KINDS[0], label="Show", min_width=180)
        label = gr.Dropdown([ANY], value=ANY, label="Label", min_width=180)
        subject = gr.Dropdown([ANY], value=ANY, label="Person", min_width=180)
    about = html("har-about")
    gallery = gr.Gallery(
        label="Clips", columns=4, height="auto", interactive=False, buttons=[], elem_id="har-clips"
    )
    number = gr.State(0)
    with gr.Row():
        earlier = gr.Button("Earlier", size="sm", min_width=100)
        later = gr.Button("Later", size="sm", min_width=100)
    said = html("har-clip-said")
    tab = _LookTab(page)
    filters = [kind, label, subject]
    outputs = [about, gallery, number, earlier, later, said]
    start.load(tab.choices, None, [label, subject], **INTERNAL)
    start.load(tab.first, filters, outputs, **INTERNAL)
    gr.on([one.input for one in filters], tab.first, filters, outputs, **INTERNAL)
    earlier.click(tab.earlier, [*filters, number], outputs, **INTERNAL)
    later.click(tab.later, [*filters, number], outputs, **INTERNAL)
    asked = [*filters, number, chosen.model, chosen.other]
    gallery.select(tab.ask, asked, said, **BY_ONE, **INTERNAL)


class _LookTab:
    """What happens when a visitor does something; the arguments are those of the parts above."""

    def __init__(self, page: Page):
        self._page = page

    def choices(self) -> tuple[gr.Dropdown, gr.Dropdown]:
        try:
            clips = read_clips()
        except ValueError:  # which `first` tells
            return gr.Dropdown(), gr.Dropdown()
        values = [[ANY, *sorted(clips[name].unique())] for name in ("label", "subject")]
        return gr.Dropdown(values[0], value=ANY), gr.Dropdown(values[1], value=ANY)

    def first(self, *filters: str) -> tuple:
        return self._show(*filters, 0)

    def earlier(self, *filters_and_number: str | int) -> tuple:
        *filters, number = filters_and_number
        return self._show(*filters, number - 1)

    def later(self, *filters_and_number: str | int) -> tuple:
        *filters, number = filters_and_number
        return self._show(*filters, number + 1)

    def ask(
        self,
        kind: str,
        label: str,
        subject: str,
        number: int,
        model: str,
        other: str | None,
        place: gr.SelectData,
    ) -> str:
        try:
            clips = choose_clips(read_clips(), kind, label, subject)
            row = _part(clips, number).iloc[int(place.index)].to_dict()
            clip, named = read_frames(row), []
            with self._page.models.in_use:
                for name in names_of(model, other):
                    trained = self._page.models.get(name)
                    named.append(name_clip(clip, trained, name, aspect=row["aspect"]))
        except (ValueError, OSError) as error:
            return show_problem(error)
        return show_named(named)

    def _show(self, kind: str, label: str, subject: str, number: int) -> tuple:
        try:
            clips = choose_clips(read_clips(), kind, label, subject)
            last = max(0, (len(clips) - 1) // PAGE_SIZE)
            number = min(max(0, number), last)
            rows = _part(clips, number).to_dict("records")
            films = [(film_of(row, self._page.files), describe_clip(row)) for row in rows]
        except (ValueError, OSError) as error:
            hidden = gr.Button(visible=False)
            return show_problem(error), gr.Gallery(visible=False), 0, hidden, hidden, ""
        about = f"<p>{as_count(len(clips), 'clip')}"
        about += f", part {number + 1} of {last + 1}</p>" if last else "</p>"
        steps = [
            gr.Button(visible=last > 0, interactive=can) for can in (number > 0, number < last)
        ]
        gallery = gr.Gallery(value=films, visible=bool(films), selected_index=None)
        return about, gallery, number, *steps, ""


def _part(clips: pd.DataFrame, number: int) -> pd.DataFrame:
    return clips.iloc[number * PAGE_SIZE : (number + 1) * PAGE_SIZE]
