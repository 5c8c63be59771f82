"""The page: its tabs, what stands above them, and how it looks."""

from collections.abc import Callable
from pathlib import Path

import gradio as gr

from har.app.guards import guards
from har.app.look_tab import add_look_tab
from har.app.parts import Chosen, Page
from har.app.record_tab import add_record_tab
from har.app.try_tab import add_try_tab

TITLE = "What do people do?"
NOBODY_ELSE = ("none", "")  # a text and its meaning
CLEAN_SECONDS, KEPT_SECONDS = 60, 900  # how often, and what nobody has used for so long
MAX_WAITING = 8  # videos that wait for a model; who comes then is asked to come back
# What Gradio would do besides, some of it by variables of the environment.
OFF = {
    "quiet": True,
    "prevent_thread_lock": True,
    "footer_links": [],
    "run_history": False,
    "enable_monitoring": False,
    "share": False,
    "inbrowser": False,
    "ssr_mode": False,
    "mcp_server": False,
    "pwa": False,
}
STYLE = Path(__file__).parent / "page.css"
COUNTDOWN = Path(__file__).parent / "countdown.js"


def build_page(page: Page) -> gr.Blocks:
    """Return the page, ready to be served.

    Args:
        page: What its tabs work with.
    """
    blocks = gr.Blocks(
        title=TITLE,
        analytics_enabled=False,
        delete_cache=(CLEAN_SECONDS, KEPT_SECONDS),
    )
    with blocks:
        gr.Markdown(f"# {TITLE}")
        chosen = _add_choice(page.models.names)
        with gr.Tabs():
            with gr.Tab("Try"):
                add_try_tab(page, chosen)
            with gr.Tab("Record"):
                add_record_tab(page, blocks)
            with gr.Tab("Look"):
                add_look_tab(page, chosen, blocks)
    blocks.queue(max_size=MAX_WAITING, api_open=False)
    return blocks


def launch_page(
    blocks: gr.Blocks,
    *,
    host: str,
    port: int | None,
    max_bytes: int,
    door: Callable[[str, str], bool] | None,
    own_names: list[str],
) -> str:
    """Start serving a page, in threads of its own, and return its address.

    Args:
        blocks: The page.
        host: The address to serve at.
        port: Its port; None: the first that is free from 7860 on.
        max_bytes: Of a file that is sent.
        door: Tells whether a name and a password let somebody in; None: everybody is let in.
        own_names: By which browsers may call this computer; `*`: any.

    Raises:
        ValueError: The port is taken.
    """
    try:
        _, address, _ = blocks.launch(
            server_name=host,
            server_port=port,
            auth=door,
            auth_message="Any name, and the password that the page was started with.",
            max_file_size=max_bytes,
            app_kwargs={"middleware": guards(own_names)},
            theme=_theme(),
            css_paths=[STYLE],
            js=COUNTDOWN.read_text(encoding="utf-8"),
            **OFF,
        )
    except OSError as error:
        raise ValueError(
            f"The page cannot be served at {host}, port {port or 7860} ({error}). Name another "
            "port with --port."
        ) from error
    return address


def _theme() -> gr.themes.Base:
    """Return the colours and fonts: those of the system, as others would be fetched elsewhere."""
    return gr.themes.Default(
        primary_hue="blue",
        font=["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"],
        font_mono=["ui-monospace", "Menlo", "Consolas", "monospace"],
    ).set(  # Gradio's are too pale to be read by everybody
        body_text_color_subdued="*neutral_600", body_text_color_subdued_dark="*neutral_300"
    )


def _add_choice(names: list[str]) -> Chosen:
    """Add the choice of a model and of another to compare with, where there is more than one."""
    is_choice = len(names) > 1
    with gr.Row(visible=is_choice):
        model = gr.Dropdown(names, value=names[0], label="Model", min_width=180)
        others = [NOBODY_ELSE, *((name, name) for name in names)]
        other = gr.Dropdown(others, value="", label="Compare with", min_width=180)
    if not is_choice:
        gr.Markdown(
            f"Model: `{names[0]}`. To compare it with another one, train that: "
            "`dvc exp run -S model=attention`."
        )
    return Chosen(model, other)
