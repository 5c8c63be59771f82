"""Which machines do the work per video, as `compute` in params.yaml says."""

from dataclasses import dataclass
from typing import Literal, get_args

Engine = Literal["local", "dask"]
ENGINES: tuple[Engine, ...] = get_args(Engine)


@dataclass(frozen=True)
class Compute:
    """Which machines do the work; it never changes a result.

    Attributes:
        engine: `local`, this machine alone, or `dask`, the workers of a scheduler.
        address: Of Dask's scheduler, as `tcp://10.0.0.1:8786`.
    """

    engine: Engine = "local"
    address: str | None = None


LOCAL = Compute()
