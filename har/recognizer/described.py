"""What the JSON files of a model's folder must say, as types."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, ValidationError

from har.clips.streams import StreamName
from har.engine.section import Count, Positive, Section
from har.pose.people import PersonChoice
from har.recognizer.using import REMEDY
from har.settings.problems import describe_problems

MAX_NUMBER = 10_000  # of frames, or of pixels along a side
MAX_CLIP_BYTES = 10**9


class Labels(Section):
    """`labels.json`."""

    labels: Annotated[list[str], Field(min_length=1)]


class Preprocessing(Section):
    """`preprocessing.json`; models that were made before there was one of the last do without."""

    model_config = ConfigDict(extra="ignore")

    max_side: Count
    num_frames: int = Field(ge=1, le=MAX_NUMBER)
    size: int = Field(ge=1, le=MAX_NUMBER)
    aspect: Literal["stretch", "pad", "crop"]
    model_frames: int = Field(ge=1, le=MAX_NUMBER)
    streams: Annotated[list[StreamName], Field(min_length=1)]
    context: Positive
    person: PersonChoice = "moving"
    window_seconds: Positive | None = None
    longest_seconds: Positive | None = None


class Params(Section):
    """`params.json`, as far as it belongs to the answers."""

    model_config = ConfigDict(extra="ignore")

    temperature: Positive = 1.0
    unsure_below: float = Field(0.0, ge=0, le=1)
    none_label: str | None = None


KINDS: dict[str, type[Section]] = {
    "labels": Labels,
    "preprocessing": Preprocessing,
    "params": Params,
}


def check_described(folder: Path, described: dict[str, Any]) -> None:
    """Check what was read of a model's folder, before anything is made by it.

    Args:
        folder: Of the model.
        described: `labels`, `preprocessing` and `params`.

    Raises:
        ValueError: Something is missing, of another type or out of range; the text names the file.
    """
    contents = {**described, "labels": {"labels": described["labels"]}}
    for name, kind in KINDS.items():
        try:
            kind.model_validate(contents[name])
        except ValidationError as error:
            raise _wrong(folder, name, " ".join(describe_problems(error, kind))) from error
    how = described["preprocessing"]
    num_bytes = how["num_frames"] * how["size"] ** 2 * 3
    if num_bytes > MAX_CLIP_BYTES:
        problem = (
            f"a clip of {how['num_frames']} frames of {how['size']} pixels has "
            f"{num_bytes / 1e9:.3g} GB; expected {MAX_CLIP_BYTES / 1e9:g} or less."
        )
        raise _wrong(folder, "preprocessing", problem)


def _wrong(folder: Path, name: str, problem: str) -> ValueError:
    return ValueError(f"{folder / name}.json is damaged: {problem} {REMEDY}")
