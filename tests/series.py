"""Generated series, how they arrive, and what the pure functions make of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from hypothesis import strategies as st

from ingest.group import gather
from ingest.registry import Batch, Sender
from schemas.registry import period_of
from service.domain import gauges, registers
from service.domain.registers import Reading, Register, Replacement, Setting
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
        readings = [Reading(at + START, v, q == ESTIMATED) for at, v, q in series.rows if q != BAD]
        return spread(registers.steps(register, readings))
    values = [gauges.Value(at + START, v, q != BAD, q == ESTIMATED) for at, v, q in series.rows]
    if spec.statistic == "instant":
        return spread(gauges.holds(values, spec.hold_s, at_start))
    period = float(period_of(spec.statistic, spec.expected_interval_s) or 0)
    stand = gauges.amounts if spec.kind == "amount" else gauges.means
    return spread(stand(values, period, spec.label == "end", at_start))


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
    """Draw a dial that rolls over, falls, is replaced, and changes its ratio."""
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
    settings = [Setting(0.0, draw(st.sampled_from([1.0, 40.0])), width)]
    if draw(st.booleans()):
        settings.append(Setting(float(draw(st.integers(1, int(at)))), 60.0, width))
    instants = draw(st.lists(st.integers(0, int(at)), max_size=2, unique=True))
    instants = sorted({*instants, *([int(rows[-2][0])] if draw(st.booleans()) else [])})
    replacements = [
        Replacement(float(at), draw(st.floats(0, 999)), draw(st.floats(0, 50))) for at in instants
    ]
    spec = Spec(width=width, plausible_rate=rate, multiplier=settings[0].multiplier)
    return Series(spec, rows, settings, replacements)


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
