"""How well moving cameras are told from still ones, on clips whose names say which they are.

    python -m benchmarks.camera JHMDB --still WEIZMANN

JHMDB and HMDB51 have `-cm-` or `_cm_` in the name of a file whose camera moves, and `nm` where it
does not. Takes about two minutes for 600 short videos.
"""

import argparse
import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

from har.clips.camera import MOVING, measure_camera
from har.clips.views import View, apply_view
from har.engine.workers import map_in_threads, num_cores
from har.folder.listing import VIDEO_SUFFIXES
from har.inspection.looking import look_at
from har.video.extracting import extract_clip
from har.video.preview import PreviewTask

NUM_FRAMES, SIZE = 30, 224
SHAKES = (0.03, 0.06, 0.15)  # of still clips, as `augment.shake`


def main() -> None:
    """Print how many clips of each kind are told, and are said to move."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("named", type=Path, help="folder of videos whose names say what is so")
    parser.add_argument("--still", type=Path, help="folder of videos whose camera stands still")
    options = parser.parse_args()
    paths = [path for path in _videos(options.named) if _tag(path)]
    if not paths:
        raise SystemExit(f"No file below {options.named} has cm or nm in its name.")
    moves = np.array([_tag(path) == "cm" for path in paths])
    labels = np.array([path.parent.name for path in paths])
    for name, measure in (("whole clip", _of_clip), ("a second, as inspect", _of_look)):
        motions = _measured(measure, paths)
        print(f"{name}: {describe(moves, motions, labels)}")
    for shake in (0, *SHAKES) if options.still else ():
        motions = _measured(lambda path, shake=shake: _of_clip(path, shake), _videos(options.still))
        print(f"still, shake {shake}: moving {(motions >= MOVING).sum()} of {len(motions)}")


def describe(moves: np.ndarray, motions: np.ndarray, labels: np.ndarray) -> str:
    """Return the scores of a measure.

    Args:
        moves: Whether the camera moves, bool, shape (num_clips,).
        motions: As measured, NaN where it cannot be told, shape (num_clips,).
        labels: Of the clips; the threshold is tested on one after the other.
    """
    is_told = np.isfinite(motions)
    moves, motions, labels = moves[is_told], motions[is_told], labels[is_told]
    counts = f"{len(is_told)} clips, {(~is_told).sum()} not told"
    if len(np.unique(moves)) < 2 or len(np.unique(labels)) < 2:
        return f"{counts}; scores need moving and still cameras, and two labels"
    said = motions >= MOVING
    right = 0
    for label in np.unique(labels):
        is_out = labels == label
        threshold = choose_threshold(moves[~is_out], motions[~is_out])
        right += ((motions[is_out] >= threshold) == moves[is_out]).sum()
    return (
        f"{counts}; AUROC {roc_auc_score(moves, motions):.3f}; "
        f"by {MOVING}: accuracy {(said == moves).mean():.3f}, "
        f"moving found {said[moves].mean():.3f}, still taken for moving {said[~moves].mean():.3f}; "
        f"by the threshold of the other labels: accuracy {right / len(moves):.3f}"
    )


def choose_threshold(moves: np.ndarray, motions: np.ndarray) -> float:
    """Return the threshold with the highest accuracy."""
    thresholds = np.unique(motions)
    accuracies = [((motions >= threshold) == moves).mean() for threshold in thresholds]
    return float(thresholds[int(np.argmax(accuracies))])


def _videos(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in VIDEO_SUFFIXES)


def _tag(path: Path) -> str:
    found = re.search(r"[-_](cm|nm)[-_]", path.name)
    return found[1] if found else ""


def _measured(measure: Callable[[Path], float], paths: Sequence[Path]) -> np.ndarray:
    return np.array(list(map_in_threads(measure, paths, num_threads=num_cores())))


def _of_clip(path: Path, shake: float = 0) -> float:
    clip, _ = extract_clip(path, num_frames=NUM_FRAMES, size=SIZE)
    view = View(shake=shake, shake_seed=sum(path.name.encode()))  # another way for each clip
    return measure_camera(apply_view(clip, view) if shake else clip)


def _of_look(path: Path) -> float:
    motion = look_at(PreviewTask(path, 1, decode=False, num_frames=NUM_FRAMES)).camera_motion
    return math.nan if motion is None else motion


if __name__ == "__main__":
    main()
