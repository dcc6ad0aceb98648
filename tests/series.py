"""Generated series, how they arrive, and what the pure functions make of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import pairwise

from hypothesis import strategies as st

from ingest.group import gather
from ingest.registry import Batch, Sender
from schemas.registry import period_of
from service.domain import gauges, registers
from service.domain.registers import (
    Reading,
    Register,
    Replacement,
    Setting,
    setting_at,
    setting_before,
)
from service.domain.segments import Bucket, spread
from tests.registry import Spec

START = datetime(2026, 3, 1, tzinfo=UTC).timestamp()
BAD, ESTIMATED = 2, 3
HOUR, DAY, WEEK = 3_600, 86_400, 604_800

Row = tuple[float, float, int]  # seconds after START, value, quality


@dataclass(frozen=True, slots=True)
class Series:
    """A channel with its readings in order of time, its settings and events, in seconds."""

    spec: Spec
    rows: list[Row]
    settings: list[Setting] = field(default_factory=lambda: [Setting(0.0)])
    replacements: list[Replacement] = field(default_factory=list)


def expected(series: Series) -> dict[int, Bucket]:
    """Return the quarter hours that the pure functions make of a series, by their start."""
    spec = series.spec
    at_start = [replace(s, valid_from=s.valid_from + START) for s in series.settings]
    if spec.kind == "register":
        register = Register(
            spec.expected_interval_s,
            at_start,
            [Replacement(r.at + START, r.closing, r.opening) for r in series.replacements],
            spec.plausible_rate,
            spec.reversible,
        )
        readings = [
            Reading(at + START, value, quality == ESTIMATED)
            for at, value, quality in series.rows
            if quality != BAD and is_plausible(series, at, value)
        ]
        return spread(registers.steps(register, readings))
    values = [gauges.Value(at + START, v, q != BAD, q == ESTIMATED) for at, v, q in series.rows]
    if spec.statistic == "instant":
        return spread(gauges.holds(values, spec.hold_s, at_start))
    period = float(period_of(spec.statistic, spec.expected_interval_s) or 0)
    stand = gauges.amounts if spec.kind == "amount" else gauges.means
    return spread(stand(values, period, spec.label == "end", at_start))


def is_plausible(series: Series, at: float, value: float) -> bool:
    """Tell whether a value counts, in the unit that is in force at its instant."""
    most = series.spec.plausible_max
    return most is None or value * setting_at(series.settings, at).scale <= most


def batch(enterprise_id: int, channel_id: int, rows: Sequence[Row]) -> Batch:
    """Return rows as one submission."""
    return Batch(
        Sender("gateway", enterprise_id, "x"),
        [channel_id] * len(rows),
        [round((START + row[0]) * 1_000_000) for row in rows],
        [row[1] for row in rows],
        [row[2] for row in rows],
    )


grouped = gather

# Whole seconds, so that a key is the same instant for both sides; gaps from a second to weeks.
_gaps = st.one_of(
    st.integers(1, 1_200),
    st.integers(600, 3 * HOUR),
    st.sampled_from([900, 900, 900, HOUR, DAY, 3 * DAY]),
    st.integers(DAY, 5 * WEEK),
)
_qualities = st.sampled_from([0, 0, 0, 0, 0, 1, BAD, ESTIMATED, 4])


@st.composite
def register_series(draw: st.DrawFn) -> Series:
    """Draw any dial, however odd: it falls, is replaced, changes its ratio, unit and width."""
    width = draw(st.sampled_from([None, 1_000.0]))
    rate = draw(st.sampled_from([None, 50.0]))
    at, value, rows = 0.0, draw(st.floats(0, 990)), []
    for gap in draw(st.lists(_gaps, min_size=2, max_size=25)):
        at += gap
        value += draw(st.floats(0, 120))
        if width is not None:
            value %= width
        if draw(st.integers(0, 11)) == 0:
            value = draw(st.floats(0, 500))
        rows.append((at, value, draw(_qualities)))
    settings = draw(_settings(at, width))
    instants = draw(st.lists(st.integers(0, int(at)), max_size=2, unique=True))
    instants = sorted({*instants, *([int(rows[-2][0])] if draw(st.booleans()) else [])})
    replacements = [
        Replacement(float(at), draw(st.floats(0, 999)), draw(st.floats(0, 50))) for at in instants
    ]
    spec = Spec(
        width=settings[0].width,
        plausible_rate=rate,
        plausible_max=draw(st.sampled_from([None, None, 2_000.0, 500.0])),
        reversible=draw(st.booleans()),
        multiplier=settings[0].multiplier,
        scale=settings[0].scale,
    )
    return Series(spec, rows, settings, replacements)


@st.composite
def _settings(draw: st.DrawFn, last: float, width: float | None) -> list[Setting]:
    """Draw what is in force: ratios, units and widths that change up to twice."""
    instants = draw(st.lists(st.integers(1, max(1, int(last))), max_size=2, unique=True))
    return [
        Setting(
            float(at),
            draw(st.sampled_from([1.0, 40.0])),
            draw(st.sampled_from([width, width, 500.0])),
            draw(st.sampled_from([1.0, 1.0, 0.5, 1_000.0])),
        )
        for at in [0, *sorted(instants)]
    ]


@st.composite
def metered_series(draw: st.DrawFn) -> tuple[Series, float]:
    """Draw a meter that counts what flows, and how much did, in the catalogue's unit.

    It rolls over, runs backwards where it can, is replaced, and changes ratio and unit; whatever
    happens, each reading shows what a real dial would.
    """
    width, reversible = draw(st.sampled_from([None, 1_000.0])), draw(st.booleans())
    gaps = draw(st.lists(_gaps, min_size=2, max_size=20))
    settings = [replace(s, width=width) for s in draw(_settings(sum(gaps), width))]
    settings = [replace(s, width=None if s.width is None else s.width / s.scale) for s in settings]
    at, dial, rows, replaced, flowed = 0.0, draw(st.floats(100, 990)), [], [], 0.0
    for number, gap in enumerate(gaps):
        movement = draw(st.floats(-90 if reversible else 0, 90)) if number else 0.0
        flowed += movement * _mean_multiplier(settings, at, at + gap)
        at, dial = at + gap, dial + movement
        dial = dial if width is None else dial % width
        if draw(st.integers(0, 5)) == 0:
            opening = draw(st.floats(100, 200))
            closing = dial / setting_before(settings, at).scale
            dial = opening
            replaced.append(Replacement(at, closing, opening / setting_at(settings, at).scale))
        else:
            rows.append((at, dial / setting_at(settings, at).scale, 0))
    spec = Spec(
        width=settings[0].width,
        reversible=reversible,
        multiplier=settings[0].multiplier,
        scale=settings[0].scale,
    )
    return Series(spec, rows, settings, replaced), flowed


def _mean_multiplier(settings: Sequence[Setting], start: float, stop: float) -> float:
    cuts = [s.valid_from for s in settings if start < s.valid_from < stop]
    return sum(
        setting_at(settings, first).multiplier * (last - first) / (stop - start)
        for first, last in pairwise([start, *cuts, stop])
    )


@st.composite
def value_series(draw: st.DrawFn) -> Series:
    """Draw a gauge, a mean or an amount of a period."""
    kind, statistic = draw(
        st.sampled_from(
            [
                ("gauge", "instant"),
                ("gauge", "minute.mean"),
                ("gauge", "hour.mean"),
                ("amount", "quarter.total"),
                ("amount", "hour.total"),
            ]
        )
    )
    at, rows = 0.0, []
    for gap in draw(st.lists(_gaps, min_size=1, max_size=25)):
        at += gap
        rows.append((at, draw(st.floats(-100, 1_000)), draw(_qualities)))
    spec = Spec(
        quantity="nmhc" if kind == "gauge" else "electricity",
        kind=kind,
        statistic=statistic,
        label=draw(st.sampled_from(["start", "end"])),
        hold_s=draw(st.sampled_from([60, 900, 5_000])),
        unit="mg/m³" if kind == "gauge" else "kWh",
    )
    return Series(spec, rows)
