"""Which files lie in a folder, and which of them are videos.

A video is what the decoder opens. Files with the endings of `VIDEO_SUFFIXES` are taken for such
without a look, so that a broken one is named; files with endings of other things are not opened.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from har.engine.errors import VideoError
from har.engine.workers import run_in_workers

_VIDEO = (
    ".3g2 .3gp .asf .avi .dv .f4v .flv .gif .m2ts .m4v .mkv .mov .mp4 .mpeg .mpg .mts "
    ".mxf .ogv .ts .vob .webm .wmv"
)
VIDEO_SUFFIXES = tuple(_VIDEO.split())
# What lies beside videos and is no video, whatever a decoder makes of it. FFmpeg, for example,
# opens any text as the screen of an old terminal.
_OTHER = (
    ".7z .aac .ans .art .asc .ass .bmp .bz2 .c3d .cff .csv .db .diz .doc .docx .dvc .eaf "
    ".exe .flac .gz .h5 .hdf5 .heic .html .ice .ini .ipynb .jpeg .jpg .json .jsonl .lnk "
    ".log .lrv .m3u .m3u8 .m4a .mat .md .mp3 .nfo .npy .npz .ods .odt .ogg .onnx .opus "
    ".parquet .pdf .pickle .pkl .png .pt .pth .py .rar .rtf .srt .sub .svg .tar .tflite "
    ".thm .tif .tiff .toml .torrent .tsv .txt .url .vt .vtt .wav .webp .wma .xls .xlsx "
    ".xml .xz .yaml .yml .zip"
)
OTHER_SUFFIXES = frozenset(_OTHER.split())
# What systems put into folders, beside names that begin with a dot.
SYSTEM_NAMES = frozenset(
    (
        *("__macosx", "@eadir", "$recycle.bin", "system volume information", "lost+found"),
        *("thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r"),
    )
)
# Of opening a file whose ending says nothing.
PROBE_SECONDS, PROBE_GIGABYTES = 60.0, 2.0
START_BYTES = 4096


def list_files(folder: Path, *, follow_links: bool = False) -> list[Path]:
    """List all that is below a folder and not hidden, but for the folders, sorted by name.

    Hidden is what begins with a dot, or what the system has put there.

    Args:
        folder: Where to look.
        follow_links: Whether to look into linked folders too, each once. If not, as DVC, a linked
            folder is listed as if it were a file.

    Raises:
        ValueError: A folder may not be read.
    """
    found: list[Path] = []
    seen = set()
    for parent, folders, files in os.walk(folder, followlinks=follow_links, onerror=_refuse):
        real = os.path.realpath(parent)
        if real in seen:  # a link leads back up
            folders.clear()
            continue
        seen.add(real)
        folders[:] = [name for name in folders if not is_hidden(name)]
        paths = [Path(parent, name) for name in files if not is_hidden(name)]
        if not follow_links:
            paths += [path for name in folders if (path := Path(parent, name)).is_symlink()]
        found += paths
    return sorted(found)


def is_hidden(name: str) -> bool:
    """Return whether a file or folder of that name is none of the user's.

    Example:
        >>> is_hidden(".DS_Store"), is_hidden("Thumbs.db"), is_hidden("walking")
        (True, True, False)
    """
    return name.startswith(".") or name.casefold() in SYSTEM_NAMES


def _refuse(error: OSError) -> None:
    raise ValueError(
        f"{error.filename} cannot be read ({error.strerror}). Allow it with `chmod u+rx`, or "
        "remove it."
    ) from error


def is_video_name(path: Path) -> bool:
    """Return whether a file is a video by its ending."""
    return path.suffix.lower() in VIDEO_SUFFIXES


def find_others(files: Sequence[Path]) -> set[Path]:
    """Return those of the files that the decoder opens although their ending says nothing.

    Files of text, without bytes, and with the endings of other things are not tried.

    Args:
        files: Any files; those that are videos by their ending are left out.
    """
    tried = [path for path in files if _may_be_video(path)]
    results = run_in_workers(
        _opens,
        tried,
        total=len(tried),
        num_workers=0,
        timeout_seconds=PROBE_SECONDS,
        memory_gigabytes=PROBE_GIGABYTES,
        description="looking for videos",
        section="convert",
        failures=(VideoError,),
    )
    return {path for path, result in zip(tried, results, strict=True) if not result.reason}


def _may_be_video(path: Path) -> bool:
    if is_video_name(path) or path.suffix.lower() in OTHER_SUFFIXES or not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            start = file.read(START_BYTES)
    except PermissionError:
        return False
    try:
        start[:-4].decode()  # the last letter may be cut
    except UnicodeDecodeError:
        return True
    return b"\0" in start


def _opens(path: Path) -> str:
    """Return the codec of a video; runs in a worker.

    Raises:
        VideoError: The decoder does not open it.
    """
    from har.video.reading import probe_video

    return probe_video(path).codec
