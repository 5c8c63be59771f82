"""The benchmark of the served model: who is asked how often, and what counts as an answer."""

import http.server
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from benchmarks.service import ask_at_once, describe, wait_for


@pytest.fixture
def address() -> Iterator[str]:
    """A server that answers each first request of a client and refuses the others."""
    seen: list[bytes] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()

        def do_POST(self):
            seen.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200 if len(seen) <= 3 else 400)
            self.end_headers()

        def log_message(self, *_):
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    assert set(seen) <= {b"{}"}


def test_every_client_asks_so_often_and_errors_are_no_answers(address):
    times, num_failed = ask_at_once(address, b"{}", num_clients=3, repeats=2)
    assert (len(times), num_failed) == (3, 3)
    assert all(0 < one < 60 for one in times)


def test_describe_gives_percentiles_and_the_rate():
    assert describe([0.1] * 19 + [0.3], 4.2) == ["100", "110", "300", "4.76"]


def test_wait_for_a_server_that_ends_says_so(address):
    running = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    wait_for(address, running)
    running.communicate()
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    with pytest.raises(RuntimeError, match="does not answer; its log is above"):
        wait_for("http://127.0.0.1:9", ended)
