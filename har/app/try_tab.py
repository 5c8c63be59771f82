"""The tab "Try": drop a video or use the camera, and see what a model says."""

from typing import Any

import gradio as gr

from har.app.answering import name_video, show_named, show_problem
from har.app.models import names_of
from har.app.parts import (
    AS_SENT,
    BY_ONE,
    INTERNAL,
    Chosen,
    Page,
    camera,
    html,
    sent_file,
)
from har.app.uploads import used_once


def add_try_tab(page: Page, chosen: Chosen) -> None:
    """Add the tab to the page that is being built.

    Args:
        page: What it works with.
        chosen: The models that are asked.
    """
    gr.Markdown(
        "Drop a video, or film one with the camera of this device: the answer comes by itself. Up "
        f"to {page.accepted.megabytes} MB and {page.accepted.seconds:g} s; the video is deleted as "
        "soon as it is named."
    )
    with gr.Row():
        with gr.Column(scale=2, min_width=300):
            dropped = gr.File(label="Video file", height=140, elem_id="har-dropped")
            filmed = camera("Camera")
        with gr.Column(scale=3, min_width=300):
            said = html("har-said")
            film = gr.Video(
                label="With label and skeleton",
                visible=False,
                interactive=False,
                buttons=[],
                autoplay=True,
                loop=True,
                height=320,
                elem_id="har-film",
            )
    for sent, event in ((dropped, dropped.upload), (filmed, filmed.stop_recording)):
        asked, shown = [sent, chosen.model, chosen.other], [sent, said, film]
        how = {"show_progress_on": [said]} | AS_SENT | BY_ONE | INTERNAL
        event(_TryTab(page).answer, asked, shown, **how)


class _TryTab:
    """What happens when a visitor does something; the arguments are those of the parts above."""

    def __init__(self, page: Page):
        self._page = page

    def answer(
        self, payload: dict[str, Any] | None, model: str, other: str | None
    ) -> tuple[None, str, gr.Video]:
        """Return an empty place for the next video, the answers, and the video with them."""
        nothing, video, page = gr.Video(value=None, visible=False), sent_file(payload), self._page
        if video is None:
            return None, "", nothing
        drawn = page.new_file("drawn.mp4")
        how = {"settings": page.settings, "accepted": page.accepted, "drawn": drawn}
        try:
            with used_once(video), page.models.in_use:
                named = name_video(video, page.models, names_of(model, other), **how)
        except (ValueError, OSError) as error:
            return None, show_problem(error), nothing
        film = gr.Video(value=drawn, visible=True) if drawn.is_file() else nothing
        return None, show_named(named), film
