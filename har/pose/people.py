"""Which of several people is followed."""

from typing import Literal

PersonChoice = Literal["moving", "largest", "central"]
