"""What official figures contradict: figures as they are known, and findings about them."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from schemas.official import State
from service.domain.windows import Months


class Code(StrEnum):
    """Which rule figures break."""

    IDENTITY = "contradiction"  # 1 + g_GDP = (1 + g_E) / (1 + r)
    LEVELS = "contradicts_levels"  # growth, or a reduction, against levels
    SUM = "contradicts_sum"  # a total against its sectors
    PART = "part_exceeds_whole"
    SECTORS = "outside_sectors"  # growth of GDP against that of its sectors
    STATE = "less_final"  # preliminary after verified


@dataclass(frozen=True, slots=True)
class Known:
    """A figure and where it comes from: a row that is entered now, or what is stored."""

    series: str
    period: Months
    price_base: str | None
    value: Decimal
    state: State
    source: str
    revision: int | None = None
    row: int | None = None


Book = Mapping[tuple[str, Months, str | None], Known]


@dataclass(frozen=True, slots=True)
class Finding:
    """A figure, those it contradicts, and what follows from them: a value, or a range."""

    code: Code
    refuses: bool
    figure: Known
    others: tuple[Known, ...]
    expected: tuple[Decimal, ...] = ()

    @property
    def figures(self) -> tuple[Known, ...]:
        """Return all figures that take part."""
        return (self.figure, *self.others)
