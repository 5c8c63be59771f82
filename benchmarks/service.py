"""A served recognizer under load: how long do 1, 4 and 16 clients wait for an answer?

    python -m benchmarks.service models:/har@champion VIDEO

Starts MLflow's server of the model on this computer, as docs/experiments.md says, and sends it the
video in base64. Each client sends its next request when it has its answer. Beside it the same video
by the same recognizer without a server, one after the other.
"""

import base64
import contextlib
import json
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from benchmarks.timing import argument_parser, print_heading, print_table, timed

CLIENTS = (1, 4, 16)
PORT = 5077
START_SECONDS = 120.0
WAIT_SECONDS = 300.0  # for an answer


def main() -> None:
    """Print the table."""
    parser = argument_parser(__doc__, repeats=20)
    parser.add_argument("model", metavar="MODEL", help="as MLflow names it: models:/har@champion")
    parser.add_argument("video", type=Path, metavar="VIDEO")
    options = parser.parse_args()
    print_heading(f"{options.model}, served", "mlflow", "ai-edge-litert", "av")
    text = base64.b64encode(options.video.read_bytes()).decode()
    alone = time_alone(options.model, text, options.repeats)
    rows = [["no server", *describe(alone, sum(alone)), 0]]
    body = json.dumps({"dataframe_records": [{"video": text}]}).encode()
    with server(options.model) as address:
        ask(address, body)  # which makes everything ready
        for num_clients in CLIENTS:
            start = time.perf_counter()
            times, failed = ask_at_once(address, body, num_clients, options.repeats)
            rows.append([num_clients, *describe(times, time.perf_counter() - start), failed])
    columns = ["clients", "p50, ms", "p95, ms", "longest, ms", "answers a second", "failed"]
    print_table(columns, rows)


def time_alone(model: str, text: str, repeats: int) -> list[float]:
    """Return the seconds of each of some answers of a model that runs in this process."""
    import mlflow
    import pandas as pd

    loaded = mlflow.pyfunc.load_model(model)
    asked = timed(lambda: loaded.predict(pd.DataFrame({"video": [text]})))
    asked()
    return [asked() for _ in range(repeats)]


@contextlib.contextmanager
def server(model: str) -> Iterator[str]:
    """Serve a model; give the address that takes requests."""
    command = [sys.executable, "-m", "mlflow", "models", "serve", "--model-uri", model]
    command += ["--env-manager", "local", "--port", str(PORT)]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            wait_for(f"http://127.0.0.1:{PORT}/ping", process)
            yield f"http://127.0.0.1:{PORT}/invocations"
        except BaseException:
            log.seek(0)
            print(log.read().decode(errors="replace")[-4000:], file=sys.stderr)
            raise
        finally:
            process.terminate()
            process.wait()


def wait_for(address: str, process: subprocess.Popen) -> None:
    """Wait until a server answers.

    Raises:
        RuntimeError: It ended, or took too long.
    """
    end = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < end:
        with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=5):  # noqa: S310
            return
        time.sleep(0.2)
    raise RuntimeError(f"{address} does not answer; its log is above.")


def ask(address: str, body: bytes) -> float:
    """Return the seconds to an answer; not-a-number where it is an error."""
    request = urllib.request.Request(address, body, {"Content-Type": "application/json"})  # noqa: S310
    start = time.perf_counter()
    try:
        with urllib.request.urlopen(request, timeout=WAIT_SECONDS) as response:  # noqa: S310
            response.read()
    except urllib.error.HTTPError:
        return float("nan")
    return time.perf_counter() - start


def ask_at_once(
    address: str, body: bytes, num_clients: int, repeats: int
) -> tuple[list[float], int]:
    """Return the seconds of the answers to some clients at once, and how many were errors."""
    with ThreadPoolExecutor(num_clients) as pool:
        clients = [pool.submit(_ask_repeatedly, address, body, repeats) for _ in range(num_clients)]
        times = np.concatenate([client.result() for client in clients])
    is_answer = np.isfinite(times)
    return times[is_answer].tolist(), int((~is_answer).sum())


def _ask_repeatedly(address: str, body: bytes, repeats: int) -> list[float]:
    return [ask(address, body) for _ in range(repeats)]


def describe(times: list[float], seconds: float) -> list[str]:
    """Return p50, p95 and the longest in milliseconds, and answers a second."""
    milliseconds = 1000 * np.percentile(times, (50, 95, 100))
    return [*(f"{one:.0f}" for one in milliseconds), f"{len(times) / seconds:.2f}"]


if __name__ == "__main__":
    main()
