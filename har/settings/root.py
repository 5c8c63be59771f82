"""All settings together."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field, SerializeAsAny

from har.clips.streams import POSE, StreamName
from har.compute.place import Compute
from har.engine.section import Section
from har.models.contract import ModelSettings, model_names, settings_type
from har.settings import sections

if TYPE_CHECKING:
    from har.engine.steps import Limits
    from har.storage.shared_cache import SharedCache


DEMO = Path("data/demo")  # where the stage `demo` draws its videos


def default_models() -> dict[str, ModelSettings]:
    """Return the settings that each model's file has as defaults."""
    return {name: settings_type(name)() for name in model_names()}


class Settings(Section):
    """The content of params.yaml, with the defaults of what is not in it."""

    model: str = "fusion"
    """the model: a file in har/models/"""
    seed: int = Field(42, ge=0)
    """random seed of the drawing, the split, the views and the training"""
    workers: int = Field(0, ge=0)
    """processes for decoding and drawing; 0: one per core"""
    demo: sections.Demo = sections.Demo()
    dataset: sections.Dataset = sections.Dataset()
    convert: sections.Convert = sections.Convert()
    extract: sections.Extract = sections.Extract()
    pose: sections.Pose = sections.Pose()
    split: sections.Split = sections.Split()
    downsample: sections.Downsample = sections.Downsample()
    augment: sections.Augment = sections.Augment()
    drawn: sections.Drawn = sections.Drawn()
    backbone: sections.Backbone = sections.Backbone()
    features: sections.Features = sections.Features()
    train: sections.Train = sections.Train()
    evaluate: sections.Evaluate = sections.Evaluate()
    predict: sections.Predict = sections.Predict()
    tracking: sections.Tracking = sections.Tracking()
    cache: sections.Cache = sections.Cache()
    compute: sections.Compute = sections.Compute()
    models: dict[str, SerializeAsAny[ModelSettings]] = Field(default_factory=default_models)
    """settings of each model; of one that is not here the defaults of its file"""

    @property
    def is_synthetic(self) -> bool:
        """Whether the people in the videos are drawn."""
        synthetic = self.dataset.synthetic
        return Path(self.dataset.videos) == DEMO if synthetic is None else synthetic

    @property
    def pose_alone(self) -> bool:
        """Whether of the videos only the pose is made for models, since the people are drawn.

        A drawn picture says nothing about a real one, while landmarks of both look alike.
        """
        return self.is_synthetic and POSE in self.features.streams

    @property
    def made_streams(self) -> list[StreamName]:
        """The streams that the stage `features` makes."""
        return [POSE] if self.pose_alone else self.features.streams

    @property
    def chosen(self) -> ModelSettings:
        """The settings of `model`; where it sees the pose alone, as the section `drawn` says."""
        chosen = self.models[self.model]
        if not self.pose_alone or POSE not in getattr(chosen, "streams", ()):
            return chosen
        return chosen.model_copy(
            update={
                "streams": [POSE],
                "learning_rate": self.drawn.learning_rate,
                "dropout": self.drawn.dropout,
                "label_smoothing": self.drawn.label_smoothing,
            }
        )

    @property
    def takes_drawn(self) -> bool:
        """Whether `model` is trained with drawn sequences too."""
        return self.pose_alone and getattr(self.chosen, "streams", None) == [POSE]

    @property
    def model_frames(self) -> int:
        """How many frames of a clip `model` takes."""
        return self.chosen.num_frames or self.extract.num_frames

    @property
    def place(self) -> Compute:
        """Which machines do the work per video and the folds of `crossval`."""
        return Compute(self.compute.engine, self.compute.address)

    @property
    def shared_cache(self) -> "SharedCache | None":
        """Where finished work lies for other machines too, if anywhere."""
        from har.storage.shared_cache import SharedCache  # as for `limits`

        return SharedCache(self.cache.shared) if self.cache.shared else None

    def limits(self, step: str) -> "Limits":
        """Return what a step over many videos may use.

        Args:
            step: Section that has the limits of one video, `convert` or `extract`.
        """
        from har.engine.steps import Limits  # takes a while, and checking settings needs none

        section = getattr(self, step)
        return Limits(
            workers=self.workers,
            timeout_seconds=section.timeout_seconds,
            memory_gigabytes=section.memory_gigabytes,
            max_gigabytes=self.cache.max_gigabytes,
            compute=self.place,
            shared=self.shared_cache,
        )

    def as_params(self) -> dict[str, Any]:
        """Return the settings as nested dictionaries, with the number of frames of every model."""
        params = self.model_dump(mode="json")
        for settings in params["models"].values():
            settings["num_frames"] = settings["num_frames"] or self.extract.num_frames
        return params
