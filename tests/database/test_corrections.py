"""A correction of an event or a setting derives anew what it touches, and nothing else.

Rows that a correction does not touch are not even rewritten: they stay where they lie in the
table, of the transaction that wrote them.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.local.database import Database
from service import rollup
from service.domain.reach import ceil, floor
from service.domain.registers import Replacement, Setting, setting_at
from service.store import stretches
from service.store.engine import Engine
from tests.database.test_rollup_properties import TRIES, Line, assert_same
from tests.registry import Spec, add_channel
from tests.series import BAD, START, Row, Series, expected, is_plausible, register_series

Place = tuple[int, str, str]
Stretch = tuple[float, float]  # seconds after START, both ends touched
HOURS: list[Row] = [(3600.0 * hour, 10.0 * hour, 0) for hour in range(24 * 20)]
HOUR = 3600.0


@pytest.fixture
def line(owner: asyncpg.Connection, pool: asyncpg.Pool, engine: Engine) -> Line:
    return Line(owner, pool, engine)


@dataclass(frozen=True)
class Correction:
    """A statement about one channel, what the series is after it, and what it touches."""

    statement: str
    arguments: tuple[object, ...]
    after: Series
    touched: list[Stretch]


async def places(line: Line, *channels: int) -> dict[tuple[int, datetime], Place]:
    """Return where each row of the rollup of channels lies, and who wrote it."""
    rows = await line.owner.fetch(
        "SELECT channel_id, at, tableoid::int, ctid::text, xmin::text FROM usage_15m"
        " WHERE channel_id = ANY($1)",
        channels,
    )
    return {(row[0], row[1]): tuple(row[2:]) for row in rows}


def extents(series: Series, touched: Sequence[Stretch]) -> list[Stretch]:
    """Return stretches widened to the stands around them.

    What lies within four days of each other is one piece of work.
    """
    pieces: list[Stretch] = []
    for first, last in sorted(touched):
        if pieces and first <= pieces[-1][1] + rollup.APART.total_seconds():
            pieces[-1] = (pieces[-1][0], max(pieces[-1][1], last))
        else:
            pieces.append((first, last))
    known = sorted(
        {at for at, v, quality in series.rows if quality != BAD and is_plausible(series, at, v)}
        | {event.at for event in series.replacements}
    )
    return [
        (
            max((at for at in known if at < first), default=first),
            min((at for at in known if at > last), default=last),
        )
        for first, last in pieces
    ]


def lies_in(at: datetime, pieces: Sequence[Stretch]) -> bool:
    moments = [
        (
            floor(datetime.fromtimestamp(START + first, UTC)),
            ceil(datetime.fromtimestamp(START + last, UTC)),
        )
        for first, last in pieces
    ]
    return any(low <= at < high for low, high in moments)


def differing(before: Sequence[Setting], after: Sequence[Setting]) -> list[Stretch]:
    """Return where another setting is in force; the last instant is just before the next one's."""
    cuts = sorted({0.0, *(s.valid_from for s in (*before, *after))})
    ends = [*cuts[1:], 10.0**10]
    return [
        (first or -(10.0**9), last - 1e-6)
        for first, last in zip(cuts, ends, strict=True)
        if _in_force(before, first) != _in_force(after, first)
    ]


def _in_force(settings: Sequence[Setting], at: float) -> tuple[float, float, float | None]:
    setting = setting_at(settings, at)
    return setting.multiplier, setting.scale, setting.width


def ordered(settings: Sequence[Setting]) -> list[Setting]:
    return sorted(settings, key=lambda setting: setting.valid_from)


EVENT = "channel_id = $1 AND kind = 'replacement' AND at = to_timestamp($2)"
SETTING = "channel_id = $1 AND valid_from = to_timestamp($2)"


@st.composite
def corrections(draw: st.DrawFn, series: Series) -> Correction:
    """Draw an event or a setting that is entered, corrected, moved or voided."""
    last = int(series.rows[-1][0])
    instant = float(draw(st.integers(1, last)))
    if draw(st.booleans()):
        return draw(_of_event(series, instant))
    return draw(_of_setting(series, instant))


@st.composite
def _of_event(draw: st.DrawFn, series: Series, instant: float) -> Correction:
    dials = (draw(st.floats(0, 999)), draw(st.floats(0, 50)))
    events = series.replacements
    taken = {event.at for event in events}
    if not events or (instant not in taken and draw(st.booleans())):
        if instant in taken:
            instant += 0.5
        return Correction(
            "INSERT INTO device_events (device_id, channel_id, kind, at, closing_value,"
            " opening_value, recorded_by) SELECT device_id, channel_id, 'replacement',"
            " to_timestamp($2), $3, $4, 'test' FROM channels WHERE channel_id = $1",
            (START + instant, *dials),
            replace(series, replacements=[*events, Replacement(instant, *dials)]),
            [(instant, instant)],
        )
    chosen = draw(st.sampled_from(events))
    others = [event for event in events if event is not chosen]
    if draw(st.booleans()):
        return Correction(
            f"DELETE FROM device_events WHERE {EVENT}",
            (START + chosen.at,),
            replace(series, replacements=others),
            [(chosen.at, chosen.at)],
        )
    if instant in taken or draw(st.booleans()):
        instant = chosen.at
    return Correction(
        f"UPDATE device_events SET at = to_timestamp($3), closing_value = $4, opening_value = $5,"
        f" recorded_by = 'corrector' WHERE {EVENT}",
        (START + chosen.at, START + instant, *dials),
        replace(series, replacements=[*others, Replacement(instant, *dials)]),
        [(chosen.at, chosen.at), (instant, instant)],
    )


@st.composite
def _of_setting(draw: st.DrawFn, series: Series, instant: float) -> Correction:
    settings = series.settings
    taken = {setting.valid_from for setting in settings}
    drawn = Setting(
        instant,
        draw(st.sampled_from([1.0, 40.0])),
        draw(st.sampled_from([None, 700.0])),
        draw(st.sampled_from([1.0, 1_000.0])),
    )
    values = (drawn.multiplier, drawn.scale, drawn.width)
    if instant not in taken and draw(st.booleans()):
        after = ordered([*settings, drawn])
        return Correction(
            "INSERT INTO channel_settings (channel_id, valid_from, multiplier, scale, width, unit,"
            " recorded_by) VALUES ($1, to_timestamp($2), $3, $4, $5, 'kWh', 'test')",
            (START + instant, *values),
            replace(series, settings=after),
            differing(settings, after),
        )
    chosen = draw(st.sampled_from(settings[1:] or settings))
    others = [setting for setting in settings if setting is not chosen]
    # the first one begins with the channel's service, long before the series
    valid_from = START + chosen.valid_from if chosen is not settings[0] else IN_SERVICE
    if others and chosen is not settings[0] and draw(st.booleans()):
        return Correction(
            f"DELETE FROM channel_settings WHERE {SETTING}",
            (valid_from,),
            replace(series, settings=others),
            differing(settings, others),
        )
    is_moved = chosen is not settings[0] and instant not in taken and draw(st.booleans())
    corrected = drawn if is_moved else replace(drawn, valid_from=chosen.valid_from)
    after = ordered([*others, corrected])
    return Correction(
        f"UPDATE channel_settings SET valid_from = to_timestamp($3), multiplier = $4, scale = $5,"
        f" width = $6, recorded_by = 'corrector' WHERE {SETTING}",
        (valid_from, START + corrected.valid_from if is_moved else valid_from, *values),
        replace(series, settings=after),
        differing(settings, after),
    )


IN_SERVICE = datetime.fromisoformat(Spec().in_service_from).timestamp()


@st.composite
def corrected(draw: st.DrawFn) -> tuple[Series, Correction]:
    series = draw(register_series())
    return series, draw(corrections(series))


async def other_rows(line: Line) -> int:
    """Give the enterprise another meter of the same kind; returns its channel."""
    mine = line.channel_id
    line.channel_id = await add_channel(line.owner, line.enterprise_id, Spec(), "M-99")
    await line.write(HOURS[:20])
    other, line.channel_id = line.channel_id, mine
    return other


@TRIES
@given(corrected())
async def test_a_correction_derives_anew_what_it_touches_and_nothing_else(
    line: Line, drawn: tuple[Series, Correction]
) -> None:
    series, correction = drawn
    await line.register(series)
    await line.replace_dials(series)
    await line.write(series.rows)
    other = await other_rows(line)
    await line.roll_up()
    before = await places(line, line.channel_id, other)
    await line.owner.execute(correction.statement, line.channel_id, *correction.arguments)
    await line.roll_up()
    assert_same(await line.buckets(), expected(correction.after))
    pieces = extents(correction.after, correction.touched)
    after = await places(line, line.channel_id, other)
    for (channel, at), place in before.items():
        if channel != line.channel_id or not lies_in(at, pieces):
            assert after[channel, at] == place, (channel, at, pieces)
    for channel, at in after.keys() - before.keys():
        assert channel == line.channel_id
        assert lies_in(at, pieces)
    assert await line.owner.fetchval("SELECT count(*) FROM changed_stretches") == 0


async def a_meter(line: Line, *, spec: Spec | None = None, rows: list[Row] | None = None) -> Series:
    series = Series(spec or Spec(expected_interval_s=3600), rows or HOURS)
    await line.register(series)
    await line.write(series.rows)
    await line.roll_up()
    return series


async def test_a_replacement_that_is_known_later_turns_a_reset_into_its_amounts(
    line: Line,
) -> None:
    """The dial was changed at 99:30 with 1004 kWh on the old one and 2 on the new one."""
    shown = [(at, value if at < 100 * HOUR else value - 990, q) for at, value, q in HOURS]
    await a_meter(line, rows=shown)
    fell = (await line.buckets())[int(START + 99 * HOUR)]
    assert (fell.amount, fell.flags) == (0.0, 4)
    await line.owner.execute(
        "INSERT INTO device_events (device_id, channel_id, kind, at, closing_value, opening_value,"
        " recorded_by) SELECT device_id, channel_id, 'replacement', to_timestamp($2), 1004, 2,"
        " 'late' FROM channels WHERE channel_id = $1",
        line.channel_id,
        START + 99.5 * HOUR,
    )
    await line.roll_up()
    buckets = await line.buckets()
    quarters = [buckets[int(START + 99 * HOUR + 900 * n)] for n in range(4)]
    assert [q.amount for q in quarters] == pytest.approx([7, 7, 4, 4])
    assert [q.flags for q in quarters] == [0, 0, 2, 2]


@pytest.mark.parametrize(
    ("statement", "logged"),
    [
        pytest.param(
            "UPDATE device_events SET at = at + INTERVAL '6 days' WHERE channel_id = $1",
            [(100, 100), (244, 244)],
            id="an event is moved: both instants",
        ),
        pytest.param(
            "UPDATE device_events SET closing_value = 7 WHERE channel_id = $1",
            [(100, 100)],
            id="an event is corrected: its instant, once",
        ),
        pytest.param(
            "UPDATE device_events SET note = 'seen', recorded_by = 'b' WHERE channel_id = $1",
            [],
            id="only what is said of an event: nothing",
        ),
        pytest.param(
            "UPDATE device_events SET kind = 'calibration' WHERE channel_id = $1",
            [(100, 100)],
            id="an event is no replacement any more",
        ),
        pytest.param(
            "DELETE FROM device_events WHERE channel_id = $1", [(100, 100)], id="an event is voided"
        ),
        pytest.param(
            "UPDATE channel_settings SET valid_from = valid_from + INTERVAL '10 hours'"
            " WHERE channel_id = $1 AND multiplier = 30",
            [(200, 210)],
            id="a setting is moved: between the two instants",
        ),
        pytest.param(
            "UPDATE channel_settings SET multiplier = 20 WHERE channel_id = $1 AND multiplier = 30",
            [(200, 300)],
            id="a setting is corrected: as far as it holds",
        ),
        pytest.param(
            "UPDATE channel_settings SET unit = 'MWh', note = 'x' WHERE channel_id = $1",
            [],
            id="another name of the same unit: nothing",
        ),
        pytest.param(
            "DELETE FROM channel_settings WHERE channel_id = $1 AND multiplier = 30",
            [(200, 300)],
            id="a setting is voided: as far as it held",
        ),
        pytest.param(
            "INSERT INTO channel_settings (channel_id, valid_from, unit, scale, multiplier,"
            " recorded_by) SELECT $1, to_timestamp(1772323200 + 250 * 3600), 'kWh', 1, 30, 'b'",
            [],
            id="a setting that says the same as the one before",
        ),
        pytest.param(
            "UPDATE channel_settings SET scale = 1000 WHERE channel_id = $1 AND multiplier = 1",
            [(0, 200)],
            id="the first setting holds before it, too",
        ),
    ],
)  # fmt: skip
async def test_the_log_names_exactly_what_is_touched(
    line: Line, statement: str, logged: list[tuple[float, float]]
) -> None:
    """Ratios 1, 30 from hour 200, 50 from hour 300; a replacement at hour 100."""
    assert START == 1772323200
    await a_meter(line)
    for hour, multiplier in ((200, 30.0), (300, 50.0)):
        await line.owner.execute(
            "INSERT INTO channel_settings (channel_id, valid_from, unit, scale, multiplier,"
            " recorded_by) VALUES ($1, to_timestamp($2), 'kWh', 1, $3, 'a')",
            line.channel_id,
            START + hour * HOUR,
            multiplier,
        )
    await line.replace_dials(Series(Spec(), [], [], [Replacement(100 * HOUR, 1_000, 1_000)]))
    await line.roll_up()
    await line.owner.execute(statement, line.channel_id)
    found = await line.owner.fetch(
        "SELECT channel_ids, extract(epoch FROM first_at)::float8 AS first,"
        " extract(epoch FROM last_at)::float8 AS last FROM changed_stretches ORDER BY first_at"
    )
    assert all(row["channel_ids"] == [line.channel_id] for row in found)
    hours = [((row["first"] - START) / HOUR, (row["last"] - START) / HOUR) for row in found]
    assert hours == [pytest.approx(pair, abs=1e-6) for pair in logged]


async def test_a_worker_that_read_what_was_in_force_before_is_waited_for(
    line: Line, engine: Engine, db: Database
) -> None:
    """A setting is corrected while readings beyond what was rolled up are under way.

    Had its log been cut to what the worker has seen so far, they would stay in the old ratio.
    """
    series = await a_meter(line, rows=HOURS[:10])
    await line.write(HOURS[10:40])
    async with engine.begin() as worker:
        picked = await stretches.pick(worker, 0, 1)
        assert picked is not None
        assert picked.held == [line.enterprise_id]
        await rollup.roll_up(worker, picked.held, [], datetime(2000, 1, 1, tzinfo=UTC))
        correcting = asyncio.create_task(
            line.owner.execute(
                "INSERT INTO channel_settings (channel_id, valid_from, unit, scale, multiplier,"
                " recorded_by) VALUES ($1, to_timestamp($2), 'kWh', 1, 40, 'late')",
                line.channel_id,
                START + 20 * HOUR,
            )
        )
        other = await asyncpg.connect(db.owner)
        waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        async with asyncio.timeout(30):
            while not await other.fetchval(waiting):
                await asyncio.sleep(0.01)
        await other.close()
    await correcting
    await line.roll_up()
    after = replace(series, rows=HOURS[:40], settings=[Setting(0), Setting(20 * HOUR, 40)])
    assert_same(await line.buckets(), expected(after))


async def test_what_was_corrected_or_voided_stays_readable(line: Line) -> None:
    await a_meter(line, rows=HOURS[:10])
    await line.replace_dials(Series(Spec(), [], [], [Replacement(5 * HOUR, 50, 50)]))
    await line.owner.execute("UPDATE device_events SET closing_value = 51, recorded_by = 'second'")
    await line.owner.execute("SELECT set_config('qingyu.actor', 'third', false)")
    await line.owner.execute("DELETE FROM device_events")
    rows = await line.owner.fetch(
        "SELECT revision, closing_value, recorded_by, superseded_by FROM device_event_revisions"
        " ORDER BY revision"
    )
    assert [tuple(row) for row in rows] == [(1, 50, "test", "second"), (2, 51, "second", "third")]
