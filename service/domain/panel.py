"""County energy of metered enterprises: growth over a matched panel, and its share.

K1 and K3 of the county's monthly figures. Energy is in tce by one method throughout.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from service.domain.validity import COMPLETE, completeness


@dataclass(slots=True)
class Total:
    """What one enterprise used over some months, and how much of the time was measured.

    An unknown month (a carrier without a coefficient) makes the total unknown.
    """

    tce: float = 0.0
    measured_s: float = 0.0
    due_s: float = 0.0
    known: bool = True

    def add(self, tce: float | None, measured_s: float, due_s: float) -> None:
        """Add one month."""
        if tce is None and measured_s > 0:
            self.known = False
        self.tce += tce or 0.0
        self.measured_s += measured_s
        self.due_s += due_s

    def is_matched(self, before: "Total", days: int, days_before: int) -> bool:
        """Return whether both periods were measured, by as many meters, over nearly all days.

        Meters that went into service or out of it in between make a growth of their own.
        """
        due = max(self.due_s / days, before.due_s / days_before)
        measured = min(self.measured_s / days, before.measured_s / days_before)
        return due > 0 and measured >= COMPLETE * due and self.known and before.known

    @property
    def completeness(self) -> float:
        """Return the share of the time measured, 0 where none was due."""
        return completeness(self.measured_s, self.due_s) or 0.0


@dataclass(frozen=True, slots=True)
class Growth:
    """K1 重点用能单位能耗增速: of the enterprises that are measured alike in both periods.

    ``rate`` is a share, ``per_day`` the same for the mean day of each period, which takes the
    leap day out. ``panel`` of ``enterprises`` are matched; ``panel_share`` is their part of what
    all of them used in the earlier period.
    """

    rate: float | None
    per_day: float | None
    panel: int
    enterprises: int
    panel_share: float | None


def growth(pairs: Iterable[tuple[Total, Total]], days: int, days_before: int) -> Growth:
    """Return the growth of totals, given for each enterprise as this period and the one before."""
    pairs = list(pairs)
    panel = [pair for pair in pairs if pair[0].is_matched(pair[1], days, days_before)]
    now_tce = sum(now.tce for now, _ in panel)
    before_tce = sum(before.tce for _, before in panel)
    all_before = sum(before.tce for _, before in pairs)
    rate = now_tce / before_tce - 1 if before_tce > 0 else None
    per_day = None if rate is None else (1 + rate) * days_before / days - 1
    return Growth(
        rate,
        per_day,
        len(panel),
        len(pairs),
        before_tce / all_before if all_before > 0 else None,
    )


def total(parts: Iterable[Total]) -> Total:
    """Return the total of several enterprises."""
    result = Total()
    for part in parts:
        result.tce += part.tce
        result.measured_s += part.measured_s
        result.due_s += part.due_s
        result.known &= part.known
    return result
