"""The account of one or several enterprises over whole months: from carriers to totals and parts.

Energy is in tce by one method, or tCO2, throughout an account. A gap is never a zero: how much
of the time was measured, and how much of the amount was spread over gaps, goes with every figure.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from schemas.registry import Part
from service.domain.validity import completeness


@dataclass(frozen=True, slots=True)
class Line:
    """One carrier's month of one enterprise: of its total, or of a part of that.

    ``part`` is None of the total. ``amount`` in the catalogue's unit is None where nothing was
    measured, ``energy`` also where a coefficient is missing. ``estimated`` is a share.
    """

    quantity: str
    part: Part | None
    amount: float | None
    energy: float | None
    estimated: float
    measured_s: float
    due_s: float


@dataclass(slots=True)
class Total:
    """Energy of some lines, and how much of it and of the time was measured.

    One that is unknown (a carrier without a coefficient) makes the total unknown. ``estimated_of``
    of ``moved``, both regardless of direction, was spread over gaps.
    """

    energy: float = 0.0
    measured_s: float = 0.0
    due_s: float = 0.0
    known: bool = True
    moved: float = 0.0
    estimated_of: float = 0.0

    def add(self, line: Line) -> None:
        """Add a line."""
        self.known &= line.energy is not None or not line.amount
        energy = line.energy or 0.0
        self.energy += energy
        self.measured_s += line.measured_s
        self.due_s += line.due_s
        self.moved += abs(energy)
        self.estimated_of += abs(energy) * line.estimated

    def include(self, other: "Total") -> None:
        """Add another total."""
        self.energy += other.energy
        self.measured_s += other.measured_s
        self.due_s += other.due_s
        self.known &= other.known
        self.moved += other.moved
        self.estimated_of += other.estimated_of

    @property
    def value(self) -> float | None:
        """Return the energy; None where nothing was measured or some of it is unknown."""
        return self.energy if self.known and self.measured_s > 0 else None

    @property
    def completeness(self) -> float:
        """Return the share of the time measured, 0 where none was due."""
        return completeness(self.measured_s, self.due_s) or 0.0

    @property
    def estimated(self) -> float | None:
        """Return the share of the energy that was spread over gaps; None where none moved."""
        return self.estimated_of / self.moved if self.moved > 0 else None


@dataclass(slots=True)
class Carrier:
    """One carrier of an account, or a part of it: amount in the catalogue's unit, and energy.

    The amount of a part has a meaning where all of it is one carrier: of electricity.
    """

    amount: float = 0.0
    total: Total = field(default_factory=Total)

    def add(self, line: Line) -> None:
        """Add a line."""
        self.amount += line.amount or 0.0
        self.total.add(line)

    def include(self, other: "Carrier") -> None:
        """Add another."""
        self.amount += other.amount
        self.total.include(other.total)


@dataclass(slots=True)
class Account:
    """Energy of some months: the total, its carriers, and its parts."""

    total: Total = field(default_factory=Total)
    carriers: dict[str, Carrier] = field(default_factory=lambda: defaultdict(Carrier))
    parts: dict[Part, Carrier] = field(default_factory=lambda: defaultdict(Carrier))

    def part(self, part: Part) -> float | None:
        """Return the energy of a part; None where it was not measured or is unknown."""
        return self.parts[part].total.value if part in self.parts else None


def account(lines: Iterable[Line]) -> Account:
    """Return the account of lines."""
    found = Account()
    for line in lines:
        if line.part is not None:
            found.parts[line.part].add(line)
        else:
            found.total.add(line)
            found.carriers[line.quantity].add(line)
    return found


def together(found: Iterable[Account]) -> Account:
    """Return the account of several enterprises."""
    whole = Account()
    for each in found:
        whole.total.include(each.total)
        for quantity, carrier in each.carriers.items():
            whole.carriers[quantity].include(carrier)
        for part, measured in each.parts.items():
            whole.parts[part].include(measured)
    return whole


def unknown(found: Account) -> Iterator[str]:
    """Yield the carriers for which a coefficient is missing."""
    for quantity, carrier in sorted(found.carriers.items()):
        if not carrier.total.known:
            yield quantity
