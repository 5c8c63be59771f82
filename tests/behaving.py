"""What an item may do to the process and to the worker that have it."""

import ctypes
import os
import signal
import time
from pathlib import Path


def behave(how):
    """Do to this process what `how` says, or double it."""
    if how == "hang":
        time.sleep(1000)
    elif how == "crash":
        ctypes.string_at(0)
    elif how == "abort":
        os.abort()
    elif how == "memory":
        return len(bytearray(2 * 10**9))
    elif how == "bad":
        raise ValueError("a.mp4 is not a video")
    elif how == "bug":
        raise KeyError("a mistake in the program")
    elif how == "slow":
        time.sleep(0.3)
    elif how == "kill the worker":
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(1000)
    elif isinstance(how, Path):  # the first time
        if how.suffix == ".always" or not how.exists():
            how.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return how.name
    elif how == "hold the first worker" and _is_first():
        time.sleep(1000)
    return how * 2


def _is_first() -> bool:
    """Return whether no process came here before; a file names this one's worker, if so."""
    try:
        with Path("first-worker").open("x") as file:
            file.write(str(os.getppid()))
    except FileExistsError:
        return False
    return True
