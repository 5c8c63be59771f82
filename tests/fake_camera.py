"""A camera in the network as phones and cheap cameras are one: JPEG pictures over HTTP."""

import contextlib
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy as np

BOUNDARY = "picture"
PICTURES_A_SECOND = 25


@contextlib.contextmanager
def fake_camera(*, grey: int, num_pictures: int, num_visits: int = 1) -> Iterator[str]:
    """Serve grey pictures on a local port; give the address.

    Each visitor gets so many pictures, then the connection is closed; after `num_visits` of them
    there is no answer but an error.
    """
    picture = cv2.imencode(".jpg", np.full((48, 64, 3), grey, np.uint8))[1].tobytes()
    visits = []

    class Camera(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            visits.append(time.monotonic())
            if len(visits) > num_visits:
                self.send_error(503)
                return
            self.send_response(200)
            kind = f"multipart/x-mixed-replace; boundary={BOUNDARY}"
            self.send_header("Content-Type", kind)
            self.end_headers()
            head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n"
            with contextlib.suppress(OSError):  # whoever watched has gone
                for _ in range(num_pictures):
                    self.wfile.write(f"{head}\r\n".encode() + picture + b"\r\n")
                    time.sleep(1 / PICTURES_A_SECOND)

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Camera)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/video"
    finally:
        server.shutdown()
        server.server_close()
