"""A page that is served, with two models and the clips of a run."""

import contextlib
import importlib.util
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from brightness import NUM_FRAMES, SIZE, brightness_recognizer
from places import ROOT
from run_clips import write_clips_of_run

GRADIO = "Gradio is missing: `make test-app` installs it"
ROWS = [
    ("dark/ann_1", "dark", "ann", "train", None, None),
    ("dark/bob_1", "dark", "bob", "test", "dark", 0.9),
    ("dark/bob_2", "dark", "bob", "test", "bright", 0.8),
    ("bright/cem_1", "bright", "cem", "test", "dark", 0.7),
]


@pytest.fixture(scope="session")
def served(tmp_path_factory) -> Callable[..., contextlib.AbstractContextManager]:
    """Return what serves the page in a project of its own, and gives its address and the folder."""
    if importlib.util.find_spec("gradio") is None:
        pytest.skip(GRADIO)
    from har.app.models import find_models
    from har.app.serving import served_page
    from har.app.uploads import Accepted
    from har.settings import load_settings

    @contextlib.contextmanager
    def serve(**options: object) -> Iterator[tuple[str, Path]]:
        folder, before = tmp_path_factory.mktemp("page"), dict(os.environ)
        shutil.copy(ROOT / "params.yaml", folder)
        try:
            with contextlib.chdir(folder):
                brightness_recognizer().save(Path("models/bright"))
                brightness_recognizer(aspect="pad").save(Path("models/padded"))
                write_clips_of_run(ROWS, num_frames=NUM_FRAMES, size=SIZE)
                page = served_page(
                    find_models(Path("models/bright")),
                    settings=load_settings(required=True),
                    accepted=Accepted(megabytes=1, seconds=10),
                    videos=Path("data/videos"),
                    **options,
                )
                with page as address:
                    yield address.rstrip("/"), folder
        finally:
            os.environ.clear()
            os.environ.update(before)

    return serve


@pytest.fixture(scope="module")
def page(served) -> Iterator[tuple[str, Path]]:
    """The address of a page for this computer, and the folder of its project."""
    with served() as (address, folder):
        yield address, folder
