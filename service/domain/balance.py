"""Balance of the metering levels of GB 17167: each level against the next, each meter against those
that stand under it.

Amounts are those of one carrier in one month, in its unit; what is exported is taken off.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from service.domain.validity import completeness

LEVELS = (1, 2, 3)


class Gap(StrEnum):
    """Why two sums were not compared; a sum with a silent meter is none to compare with."""

    NO_METERS = "no_meters"  # one side has none
    NO_DATA = "no_data"  # one side has nothing but silent ones
    SILENT_METERS = "silent_meters"  # one side lacks some


@dataclass(frozen=True, slots=True)
class Metered:
    """What one channel metered; ``amount`` is None where nothing arrived, ``sign`` -1 of exports.

    ``estimated`` is the part of it that accrued while nothing was measured.
    """

    device: str
    level: int | None
    parent: str | None
    sign: int
    amount: float | None
    estimated: float
    measured_s: float
    due_s: float


@dataclass(frozen=True, slots=True)
class Sum:
    """Channels added up; None where nothing is known, never zero.

    Without a consumption that is known, what was exported is no net amount of it either.
    ``completeness`` is the share of the time measured, ``estimated`` that of what was moved in
    either direction, both 0 to 1. ``silent`` are the devices of which a channel has no data.
    """

    consumption: float | None
    export: float | None
    net: float | None
    completeness: float | None
    estimated: float | None
    meters: int
    silent: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Deviation:
    """One sum less another, and as a share of the first; ``gap`` says why it is not known."""

    absolute: float | None
    share: float | None
    gap: Gap | None


@dataclass(frozen=True, slots=True)
class Node:
    """A meter against the meters that stand directly under it."""

    device: str
    level: int | None
    own: Sum
    children: Sum
    under: tuple[str, ...]
    deviation: Deviation


@dataclass(frozen=True, slots=True)
class Balance:
    """Levels 1 to 3, level 1 against 2 and 2 against 3, and each node of the tree."""

    levels: dict[int, Sum]
    deviations: dict[int, Deviation]  # by the upper level
    nodes: list[Node]

    @property
    def total(self) -> float | None:
        """Return what the enterprise used: level 1 only, for which no sum below it stands in."""
        return self.levels[1].net


def balance(metered: Iterable[Metered]) -> Balance:
    """Return how the channels of one carrier in one month add up."""
    known = list(metered)
    levels = {level: total([item for item in known if item.level == level]) for level in LEVELS}
    return Balance(
        levels,
        {upper: compare(levels[upper], levels[upper + 1]) for upper in LEVELS[:-1]},
        _nodes(known),
    )


def total(items: Sequence[Metered]) -> Sum:
    """Return the sum of some channels."""
    with_data = [item for item in items if item.amount is not None]
    moved = sum(abs(item.amount or 0.0) for item in with_data)
    consumption = _sum(item for item in with_data if item.sign > 0)
    export = _sum(item for item in with_data if item.sign < 0)
    is_known = consumption is not None or (
        export is not None and all(item.sign < 0 for item in items)
    )
    return Sum(
        consumption,
        export,
        (consumption or 0.0) - (export or 0.0) if is_known else None,
        completeness(sum(i.measured_s for i in items), sum(i.due_s for i in items)),
        min(sum(abs(item.estimated) for item in with_data) / moved, 1.0) if moved else None,
        len({item.device for item in items}),
        tuple(sorted({item.device for item in items if item.amount is None})),
    )


def compare(upper: Sum, lower: Sum) -> Deviation:
    """Return by how much the upper sum is more than the lower one."""
    if not upper.meters or not lower.meters:
        return Deviation(None, None, Gap.NO_METERS)
    if upper.net is None or lower.net is None:
        return Deviation(None, None, Gap.NO_DATA)
    if upper.silent or lower.silent:
        return Deviation(None, None, Gap.SILENT_METERS)
    absolute = upper.net - lower.net
    return Deviation(absolute, absolute / upper.net if upper.net else None, None)


def _sum(items: Iterable[Metered]) -> float | None:
    amounts = [item.amount for item in items if item.amount is not None]
    return sum(amounts) if amounts else None


def _nodes(known: Sequence[Metered]) -> list[Node]:
    own: dict[str, list[Metered]] = defaultdict(list)
    under: dict[str, list[Metered]] = defaultdict(list)
    for item in known:
        own[item.device].append(item)
        if item.parent is not None:
            under[item.parent].append(item)
    return [
        Node(
            device,
            own[device][0].level if own[device] else None,
            mine := total(own[device]),
            children := total(items),
            tuple(sorted({item.device for item in items})),
            compare(mine, children),
        )
        for device, items in sorted(under.items())
    ]
