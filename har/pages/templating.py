"""What is written from the templates: pages (HTML) and cards (Markdown).

Every value is escaped on its way into a template, so that a label or a file name is only ever text.
A page is one file that needs nothing else: pictures are within it, and it has no script.
"""

import base64
import functools
import re
from pathlib import Path
from typing import Any

import cv2
import jinja2
import numpy as np

from har.clips.clip import even_indices

JPEG_QUALITY = 80
NUM_STRIP_FRAMES = 8
STRIP_FRAME_SIZE = 112  # pixels
NUM_FIRST = 3  # mistakes in a page's summary
MAX_PICTURE_BYTES = 200_000  # a larger PNG becomes a JPEG
MAX_PICTURE_WIDTH, MAX_PICTURE_HEIGHT = 1100, 2400  # pixels; wider is made smaller, higher is cut


def render(template: str, /, **values: Any) -> str:
    """Return a filled template.

    Args:
        template: A file in `templates/`; `.html` escapes for HTML, `.md` for Markdown.
        values: What the template names; one that is missing is an error.
    """
    return _environment(is_page=template.endswith(".html")).get_template(template).render(values)


@functools.cache
def _environment(*, is_page: bool) -> jinja2.Environment:
    """Return what reads the templates, and keeps those that it has compiled."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=jinja2.select_autoescape(["html"]),
        finalize=None if is_page else escape_markdown,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "seconds": as_seconds,
        "percent": as_percent,
        "count": as_count,
        "bytes": as_bytes,
    }
    return environment


def escape_markdown(value: object) -> str:
    r"""Return a text that Markdown, and HTML within it, shows as it is, on one line.

    An underscore within a word stays: it has no meaning there.

    Example:
        >>> print(escape_markdown("a|b <i> *c* sit_down _x"))
        a\|b &lt;i&gt; \*c\* sit_down \_x
    """
    text = re.sub(r"\s+", " ", str(value))
    text = re.sub(r"[\\`*\[\]|~#$!]|(?<!\w)_|_(?!\w)", r"\\\g<0>", text)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def as_seconds(value: float | None) -> str:
    """Return a time as `1.5 s`."""
    return "-" if value is None else f"{value:.1f} s"


def as_percent(share: float) -> str:
    """Return a share as `86.7 %`."""
    return f"{100 * share:.1f} %"


def as_count(number: int, noun: str, nouns: str | None = None) -> str:
    """Return a number and what it counts.

    Example:
        >>> as_count(1, "video"), as_count(2000, "video"), as_count(0, "person", "people")
        ('1 video', '2,000 videos', '0 people')
    """
    return f"{number:,} {noun if number == 1 else nouns or noun + 's'}"


def as_bytes(number: int) -> str:
    """Return a size as `27.4 MB`."""
    return f"{number / 1e6:,.1f} MB"


def data_uri(content: bytes, kind: str = "jpeg") -> str:
    """Return a picture as an address that holds it.

    Args:
        content: The file.
        kind: `jpeg` or `png`.
    """
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def picture_uri(path: Path) -> str:
    """Return a PNG file as an address that holds it, made smaller if it is large.

    Raises:
        ValueError: It is not a picture.
    """
    content = path.read_bytes()
    picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR) if content else None
    if picture is None:
        raise ValueError(f"{path} is not a picture. Make it again: `dvc repro --force`.")
    height, width = picture.shape[:2]
    scale = min(1.0, MAX_PICTURE_WIDTH / width)
    if len(content) <= MAX_PICTURE_BYTES and scale == 1 and height <= MAX_PICTURE_HEIGHT:
        return data_uri(content, "png")
    size = (round(scale * width), max(1, round(scale * height)))
    smaller = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)[:MAX_PICTURE_HEIGHT]
    return data_uri(encode_jpeg(smaller[..., ::-1]))


def frame_uris(rows: list[np.ndarray]) -> list[str]:
    """Return a few evenly spaced frames as addresses, in their order, so that pages can fold them.

    Args:
        rows: Clips, uint8 RGB, shape (num_frames, size, size, 3); what several have at one time is
            one picture, one below the other.
    """
    side = (STRIP_FRAME_SIZE, STRIP_FRAME_SIZE)
    columns = zip(
        *(
            [
                cv2.resize(frames[index], side, interpolation=cv2.INTER_AREA)
                for index in even_indices(len(frames), NUM_STRIP_FRAMES)
            ]
            for frames in rows
        ),
        strict=True,
    )
    return [data_uri(encode_jpeg(np.concatenate(column))) for column in columns]


def encode_jpeg(picture: np.ndarray) -> bytes:
    """Return a picture, uint8 RGB of shape (height, width, 3), as a JPEG file."""
    bgr = np.ascontiguousarray(picture[..., ::-1])
    how = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY, cv2.IMWRITE_JPEG_PROGRESSIVE, 1]
    return cv2.imencode(".jpg", bgr, how)[1].tobytes()
