"""The enterprises of the demo, with their meters and monitors."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np

from deploy.local.fleet import clock, noise, recordings
from deploy.local.fleet.catalogue import Entry, More, Recipe, catalogue
from deploy.local.fleet.loads import QUARTERS, Load, ReplayedLoad, ShapedLoad, SolarLoad
from deploy.local.fleet.meters import Flow, Meter, Ratio, Replaced
from deploy.local.fleet.monitors import DerivedSource, Monitor, RecordedSource, recorded_source
from schemas.quantities import CATALOGUE
from service.domain import uscc

EVERY = 15  # seconds between two documents of one enterprise
FACILITY, OUTLET, TREATMENT = "F-01", "DA001", "T-01"
LEVEL_1, LEVEL_2, PRODUCT, MONITOR, SPARE = "E-01", "E-11", "P-01", "V-01", "E-99"
_DECIMALS = {"kWh": 2, "GJ": 2, "t": 3, "m³": 1, "m²": 1}
_WIDTH = 1e10  # of other dials
_RECORDED_DAYS = 364  # 52 whole weeks
_SWING, _JITTER = 0.015, 0.008  # of the activity, over weeks and from day to day
_USUAL_BASE = 0.02  # of the main facility's electricity, used whatever is produced


@dataclass(frozen=True, slots=True)
class Enterprise:
    """One enterprise; ``offset`` is the second of its slot, so that not all send at once."""

    uscc: str
    entry: Entry
    recipe: Recipe
    meters: tuple[Meter, ...]
    monitor: Monitor | None
    offset: int

    @property
    def county(self) -> str:
        """Return the code of its county."""
        return self.entry.county


@cache
def enterprises(series: Path | None) -> tuple[Enterprise, ...]:
    """Return all enterprises; two of them replay the real series where its folder is given."""
    found = catalogue()
    return tuple(
        _enterprise(number, entry, found.recipes[entry.recipe], len(found.enterprises), series)
        for number, entry in enumerate(found.enterprises, 1)
    )


def code_of(number: int, county: str) -> str:
    """Return a social credit code that no authority issues: valid, in a series of our own."""
    body = f"91{county}QY{number:07d}"
    return body + uscc.check_digit(body)


def _enterprise(
    number: int, entry: Entry, recipe: Recipe, count: int, series: Path | None
) -> Enterprise:
    seed = 1_000 * number
    load = _load(entry, recipe, seed, series)
    return Enterprise(
        code_of(number, entry.county),
        entry,
        recipe,
        tuple(_meters(entry, recipe, load, seed)),
        _monitor(number, entry, seed, series),
        (number - 1) * EVERY // count,
    )


def _load(entry: Entry, recipe: Recipe, seed: int, series: Path | None) -> Load:
    if entry.recorded == "energy" and series is not None:
        kwh = recordings.energy(series)[: _RECORDED_DAYS * QUARTERS]
        return ReplayedLoad(kwh.reshape(_RECORDED_DAYS, QUARTERS))
    return ShapedLoad(seed, recipe.depth, _SWING, _JITTER, recipe.winter, entry.growth)


def _meters(entry: Entry, recipe: Recipe, load: Load, seed: int) -> Iterator[Meter]:
    def meter(
        device: str, quantity: str, role: str, level: int | None, *flows: Flow, here: bool = True
    ) -> Meter:
        start = round(2e5 * float(noise.uniform(seed + len(device), np.array([ord(device[0])]))[0]))
        is_electricity = quantity == "electricity"
        return Meter(
            device, quantity, role, level, here, flows, load, entry.output, start,
            multiplier=entry.electricity_multiplier if is_electricity else 1.0,
            width=entry.electricity_width if is_electricity else _WIDTH,
            decimals=_DECIMALS[CATALOGUE[quantity].unit],
        )  # fmt: skip

    change, new = entry.ratio_change, entry.replacement
    ratio = None if change is None else Ratio(clock.seconds(change.since), change.multiplier)
    replaced = None if new is None else Replaced(clock.seconds(new.at), new.opening)
    main = _flow(recipe.electricity * entry.effort, recipe, seed + 10)
    auxiliary = recipe.auxiliary if entry.auxiliary is None else entry.auxiliary
    if auxiliary is None:
        total = meter(LEVEL_1, "electricity", "consumption", 1, main)
        yield replace(total, ratio=ratio, replaced=replaced)
    else:
        base = 0.0 if entry.recorded == "energy" else _USUAL_BASE * main.rate * entry.output
        rest = Flow(main.rate * auxiliary, 0.02, seed + 11, base)
        total = meter(LEVEL_1, "electricity", "consumption", 1, main, rest, here=False)
        yield replace(total, ratio=ratio, replaced=replaced)
        below = meter(LEVEL_2, "electricity", "consumption", 2, main)
        yield replace(below, parent=LEVEL_1)
    for place, (quantity, rate) in enumerate(recipe.carriers.items(), 1):
        flow = _flow(rate * entry.effort, recipe, seed + 20 + place)
        yield meter(f"C-{place:02d}", quantity, "consumption", 1, flow)
    for place, (quantity, rate) in enumerate(recipe.exports.items(), 1):
        yield meter(f"X-{place:02d}", quantity, "export", 1, Flow(rate))
    yield meter(PRODUCT, recipe.product, "output", None, Flow(1.0))
    for place, more in enumerate(entry.more, 1):
        if not more.never_sent:
            yield _more(more, entry, recipe, load, seed + 50 + place)


def unsent(item: Enterprise) -> list[Meter]:
    """Return the meters that stand in the register and never send."""
    return [
        _more(more, item.entry, item.recipe, item.meters[0].load, 0)
        for more in item.entry.more
        if more.never_sent
    ]


def _more(more: More, entry: Entry, recipe: Recipe, load: Load, seed: int) -> Meter:
    output = 1.0 if more.solar else entry.output
    start = round(2e5 * float(noise.uniform(seed, np.array([0]))[0]))
    return Meter(
        more.device, more.quantity, more.role, more.level, False,
        (Flow(more.rate, 0.0 if more.solar else recipe.spread, seed),),
        SolarLoad(seed) if more.solar else load, output, start,
        width=_WIDTH, decimals=_DECIMALS[CATALOGUE[more.quantity].unit],
        names=(more.name_zh, more.name_en), parent=more.parent, part=more.part,
    )  # fmt: skip


def _flow(rate: float, recipe: Recipe, seed: int) -> Flow:
    return Flow(rate, recipe.spread, seed, strained=recipe.furnace)


def _monitor(number: int, entry: Entry, seed: int, series: Path | None) -> Monitor | None:
    if (outlet := entry.monitor) is None:
        return None
    source: DerivedSource | RecordedSource = DerivedSource(seed + 30, outlet.level)
    if entry.recorded == "concentration" and series is not None:
        source = recorded_source(recordings.concentration(series))
    return Monitor(
        MONITOR,
        OUTLET,
        f"{entry.county}QYDEMO{number:012d}",
        outlet.quantity,
        outlet.limit,
        outlet.gas_flow,
        source,
        seed + 40,
    )
