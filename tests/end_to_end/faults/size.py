"""How much the fault tests do: a little in `make test`, much in `make soak`."""

import os
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Size:
    """``minutes`` of readings of each plant; ``deaths`` of whatever is killed."""

    minutes: int
    deaths: int
    stall_s: float
    store_timeout_s: float  # of the collector
    flood_s: float
    fuzz_s: int  # each decoder


SMALL = Size(minutes=1_500, deaths=2, stall_s=3.0, store_timeout_s=1.5, flood_s=2.0, fuzz_s=2)
LARGE = Size(
    minutes=60_000, deaths=25, stall_s=30.0, store_timeout_s=10.0, flood_s=60.0, fuzz_s=180
)
SIZE = LARGE if os.environ.get("QINGYU_SOAK") else SMALL
