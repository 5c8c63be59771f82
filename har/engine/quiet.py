"""Holding back the start-up noise of native code, and nothing else."""

import contextlib
import os
import re
import sys
import tempfile
from collections.abc import Iterator


@contextlib.contextmanager
def without_noise(noise: str) -> Iterator[None]:
    """Drop the lines that native code writes to stderr and that are known to say nothing.

    Args:
        noise: Regular expression of such a line's start; all other lines come through at the end.
    """
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
            held.seek(0)
            for line in held.read().decode(errors="replace").splitlines(keepends=True):
                if not re.match(noise, line):
                    sys.stderr.write(line)
