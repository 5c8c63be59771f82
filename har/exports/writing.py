"""Writing an export: it gets its name only when it was read again and agrees."""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from har.engine.files import naming_full_disk
from har.exports.agreement import MAX_DIFFERENCE, Comparison
from har.exports.folder import CODE, SCRIPT, load_exported, write_folder
from har.recognizer.recognizer import Recognizer
from har.recognizer.using import UsedRecognizer


def write_export(
    recognizer: Recognizer,
    source: Path,
    out: Path,
    *,
    file_format: str,
    is_exact: bool,
    compare: Callable[[UsedRecognizer], Comparison],
) -> Comparison:
    """Write a model as a folder that runs without this project, and return how it compares.

    Args:
        recognizer: The model, as it is to be written.
        source: The folder that it was read from.
        out: The folder; an export that is there is replaced.
        file_format: Of `har.exports.folder.FORMATS`.
        is_exact: Whether it must say what the model says; not so if its numbers are smaller.
        compare: Runs what was written beside the model.

    Raises:
        ValueError: The folder holds something else, or what was written differs from the model.
        OSError: The disk is full; as for `har.engine.files.writing`.
    """
    if out.is_dir() and any(out.iterdir()) and not is_export(out):
        raise ValueError(f"{out} is no export and not empty. Name another folder with --out.")
    out.parent.mkdir(parents=True, exist_ok=True)
    with (
        naming_full_disk(out, num_bytes=folder_size(source)),
        tempfile.TemporaryDirectory(dir=out.parent, prefix=".export-") as work,
    ):
        made = Path(work) / out.name
        write_folder(recognizer, source, made, file_format=file_format)
        compared = compare(load_exported(made))
        most = MAX_DIFFERENCE if is_exact else 1.0
        if not compared.agreement.difference <= most:  # so that not-a-number fails too
            raise ValueError(
                f"The export differs from the model: {compared.describe()}; expected at most "
                f"{most:.0e}. Nothing was written; please report it."
            )
        if out.exists():
            shutil.rmtree(out)
        made.rename(out)
    return compared


def folder_size(folder: Path) -> int:
    """Return the bytes of all files of a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def is_export(folder: Path) -> bool:
    """Return whether a folder is an export."""
    return (folder / SCRIPT).is_file() and (folder / CODE).is_dir()
