"""County energy of metered enterprises: growth over a matched panel, and its share.

K1 and K3 of the county's monthly figures. Energy is in tce by one method throughout.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from service.domain.accounts import Total
from service.domain.validity import COMPLETE


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
    panel = [pair for pair in pairs if _is_matched(*pair, days, days_before)]
    now_tce = sum(now.energy for now, _ in panel)
    before_tce = sum(before.energy for _, before in panel)
    all_before = sum(before.energy for _, before in pairs)
    rate = now_tce / before_tce - 1 if before_tce > 0 else None
    per_day = None if rate is None else (1 + rate) * days_before / days - 1
    return Growth(
        rate,
        per_day,
        len(panel),
        len(pairs),
        before_tce / all_before if all_before > 0 else None,
    )


def _is_matched(now: Total, before: Total, days: int, days_before: int) -> bool:
    """Return whether both periods were measured, by as many meters, over nearly all days.

    Meters that went into service or out of it in between make a growth of their own.
    """
    due = max(now.due_s / days, before.due_s / days_before)
    measured = min(now.measured_s / days, before.measured_s / days_before)
    return due > 0 and measured >= COMPLETE * due and now.known and before.known
