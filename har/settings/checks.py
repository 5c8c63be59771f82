"""What settings of different sections ask of each other, checked before the first stage."""

import os
from collections.abc import Iterator

import numpy as np

from har.clips.streams import POSE
from har.models.contract import FeatureSettings, find_model, model_names
from har.settings.problems import nearest
from har.settings.root import Settings


def find_contradictions(settings: Settings) -> list[str]:
    """Return a sentence for each thing that does not fit another, with the fix."""
    problems = [
        *_check_videos(settings),
        *_check_split(settings),
        *_check_streams(settings),
        *_check_compute(settings),
    ]
    if settings.model not in model_names():
        return [
            *problems,
            f"model: there is no model {settings.model!r}{nearest(settings.model, model_names())}",
        ]
    return [*problems, *_check_model(settings)]


def _check_videos(settings: Settings) -> Iterator[str]:
    videos = settings.dataset.videos
    if "://" in videos:
        yield (
            f"dataset.videos is {videos}; expected a folder on this disk. Fetch the videos with "
            f"`python -m har fetch {videos} data/videos`, and set dataset.videos to data/videos."
        )
    if os.path.normpath(videos).split(os.sep)[0] == os.pardir:
        yield (
            f"dataset.videos is {videos}, a relative path that leads out of the project: DVC runs "
            "experiments (`dvc exp run --temp`, `crossval`) in a copy, from where it leads "
            f"elsewhere. Write the absolute path, {os.path.abspath(videos)}."
        )


def _check_split(settings: Settings) -> Iterator[str]:
    split = settings.split
    shares = {name: getattr(split, name) for name in ("train", "val", "test")}
    if min(shares.values()) <= 0 or not np.isclose(sum(shares.values()), 1.0):
        written = ", ".join(f"{share:g}" for share in shares.values())
        yield (
            f"split.train, split.val and split.test are {written}; expected shares above 0 that "
            "sum to 1, as 0.7, 0.15 and 0.15."
        )
    if split.by == "video" and split.folds == "people":
        yield (
            "split.folds is people, one fold for each person, and split.by is video, which does "
            "not keep people apart; expected a number of folds with split.by video."
        )
    if split.by == "video" and split.train_people is not None:
        yield (
            f"split.train_people is {split.train_people}, and split.by is video, which does not "
            "know people. Set the one to null or the other to person."
        )


def _check_streams(settings: Settings) -> Iterator[str]:
    streams = settings.features.streams
    if streams[:1] != ["frames"] or len(set(streams)) < len(streams):
        yield (f"features.streams is {streams}; expected frames first and each stream once.")


def _check_compute(settings: Settings) -> Iterator[str]:
    if settings.compute.engine == "dask" and settings.compute.address is None:
        yield (
            "compute.engine is dask, and compute.address is null; expected the address of a "
            "scheduler, as tcp://10.0.0.1:8786 (docs/scale.md), or the engine local."
        )


def _check_model(settings: Settings) -> Iterator[str]:
    name, chosen, available = settings.model, settings.chosen, settings.extract.num_frames
    wanted, least = settings.model_frames, getattr(find_model(name), "MIN_FRAMES", 1)
    if wanted < least:
        where = f"models.{name}.num_frames" if chosen.num_frames else "extract.num_frames"
        yield f"{where} is {wanted}; the model {name} needs {least} or more."
    if wanted > available:
        yield (
            f"models.{name}.num_frames is {wanted}, more than extract.num_frames, which is "
            f"{available}. Lower the one or raise the other."
        )
    if not isinstance(chosen, FeatureSettings):
        return
    made = settings.made_streams
    if settings.pose_alone and POSE not in chosen.streams:
        yield (
            f"models.{name}.streams is {chosen.streams}, and of drawn people the pose alone is "
            "made. Add pose to the streams, or set dataset.synthetic to false, for one experiment "
            "by `-S dataset.synthetic=false`."
        )
    elif not set(chosen.streams) <= set(made):
        yield (
            f"models.{name}.streams is {chosen.streams}; expected one or more of features.streams, "
            f"which is {made}. Change the one or the other."
        )
    if chosen.streams != ["frames"] and wanted != available:
        yield (
            f"models.{name}.num_frames is {wanted}, and its streams are made of all {available} "
            "frames of a clip. Set it to null, which is extract.num_frames, or its streams to "
            "[frames]."
        )
