"""What the tests of data sets in miniature share: their videos, and reading them back."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd

from har.dataset.splits import choose_splits
from har.dataset.videos import find_videos
from har.video.reading import decode_frames, open_video
from har.video.writing import write_video

FRACTIONS = {"train": 0.7, "val": 0.15, "test": 0.15}
NUM_FRAMES = 40


def write_barcodes(path: Path) -> Path:
    """Write an AVI whose frames can be told apart."""
    write_video(path, barcode_frames(NUM_FRAMES), fps=25, codec="mpeg4")
    return path


def put(video: Path, *names: str, below: Path) -> None:
    """Copy a video to each of the names."""
    for name in names:
        (below / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(video, below / name)


def write_text(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def barcode_frames(num_frames: int) -> list[np.ndarray]:
    """Frames that any codec leaves apart: eight black or white bars are the bits of the number."""
    bits = (np.arange(num_frames)[:, None] >> np.arange(8)) & 1
    rows = np.repeat(np.where(bits, 220, 30).astype(np.uint8), 8, axis=1)
    return [np.broadcast_to(row[None, :, None], (48, 64, 3)).copy() for row in rows]


def numbers_of(path: Path) -> list[int]:
    """Return which of the barcode frames a video shows."""
    with open_video(path) as (container, stream):
        frames = [frame.to_ndarray(format="gray") for frame in decode_frames(container, stream)]
    bits = np.array(frames)[:, 24, 4:64:8] > 125
    return (bits @ (1 << np.arange(8))).tolist()


def table_of(folder: Path) -> pd.DataFrame:
    table = find_videos(folder)
    assert (table["problem"] == "").all()
    return table.set_index("video_id")


def official_split(folder: Path) -> pd.Series:
    table = find_videos(folder)
    rng = np.random.default_rng(0)
    split, _ = choose_splits(table, fractions=FRACTIONS, folds=None, test_fold=None, rng=rng)
    return split.set_axis(table["video_id"])


def snapshot(folder: Path) -> dict[str, tuple[int, int]]:
    """Return the size and time of all files."""
    return {
        str(path): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


def make_ucf101(source: Path, tiny: Path) -> None:
    """Two labels with six groups; groups 1 and 2 are tested on in split 1, 3 and 4 in split 2."""
    lists = {name: [] for name in ("trainlist01", "testlist01", "trainlist02", "testlist02")}
    for index, label in ((1, "Archery"), (2, "HandstandPushups")):
        video = label.replace("Handstand", "HandStand")
        for group in range(1, 7):
            name = f"v_{video}_g{group:02}_c01.avi"
            put(tiny, f"UCF-101/{label}/{name.replace('HandStand', 'Handstand')}", below=source)
            for split, tested in ((1, (1, 2)), (2, (3, 4))):
                is_test = group in tested
                number = "" if is_test else f" {index}"
                stem = f"{'testlist' if is_test else 'trainlist'}{split:02}"
                lists[stem].append(f"{label}/{name}{number}\r\n")
    for stem, lines in lists.items():
        write_text(source, f"ucfTrainTestlist/{stem}.txt", "".join(lines))
