"""The digest of the code: what changes it and what does not."""

import pytest

import har.engine.code as code_module
from har.engine.code import UNCOUNTED, code_digest

MAKER = '''"""Makes something."""

from har.parts import SIZE


def make():
    """Make it."""
    return SIZE  # a comment
'''


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write modules of a package of its own; returns the digest of `har.maker` after that."""
    monkeypatch.setattr(code_module, "ROOT", tmp_path)
    (tmp_path / "__init__.py").write_text("")

    def change(**modules: str) -> str:
        for name, text in modules.items():
            (tmp_path / f"{name}.py").write_text(text)
        for cached in (code_module._find_file, code_module._imports, code_module._tree):
            cached.cache_clear()
        return code_digest("har.maker")

    yield change
    for cached in (code_module._find_file, code_module._imports, code_module._tree):
        cached.cache_clear()


def test_code_digest_leaves_out_comments_docstrings_and_layout(write):
    first = write(maker=MAKER, parts="SIZE = 3\n", other="X = 1\n")
    assert write(maker=MAKER.replace("a comment", "another")) == first
    assert write(maker=MAKER.replace("Make it.", "Make it so.")) == first
    assert write(maker=MAKER.replace("\n\n\n", "\n\n\n\n")) == first
    assert write(parts='"""Sizes."""\n\nSIZE = 3  # pixels\n"""of it"""\n') == first
    assert write(other="X = 2\n") == first  # is not imported


def test_code_digest_changes_with_the_code_and_with_what_it_imports(write):
    digests = {
        write(maker=MAKER, parts="SIZE = 3\n"),
        write(parts="SIZE = 4\n"),
        write(maker=MAKER.replace("return SIZE", "return -SIZE")),
        write(maker=MAKER, parts="from har.more import SIZE\n", more="SIZE = 3\n"),
        write(more="SIZE = 5\n"),
    }
    assert len(digests) == 5


def test_code_digest_refuses_unknown_module():
    with pytest.raises(ValueError, match=r"no module 'har\.nowhere' whose code could be read"):
        code_digest("har.nowhere")


def test_uncounted_modules_exist():
    assert all(code_module._find_file(name) for name in UNCOUNTED)


def test_training_counts_its_model_and_its_streams():
    reached = code_module._reached(["har.training.fit", "har.models.fusion"])
    assert {"har.models.fusion", "har.clips.streams", "har.training.loop"} <= reached
    assert not {"har.models.cnn3d", "har.pages.plots", "har.engine.progress"} & reached
