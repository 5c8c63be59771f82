"""The sections of params.yaml as types: every setting, its range, its default and what it is.

Defaults stand here and nowhere else; params.yaml holds what a user may want to change.
"""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, Strict

from har.clips.streams import StreamName
from har.compute.place import Engine
from har.engine.section import Count, Positive, Section, Share
from har.names.patterns import PatternError, compile_pattern
from har.pose.people import PersonChoice
from har.storage.stores import BUCKET


def _is_pattern(pattern: str) -> str:
    """Refuse what is no regular expression with one group."""
    try:
        num_groups = compile_pattern(pattern).groups
    except PatternError as error:
        raise ValueError(f"is not a regular expression ({error})") from error
    if num_groups != 1:
        raise ValueError(f"has {num_groups} groups in brackets; expected one, the person's name")
    return pattern


def _is_folder_name(name: str) -> str:
    """Refuse what is no name of a folder within the folder of the videos."""
    if not name.strip() or name.startswith(".") or "/" in name or "\\" in name:
        raise ValueError(
            f"is {name!r}; expected the name of one folder in dataset.videos, as none, without a "
            "slash or a dot in front, or null where nothing is to be such a folder"
        )
    return name


def _is_shared_place(address: str) -> str:
    """Refuse what is no bucket and no folder that other machines could find."""
    if not address.startswith((BUCKET, "/")) or address == BUCKET:
        raise ValueError(
            f"is {address!r}; expected s3://bucket/folder, the absolute path of a folder that all "
            "machines see, or null (docs/object-storage.md)"
        )
    return address


def _is_ascending(speeds: tuple[float, float]) -> tuple[float, float]:
    if speeds[0] > speeds[1]:
        raise ValueError("has the faster first; expected the slowest speed and then the fastest")
    return speeds


class Demo(Section):
    """The drawn data set, for trying the pipeline."""

    num_subjects: int = Field(24, ge=3)
    """people that are drawn"""
    num_videos: int = Field(120, ge=21)
    """videos that are drawn, of six actions and of others"""


class Dataset(Section):
    """The videos and who is in them."""

    videos: str = Field("data/demo", min_length=1)
    """folder with one sub-folder per label"""
    subject_pattern: Annotated[str, AfterValidator(_is_pattern)] | None = None
    """regular expression that finds the person in a file name, as '^([a-z]+)_'"""
    max_failed_fraction: float = Field(0.1, ge=0, le=1)
    """share of videos that may be unreadable"""
    none: Annotated[str, AfterValidator(_is_folder_name)] | None = "none"
    """sub-folder, in any case, of other things that people do: trained on, but no action"""
    synthetic: bool | None = None
    """whether the people are drawn, so that only their pose is learnt; null: those of data/demo"""


class Limits(Section):
    """What one video may take."""

    timeout_seconds: Positive = 600
    """time for one video"""
    memory_gigabytes: Positive = 3
    """memory for one video"""


class Convert(Limits):
    """Every video to MP4."""

    max_side: int = Field(640, ge=16)
    """longest side in pixels of a video that must be encoded again"""


class Extract(Limits):
    """Evenly spaced frames of each video."""

    num_frames: Count = 30
    """frames of a clip"""
    size: int = Field(224, ge=8)
    """height and width of a frame in pixels"""
    aspect: Literal["stretch", "pad", "crop"] = "stretch"
    """a picture that is not square: stretch it, pad it with black bars, or crop its middle"""


class Pose(Section):
    """The landmarks of the body in each frame."""

    person: PersonChoice = "moving"
    """of several people, the one to follow"""


class Split(Section):
    """People apart: shares of the splits, or folds."""

    by: Literal["person", "video"] = "person"
    """what is kept apart: people, or only videos, whose score says nothing about other people"""
    train: Share = 0.70
    """share of the videos to train on"""
    val: Share = 0.15
    """share of the videos to validate on"""
    test: Share = 0.15
    """share of the videos to test on"""
    folds: Annotated[int, Field(ge=2)] | Literal["people"] | None = None
    """number of folds, or people: one for each person; null: one split"""
    test_fold: str | int | None = None
    """fold that is tested; null: the first"""
    train_people: Count | None = None
    """people of the training split to learn from, drawn by the seed; null: all"""


class Downsample(Section):
    """Balance of the classes of the training split."""

    method: Literal["downsample", "none", "class_weight"] = "none"
    """none: keep all, draw labels equally often; downsample: as many as the smallest label has;
    class_weight: keep all, weight the loss"""


class Augment(Section):
    """Augmented views of the training clips."""

    num_views: int = Field(4, ge=0)
    """views of each training clip, beside the clip itself"""
    flip: float = Field(0.5, ge=0, le=1)
    """chance of mirroring"""
    crop: float = Field(0.8, gt=0, le=1)
    """smallest side of the crop, as a share of the frame"""
    speed: Annotated[tuple[Positive, Positive], Strict(False), AfterValidator(_is_ascending)] = (
        0.5,
        2.0,
    )
    """slowest and fastest speed"""
    shake: Share = 0.15
    """how far one view in two moves about as in a shaking hand, as a share of its side; 0: none"""


class Drawn(Section):
    """Drawn people as landmarks alone, to train on where the videos are of drawn people too."""

    sequences: int = Field(1800, ge=0)
    """how many sequences of each action"""
    per_video: int = Field(8, ge=0)
    """how many sequences an epoch, and each step of it, shows for each video"""
    learning_rate: Positive = 3e-3
    """learning rate of a model that is trained with drawn sequences, in place of its own"""
    dropout: Share = 0.2
    """dropout of such a model, in place of its own"""
    label_smoothing: Share = 0.0
    """label smoothing of such a model, in place of its own"""


class Backbone(Section):
    """The pretrained network."""

    name: str = Field("mobilenet_v2", min_length=1)
    """mobilenet_v2 or efficientnet_lite0; with weights keras or keras_hub any that it has"""
    weights: Literal["registry", "keras", "keras_hub", "random"] = "registry"
    """where its weights come from"""


class Features(Section):
    """What the backbone computes of every clip and view."""

    runtime: Literal["auto", "litert", "keras"] = "auto"
    """what runs the backbone; auto: the fastest here"""
    streams: list[StreamName] = Field(["frames", "motion", "person", "pose"], min_length=1)
    """input streams: pictures for the backbone, frames first, and pose, the body's landmarks"""
    context: Positive = 1.2
    """side of the box around the moving person; 1 just holds the person"""


class Train(Section):
    """How TensorFlow runs, and on which devices it trains."""

    num_threads: int = Field(2, ge=0)
    """threads of an operation; another number changes the last bits of a result; 0: one per core"""
    deterministic: bool = True
    """same seed, same bits; false if a graphics card lacks an operation for it"""
    strategy: Literal["auto", "mirrored", "multi_worker"] = "auto"
    """auto: all graphics cards of this machine, or its processor; mirrored: several cards, or an
    error; multi_worker: several machines, as TF_CONFIG says (docs/gpu.md)"""
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = "float32"
    """numbers that are trained with; the mixed ones are for graphics cards (docs/gpu.md)"""
    xla: bool = False
    """compile the steps by XLA: for one graphics card; several times slower on a processor"""

    @property
    def runtime(self) -> dict[str, Any]:
        """What `har.engine.runtime.setup_tensorflow` takes."""
        return self.model_dump(include={"num_threads", "deterministic"})


class Evaluate(Section):
    """Scores."""

    num_bootstrap: Count = 2000
    """resamplings of people behind each 95 % interval"""


class Predict(Section):
    """Long videos and live pictures: a window slides over them."""

    window_seconds: Positive | None = None
    """length of the window; null: the median length of the training clips"""
    step_seconds: Positive = 0.3
    """seconds from an answer to the next"""


class Tracking(Section):
    """MLflow."""

    required: bool = True
    """stop where MLflow cannot be reached; false: warn and go on without"""


class Compute(Section):
    """Which machines do the work per video and the folds of `crossval`; never changes a result."""

    engine: Engine = "local"
    """local: this machine; dask: the workers of a Dask scheduler (docs/scale.md)"""
    address: Annotated[str, Field(min_length=1)] | None = None
    """address of the scheduler, as tcp://10.0.0.1:8786"""


class Cache(Section):
    """The cache of converted videos, clips, features and trained models."""

    max_gigabytes: float = Field(50, ge=0)
    """size at which the entries used longest ago are removed"""
    shared: Annotated[str, AfterValidator(_is_shared_place)] | None = None
    """where other machines find them too: s3://bucket/folder, or the path of a folder that all see;
    null: nowhere"""
