"""Networks that others may have made, tried in a process with limits before they are opened here.

A file of 1 kB can ask for 40 GB, run for ever or crash whoever opens it: what LiteRT and Keras make
of it is known only once they have opened it. What opens and runs in a process that may hang, crash
or eat memory does so in this one too.
"""

import contextlib
import pickle
from collections.abc import Callable, Sequence
from pathlib import Path

from har.compute.limited import Work
from har.compute.local import run_locally
from har.engine.cache import file_digest

LITERT_GIGABYTES = 1.0  # beside the weights, in 10^9 bytes
KERAS_GIGABYTES = 3.0
MAX_RATIO = 4  # of memory to a file's size: it is read, unpacked and rearranged
SECONDS, SECONDS_PER_GIGABYTE = 60, 60

_tried: set[tuple[bytes, str]] = set()  # by this process: which function, and the file's digest


def try_files(
    function: Callable[[Path], None],
    paths: Sequence[Path],
    *,
    gigabytes: float = LITERT_GIGABYTES,
    remedy: str,
) -> None:
    """Call a function with each file in a process with limits, once with the same bytes.

    Args:
        function: Opens a file, and raises a ValueError with what is wrong; picklable.
        paths: The files.
        gigabytes: Memory beside the weights.
        remedy: What to do where one cannot be opened, in a sentence.

    Raises:
        ValueError: A file cannot be opened within the limits; the text names it.
    """
    called = pickle.dumps(function)
    keys = {path: (called, file_digest(path)) for path in paths}
    paths = [path for path in paths if keys[path] not in _tried]
    size = max((path.stat().st_size for path in paths), default=0) / 10**9
    seconds = round(SECONDS + SECONDS_PER_GIGABYTE * size)
    gigabytes = round(gigabytes + MAX_RATIO * size, 1)
    work = Work(function, seconds, gigabytes, None, (ValueError,))
    with contextlib.closing(run_locally(work, paths, total=len(paths), num_workers=1)) as results:
        for path, result in zip(paths, results, strict=True):
            if result.reason:
                raise ValueError(
                    f"{path} is damaged or too large: within {gigabytes:g} GB of memory it "
                    f"{result.reason}. {remedy}"
                )
            _tried.add(keys[path])


def keras_reason(error: Exception) -> str:
    """Return what Keras or TensorFlow says is wrong, in one line, without TensorFlow's own place.

    Example:
        >>> keras_reason(RuntimeError("{{function_node __wrapped__Add}} OOM when allocating"))
        'OOM when allocating'
    """
    return str(error).rpartition("}} ")[2].partition("\n")[0]
