"""How late pictures of a camera in the network arrive, by PyAV and by OpenCV.

    python -m benchmarks.capture

A server on this computer sends pictures whose grey stripes say their number, 30 a second, as JPEG
one by one or as H.264 in MPEG-TS, to one reader after the other. The delay is from the sending of a
picture to the moment at which the reader has it, decoded.
"""

import contextlib
import io
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import av
import cv2
import numpy as np

from benchmarks.timing import argument_parser, print_heading, print_table
from har.video.live import LOW_DELAY

PICTURES_A_SECOND = 30
SECONDS = 10
WIDTH, HEIGHT, NUM_BITS = 640, 480, 16
Reader = Callable[[str], Iterator[np.ndarray]]


def main() -> None:
    """Print the table."""
    options = argument_parser(__doc__, repeats=3).parse_args()
    print_heading("Pictures from the network", "av", "opencv-python")
    seconds = 2 if options.quick else SECONDS
    rows = []
    for kind in ("jpeg", "h264"):
        delays = {name: [] for name in READERS}
        for _ in range(options.repeats):
            for name, reader in READERS.items():
                delays[name] += measure(reader, kind, seconds)
        for name, found in delays.items():
            middle, late = np.percentile(1000 * np.array(found), (50, 95))
            rows.append([kind, name, f"{middle:.0f}", f"{late:.0f}"])
    print_table(["sent as", "read by", "median delay, ms", "95 of 100 within, ms"], rows)


def measure(reader: Reader, kind: str, seconds: float) -> list[float]:
    """Return the delay of each picture that arrives, in seconds."""
    delays = []
    with camera(kind, int(seconds * PICTURES_A_SECOND)) as (address, sent):
        for picture in reader(address):
            arrived = time.monotonic()
            number = read_number(picture)
            if number < len(sent):
                delays.append(arrived - sent[number])
    return delays


def draw_number(number: int) -> np.ndarray:
    """Return a picture of vertical stripes, white for each bit that is set, uint8 BGR."""
    bits = [255 * (number >> bit & 1) for bit in range(NUM_BITS)]
    row = np.repeat(np.array(bits, np.uint8), WIDTH // NUM_BITS)
    return np.broadcast_to(row[:, np.newaxis], (HEIGHT, WIDTH, 3)).copy()


def read_number(picture: np.ndarray) -> int:
    """Return the number that a picture shows; see `draw_number`."""
    stripes = picture[picture.shape[0] // 2, :, 0].reshape(NUM_BITS, -1).mean(axis=1)
    return int(sum(1 << bit for bit, grey in enumerate(stripes) if grey > 127))


@contextlib.contextmanager
def camera(kind: str, num_pictures: int) -> Iterator[tuple[str, list[float]]]:
    """Serve pictures to one reader; give the address, and when each picture was sent."""
    sent: list[float] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", TYPES[kind])
            self.end_headers()
            begun, write = time.monotonic(), WRITERS[kind]()
            with contextlib.suppress(OSError):  # the reader has gone
                for number in range(num_pictures):
                    time.sleep(max(0.0, begun + number / PICTURES_A_SECOND - time.monotonic()))
                    sent.append(time.monotonic())
                    self.wfile.write(write(draw_number(number)))

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/video", sent
    finally:
        server.shutdown()
        server.server_close()


def jpeg_writer() -> Callable[[np.ndarray], bytes]:
    """Return what makes the bytes of a picture as cheap cameras send them."""

    def write(picture: np.ndarray) -> bytes:
        content = cv2.imencode(".jpg", picture)[1].tobytes()
        head = f"--picture\r\nContent-Type: image/jpeg\r\nContent-Length: {len(content)}\r\n\r\n"
        return head.encode() + content + b"\r\n"

    return write


def h264_writer() -> Callable[[np.ndarray], bytes]:
    """Return what makes the bytes of a picture in a stream of H.264 without delay."""
    file = io.BytesIO()
    container = av.open(file, "w", format="mpegts")
    stream = container.add_stream("libx264", rate=PICTURES_A_SECOND)
    stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    stream.options = {"preset": "ultrafast", "tune": "zerolatency", "g": str(PICTURES_A_SECOND)}

    def write(picture: np.ndarray) -> bytes:
        for packet in stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")):
            container.mux(packet)
        content = file.getvalue()
        file.seek(0)
        file.truncate()
        return content

    return write


def read_by_pyav(address: str) -> Iterator[np.ndarray]:
    """Yield pictures as `har live` reads them."""
    with av.open(address, options=LOW_DELAY) as container, contextlib.suppress(av.FFmpegError):
        for frame in container.decode(video=0):  # until the stream ends, which is an error
            yield frame.to_ndarray(format="bgr24")


def read_by_opencv(address: str) -> Iterator[np.ndarray]:
    """Yield pictures as OpenCV reads them by default."""
    capture = cv2.VideoCapture(address)
    is_there, picture = capture.read()
    while is_there:
        yield picture
        is_there, picture = capture.read()
    capture.release()


TYPES = {"jpeg": "multipart/x-mixed-replace; boundary=picture", "h264": "video/mp2t"}
WRITERS = {"jpeg": jpeg_writer, "h264": h264_writer}
READERS: dict[str, Reader] = {"PyAV": read_by_pyav, "OpenCV": read_by_opencv}

if __name__ == "__main__":
    main()
