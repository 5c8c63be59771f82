"""The type that every section of params.yaml is made of, and the numbers that many have."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Section(BaseModel):
    """Named settings with types, ranges and defaults; unknown names are refused, none changes."""

    # Strict: the text "2" is no number and 1 is not true; a whole number may stand for a float.
    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


Count = Annotated[int, Field(ge=1)]
Positive = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, lt=1)]  # of a whole, or a chance
