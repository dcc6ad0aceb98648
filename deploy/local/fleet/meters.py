"""Meters of a facility: dials that follow its load, whenever they are read."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from deploy.local.fleet import noise
from deploy.local.fleet.clock import DAY, QUARTER, Instants, Values
from deploy.local.fleet.loads import QUARTERS, Load

STRAIN = 0.4  # more energy a tonne while a furnace misbehaves
_HORIZON = 512  # days that are worked out together


@dataclass(frozen=True, slots=True)
class Flow:
    """A part of what a meter counts, in the catalogue's unit.

    ``rate`` is for one unit of product, ``spread`` the share by which it differs from day to day,
    ``base`` is counted on every day whatever is produced. A furnace's own flows can be strained.
    """

    rate: float
    spread: float = 0.0
    seed: int = 0
    base: float = 0.0
    strained: bool = False


@dataclass(frozen=True, slots=True)
class Strain:
    """A stretch in which a furnace burns more; without an end it goes on."""

    since: int
    until: int | None = None


@dataclass(frozen=True, slots=True)
class Replaced:
    """When a dial was replaced (换表), and what the new one showed at first."""

    at: int
    opening: float


@dataclass(frozen=True, slots=True)
class Ratio:
    """From when on a meter hangs on another transformer (变比), and its multiplier then."""

    since: int
    multiplier: float


@dataclass(frozen=True, slots=True)
class Meter:
    """A register: what it counts, and how its dial shows it.

    ``output`` is what the facility makes on a usual day. The dial shows catalogue units divided
    by ``multiplier`` and starts again from zero at ``width``. ``part`` is what part of the
    enterprise's energy it counts, ``parent`` the meter above it.
    """

    device: str
    quantity: str
    role: str
    level: int | None
    at_facility: bool
    flows: tuple[Flow, ...]
    load: Load
    output: float
    start: float
    multiplier: float = 1.0
    width: float = 1e9
    decimals: int = 2
    names: tuple[str, str] | None = None  # Chinese and English, where it has its own
    parent: str | None = None
    part: str | None = None
    replaced: Replaced | None = None
    ratio: Ratio | None = None

    def multipliers(self, at: Instants) -> Values:
        """Return what a step of the dial was worth at some instants."""
        if self.ratio is None:
            return np.full(len(at), self.multiplier)
        return np.where(at >= self.ratio.since, self.ratio.multiplier, self.multiplier)

    def closing(self, strains: Sequence[Strain] = ()) -> float | None:
        """Return what the dial that was replaced showed at last."""
        if self.replaced is None:
            return None
        return float(self._shown(np.array([self.replaced.at]), strains)[0])

    def amounts(self, at: Instants, *, strained: bool = False) -> Values:
        """Return what was counted since the epoch, of all flows or of those under strain."""
        day, second = np.divmod(at, DAY)
        before, daily, base = _totals(self, strained, int(day.max()) // _HORIZON + 1)
        counted: Values = before[day] + daily[day] * self._done(day, second) + base * at / DAY
        return counted

    def dial(self, at: Instants, strains: Sequence[Strain] = ()) -> Values:
        """Return what the dial shows at some instants, in its own unit."""
        shown = self._shown(at, strains)
        if self.replaced is not None:
            then = self._turns(np.array([self.replaced.at]), strains)[0]
            new = self.replaced.opening + self._turns(at, strains) - then
            shown = np.where(at >= self.replaced.at, self._rolled(new), shown)
        return shown

    def _shown(self, at: Instants, strains: Sequence[Strain]) -> Values:
        """Return what the first dial shows."""
        return self._rolled(self.start + self._turns(at, strains))

    def _rolled(self, turned: Values) -> Values:
        shown = np.round(turned, self.decimals)
        rolled: Values = np.round(shown % self.width, self.decimals) % self.width
        return rolled

    def _turns(self, at: Instants, strains: Sequence[Strain]) -> Values:
        """Return how far a dial has turned since the epoch, in its own unit."""
        counted = self._counted(at, strains)
        if self.ratio is None:
            return counted / self.multiplier
        then = self._counted(np.array([self.ratio.since]), strains)[0]
        turned: Values = np.minimum(counted, then) / self.multiplier
        turned += np.maximum(counted - then, 0.0) / self.ratio.multiplier
        return turned

    def _counted(self, at: Instants, strains: Sequence[Strain]) -> Values:
        counted = self.amounts(at)
        for strain in strains:
            until = at if strain.until is None else np.minimum(at, strain.until)
            since = self.amounts(np.array([strain.since]), strained=True)
            counted += STRAIN * np.maximum(self.amounts(until, strained=True) - since, 0.0)
        return counted

    def _done(self, day: Instants, second: Instants) -> Values:
        first = int(day.min())
        shares = self.load.within(first, int(day.max()) + 1)
        row = day - first
        quarter, rest = np.divmod(second, QUARTER)
        low = shares[row, quarter]
        done: Values = low + (shares[row, np.minimum(quarter + 1, QUARTERS)] - low) * rest / QUARTER
        return done


@lru_cache(maxsize=1 << 10)
def _totals(meter: Meter, strained: bool, horizons: int) -> tuple[Values, Values, float]:
    """Return what was counted before each day and on it without the base, and the base a day."""
    stop = horizons * _HORIZON
    day = np.arange(stop, dtype=np.int64)
    flows = [flow for flow in meter.flows if flow.strained or not strained]
    daily = np.zeros(stop)
    for flow in flows:
        daily += flow.rate * (1 + flow.spread * noise.normal(flow.seed, day))
    daily *= meter.output * meter.load.days(stop)
    before = np.concatenate([[0.0], np.cumsum(daily)[:-1]])
    return before, daily, 0.0 if strained else sum(flow.base for flow in flows)
