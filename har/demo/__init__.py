"""The embedded demo data: short videos of drawn people in six actions, made from a seed.

Every video depends on the seed and its own number alone, so that any number of workers, and any
order, gives the same bytes. Scores on these videos say nothing about real people.
"""

import contextlib
import csv
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np

from har.demo.body import Body, Subject, make_subject
from har.demo.film import film
from har.demo.motion import LABELS, Motion, make_motion
from har.demo.scene import Scene, make_room, make_street, place_board, place_seat, place_spare_desk
from har.demo.views import View, choose_view, draw_facing
from har.engine.cache import Cache, CacheEntry, keep_entries, place
from har.engine.files import whole, writing
from har.engine.workers import run_in_workers
from har.video.writing import write_video

# Videos of each label in 120; unbalanced, as what people collect is.
LABEL_WEIGHTS = {
    "calling": 17, "none": 17, "sitting": 19, "standing": 23, "walking": 16, "waving": 14,
    "writing": 14,
}  # fmt: skip
ENDINGS = [".mov"] * 17 + [".mp4", ".mkv", ".avi"]
PORTRAIT_SHARE = 0.35
VIDEO_SECONDS, VIDEO_GIGABYTES = 600.0, 3.0  # far more than drawing one video takes
LYING_SIZES = [(320, 240), (352, 240), (352, 288)]  # (width, height)
PORTRAIT_SIZE = (240, 320)
RATES = (15, 20)
SECONDS = (2.0, 3.8)
CRF = 21
NUM_GLANCES = 9  # instants of a video that decide where the camera stands
DESKS = 0.85  # share of those at a desk whose desk is there


@dataclass(frozen=True)
class DemoVideo:
    """A video to draw.

    Attributes:
        path: Relative to the data set's folder, with slashes.
        label: What is done.
        subject: Who does it.
        size: (width, height) of the upright picture.
        fps: Frames per second.
        num_frames: How many frames.
        rotation: Degrees that the file asks its player to turn the stored frames.
        seed: That of the data set.
        index: The video's number in the data set.
    """

    path: str
    label: str
    subject: Subject
    size: tuple[int, int]
    fps: int
    num_frames: int
    rotation: int
    seed: int
    index: int


def plan_videos(*, num_subjects: int, num_videos: int, seed: int) -> list[DemoVideo]:
    """Decide who does what in which video.

    Args:
        num_subjects: How many people there are.
        num_videos: How many videos in all, at least one of each label.
        seed: Decides everything.

    Raises:
        ValueError: If there are fewer subjects than one or fewer videos than labels.
    """
    if num_subjects < 1:
        raise ValueError(f"demo.num_subjects is {num_subjects}; set it to 1 or more.")
    if num_videos < len(LABELS):
        raise ValueError(
            f"demo.num_videos is {num_videos}, but there are {len(LABELS)} labels; "
            f"set it to {len(LABELS)} or more."
        )
    rng = np.random.default_rng([seed])
    subjects = [make_subject(f"s{number + 1:02d}", rng) for number in range(num_subjects)]
    casting = _cast(_count_labels(num_videos), num_subjects, rng)
    endings = rng.permutation(np.resize(ENDINGS, num_videos))
    videos = []
    for index, (label, number, take) in enumerate(casting):
        ending = str(endings[index])
        is_portrait = ending == ".mov" and rng.random() < PORTRAIT_SHARE
        lying = LYING_SIZES[rng.choice(3, p=[0.5, 0.4, 0.1])]
        fps = int(rng.choice(RATES))
        videos.append(
            DemoVideo(
                path=f"{label}/{subjects[number].name}_{label}_{take}{ending}",
                label=label,
                subject=subjects[number],
                size=PORTRAIT_SIZE if is_portrait else lying,
                fps=fps,
                num_frames=round(rng.uniform(*SECONDS) * fps),
                rotation=90 if is_portrait else 0,
                seed=seed,
                index=index,
            )
        )
    return videos


def _count_labels(num_videos: int) -> dict[str, int]:
    """Share `num_videos` out by `LABEL_WEIGHTS`, at least one to each label."""
    total = sum(LABEL_WEIGHTS.values())
    spare = num_videos - len(LABELS)
    exact = {label: spare * weight / total for label, weight in LABEL_WEIGHTS.items()}
    counts = {label: 1 + int(share) for label, share in exact.items()}
    by_remainder = sorted(LABELS, key=lambda label: int(exact[label]) - exact[label])
    for label in by_remainder[: num_videos - sum(counts.values())]:
        counts[label] += 1
    return counts


def _cast(
    counts: dict[str, int], num_subjects: int, rng: np.random.Generator
) -> list[tuple[str, int, int]]:
    """Return (label, number of the subject, number of the take) of each video.

    Nobody does an action twice before all have done it once, and all appear about equally often.
    """
    appearances = np.zeros(num_subjects)
    casting = []
    for label in LABELS:
        takes = np.zeros(num_subjects, int)
        for _ in range(counts[label]):
            order = np.lexsort((rng.random(num_subjects), appearances, takes))
            takes[order[0]] += 1
            appearances[order[0]] += 1
            casting.append((label, int(order[0]), int(takes[order[0]])))
    return casting


def draw_frames(video: DemoVideo) -> Iterator[np.ndarray]:
    """Yield the upright frames of a video, uint8 RGB (height, width, 3)."""
    motion, scene, view, rng = arrange(video)
    return film(
        video.subject, motion, scene, view,
        fps=video.fps, num_frames=video.num_frames, rng=rng,
    )  # fmt: skip


def arrange(video: DemoVideo) -> tuple[Motion, Scene, View, np.random.Generator]:
    """Return what is done in a video, where, seen from where, and what decides the rest."""
    rng = np.random.default_rng([video.seed, video.index, 1])
    azimuth = rng.uniform(-0.6, 0.6)
    heading = azimuth + draw_facing(rng, walks=video.label == "walking")
    seconds = video.num_frames / video.fps
    motion = make_motion(video.label, video.subject, rng, heading=heading, seconds=seconds)
    body = Body(video.subject, motion.poses(np.linspace(0, seconds, NUM_GLANCES)))
    view = choose_view(body, azimuth=azimuth, size=video.size, rng=rng)
    return motion, _choose_scene(motion, heading, view, body, rng), view, rng


def _choose_scene(
    motion: Motion, heading: float, view: View, body: Body, rng: np.random.Generator
) -> Scene:
    """Build what stands around the person."""
    clear = float(np.linalg.norm(body.pose.hips[:, :2], axis=1).max()) + 1.0
    if rng.random() < (0.15 if motion.seat else 0.4) and not motion.board:
        scene = make_street(rng, clear=clear)
    else:
        scene = make_room(rng, clear=clear, camera_x=view.position[0])
        if not motion.seat and rng.random() < 0.3:
            scene.shapes.extend(place_spare_desk(rng, clear=clear))
    if motion.seat:
        with_desk = motion.desk and rng.random() < DESKS
        scene.shapes.extend(place_seat(rng, heading=heading, seat=motion.seat, with_desk=with_desk))
    if motion.board:
        scene.shapes.extend(place_board(rng, heading=heading))
    return scene


def write_dataset(
    folder: Path,
    *,
    num_subjects: int,
    num_videos: int,
    seed: int,
    num_workers: int,
    code_version: str,
    max_gigabytes: float,
) -> int:
    """Put all videos into `<folder>/<label>/` and name their subjects in `metadata.csv`.

    Videos that were drawn before are taken from the cache.

    Args:
        folder: Made where missing.
        num_subjects: See `plan_videos`.
        num_videos: See `plan_videos`.
        seed: See `plan_videos`.
        num_workers: Processes that draw, 0 for one per core; the files are the same for any.
        code_version: Changed when the code would draw other pictures.
        max_gigabytes: Size of the cache of all steps, in 10^9 bytes.

    Returns:
        How many videos were drawn.

    Raises:
        ValueError: If the numbers do not allow a plan, see `plan_videos`, or drawing fails.
    """
    videos = plan_videos(num_subjects=num_subjects, num_videos=num_videos, seed=seed)
    with keep_entries(max_gigabytes):
        entries, num_drawn = _find_or_draw(videos, code_version, num_workers)
        for video, entry in zip(videos, entries, strict=True):
            place(entry.data, folder / video.path)
    with (
        whole(folder / "metadata.csv") as partial,
        partial.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["path", "subject"])
        writer.writerows([video.path, video.subject.name] for video in videos)
    return num_drawn


def _find_or_draw(
    videos: list[DemoVideo], code_version: str, num_workers: int
) -> tuple[list[CacheEntry], int]:
    """Return where in the cache each video is, and how many had to be drawn."""
    caches = [Cache("demo", ending=Path(video.path).suffix) for video in videos]
    keys = [
        cache.key("", parameters=asdict(video), code_version=code_version)
        for cache, video in zip(caches, videos, strict=True)
    ]
    entries = [cache.get(key) for cache, key in zip(caches, keys, strict=True)]
    missing = [index for index, entry in enumerate(entries) if entry is None]
    results = run_in_workers(
        _draw_video, [(videos[index], caches[index], keys[index]) for index in missing],
        total=len(missing), num_workers=num_workers, timeout_seconds=VIDEO_SECONDS,
        memory_gigabytes=VIDEO_GIGABYTES, description="demo",
    )  # fmt: skip
    with contextlib.closing(results):
        for index, result in zip(missing, results, strict=True):
            if result.reason:
                raise ValueError(f"{videos[index].path} could not be drawn: {result.reason}.")
            entries[index] = result.value
    return entries, len(missing)


def _draw_video(job: tuple[DemoVideo, Cache, str]) -> CacheEntry:
    """Draw one video into the cache; runs in a worker."""
    video, cache, key = job
    cv2.setNumThreads(1)  # the workers share the processors already
    # A phone held upright stores lying frames and notes the turn.
    frames = (np.rot90(frame, video.rotation // 90) for frame in draw_frames(video))
    with writing(cache.new_file()) as made:
        write_video(
            made,
            frames,
            fps=video.fps,
            codec="mpeg4" if cache.ending == ".avi" else "libx264",
            rotation=video.rotation,
            crf=CRF,
        )
        return cache.put(key, made, {})
