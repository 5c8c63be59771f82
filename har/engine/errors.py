"""Errors that a user can fix, and how a command ends with one."""

import contextlib
import errno
import os
import sys
import traceback
from collections.abc import Iterator

from har.names.escaping import visible_output


class VideoError(ValueError):
    """A video that cannot be used; the message names the file, the reason and the fix."""


@contextlib.contextmanager
def plain_errors() -> Iterator[None]:
    """End the process with one clear message where its body fails in a way that a user can fix.

    What is printed within only shows, whatever characters names have. Exit codes: 1 failed, 130
    interrupted. `HAR_TRACEBACK=1` prints the traceback too.
    """
    with visible_output():
        try:
            yield
        except KeyboardInterrupt:
            _fail(
                "interrupted; what is finished is kept and the same command goes on from there", 130
            )
        except (ValueError, OSError) as error:
            if os.environ.get("HAR_TRACEBACK"):
                traceback.print_exc()
            _fail(_explain(error), 1)


def _explain(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return (
            f"the disk is full ({error.filename or 'while writing'}). Free some space (`dvc gc -w` "
            "drops old results) and run the same command again; what is finished is kept."
        )
    return str(error)


def _fail(message: str, exit_code: int) -> None:
    print(f"\nerror: {message}", file=sys.stderr)
    sys.exit(exit_code)
