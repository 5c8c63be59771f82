"""Native noise is held back; all else comes through."""

import os
import subprocess
import sys

import pytest

from har.engine.progress import without_noise


def test_without_noise_drops_known_lines_only(capfd):
    with without_noise(r"INFO: "):
        os.write(2, b"INFO: hello\nWARNING: hot\n")
    assert capfd.readouterr().err == "WARNING: hot\n"


def test_without_noise_shows_what_was_said_before_an_error(capfd):
    def fail():
        with without_noise(r"INFO: "):
            os.write(2, b"libfoo.so: not found\n")
            raise ImportError

    with pytest.raises(ImportError):
        fail()
    assert "libfoo.so: not found" in capfd.readouterr().err


@pytest.mark.slow
def test_importing_tensorflow_says_nothing_and_brings_no_more_than_is_needed():
    code = (
        "import sys; from har.engine.runtime import keras, tf; tf.zeros(2), keras.Model\n"
        "assert not {'matplotlib', 'sklearn'} & set(sys.modules)\n"
        "import matplotlib.pyplot, sklearn.linear_model"  # they come where they are asked for
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert (result.stdout, result.stderr) == (b"", b"")
