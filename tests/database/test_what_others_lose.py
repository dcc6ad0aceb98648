"""The same dials here and as two widely used open systems read them.

Each test writes a series through the real write path and rollup, holds it against the answer
worked by hand, and beside it states what the other would have said, by a small function written
for this purpose from reading its source:

* MyEMS, `myems-normalization/meter.py` of MyEMS/myems at commit 0ba0aec (procedure `worker`): a
  slot is computed once, as the next one after the newest stored; one without readings is stored as
  0, and so is one above the meter's `hourly_high_limit`; only rises of the dial are counted. Its
  own comments note that consumption may be lost. Limits of that kind were asked for as well of
  meters that are typed in (its issue 77).
* emoncms, `Modules/process/process_processlist.php` of emoncms/emoncms at commit ef64645 (processes
  `wh_accumulator` and `kwh_accumulator`): a step that is faster than 60 kW is dropped, as its
  own description says (see its issue 1722); a feed is stored with padding mode "join", a straight
  line over whatever is missing (`Modules/feed/engine/PHPFina.php`, pull request 1472); of a
  reading older than the newest nothing is added, but the next difference is taken from it.
"""

from collections.abc import Sequence

import asyncpg
import pytest

from service.domain.segments import Flag
from service.store.engine import Engine
from tests.database.test_rollup_properties import Line
from tests.registry import Spec
from tests.series import HOUR, START, Row, Series

LONG_AGO = -1e6  # a feed without a value is taken for one of 1970
Arrival = tuple[float, float, float]  # hour received, hour of the reading, dial


@pytest.fixture
def line(owner: asyncpg.Connection, pool: asyncpg.Pool, engine: Engine) -> Line:
    return Line(owner, pool, engine)


def as_myems(arrivals: Sequence[Arrival], hours: int, high_limit: float) -> list[float]:
    """Return the hours as MyEMS stores them, each computed once when it is over."""
    stored = []
    for start in range(hours):
        known = sorted((at, dial) for received, at, dial in arrivals if received <= start + 1)
        before = [dial for at, dial in known if at < start]
        highest = initial = before[-1] if before else 0.0
        increment = 0.0
        for dial in (dial for at, dial in known if start <= at < start + 1):
            increment += max(dial - highest, 0.0)
            highest = dial
        is_kept = initial > 0.1 and increment <= high_limit
        stored.append(increment if is_kept else 0.0)
    return stored


def as_emoncms(arrivals: Sequence[Arrival]) -> float:
    """Return the total that emoncms' kwh_accumulator comes to, in order of arrival."""
    total, newest, last = 0.0, LONG_AGO, None
    for _, at, dial in sorted(arrivals):
        if last is not None:
            risen = dial - last
            if at > newest and risen > 0 and risen / (at - newest) < 60:
                total += risen
            newest = max(newest, at)
        last = dial
    return total


async def hours_of(line: Line, count: int) -> tuple[list[float], list[float], list[int]]:
    """Return by hour what flowed, how much of that is estimated, and the flags."""
    amounts, estimated, flags = [0.0] * count, [0.0] * count, [0] * count
    for at, bucket in (await line.buckets()).items():
        hour = int((at - START) // HOUR)
        amounts[hour] += bucket.amount or 0.0
        estimated[hour] += bucket.estimated or 0.0
        flags[hour] |= int(bucket.flags)
    return amounts, estimated, flags


async def receive(line: Line, arrivals: Sequence[Arrival], spec: Spec | None = None) -> None:
    """Write readings in order of arrival and roll up after each, as if it were live."""
    await line.register(Series(spec or Spec(expected_interval_s=HOUR), []))
    for _, at, dial in sorted(arrivals):
        await line.write([(at * HOUR, dial, 0)])
        await line.roll_up()


def at_once(*shown: tuple[float, float]) -> list[Arrival]:
    return [(at, at, dial) for at, dial in shown]


async def test_an_offline_hour_is_no_zero(line: Line) -> None:
    """100 at 0:30, 110 at 1:30, then nothing until 150 at 5:30: 40 kWh flowed in four hours.

    MyEMS stores 0 for the three hours without a reading and all 40 for the one after.
    """
    arrivals = at_once((0.5, 100), (1.5, 110), (5.5, 150))
    assert as_myems(arrivals, 6, 1_000) == [0, 10, 0, 0, 0, 40]
    await receive(line, arrivals)
    amounts, estimated, _ = await hours_of(line, 6)
    assert amounts == pytest.approx([5, 10, 10, 10, 10, 5])
    assert estimated == pytest.approx([0, 5, 10, 10, 10, 5])


async def test_an_offline_stretch_is_not_lost_to_a_limit(line: Line) -> None:
    """The same, and the meter's limit is 30 kWh an hour: MyEMS loses the 40 for good."""
    arrivals = at_once((0.5, 100), (1.5, 110), (5.5, 150))
    assert sum(as_myems(arrivals, 6, 30)) == 10
    await receive(line, arrivals)
    amounts, _, _ = await hours_of(line, 6)
    assert sum(amounts) == pytest.approx(50)


async def test_an_hour_above_a_limit_is_counted(line: Line) -> None:
    """10, 120, 10 kWh in three hours, with a limit of 100: MyEMS stores 10, 0, 10.

    Here a plausible rate tells a rollover from a reset; it takes nothing off a rise.
    """
    arrivals = at_once((0.9, 100), (1.9, 110), (2.9, 230), (3.9, 240))
    assert as_myems(arrivals, 4, 100) == [0, 10, 0, 10]
    await receive(line, arrivals, Spec(expected_interval_s=HOUR, plausible_rate=100))
    amounts, _, flags = await hours_of(line, 4)
    assert sum(amounts) == pytest.approx(140)
    assert flags == [0, 0, 0, 0]


async def test_late_data_correct_what_was_said(line: Line) -> None:
    """The readings of two hours come when the next have been stored.

    MyEMS has stored 0 for them and counts their 20 kWh in the hour in which the gateway is back;
    the hours are not computed again when the truth arrives.
    """
    live = at_once((0.9, 100), (1.9, 110), (4.9, 150))
    late = [(6.0, 2.9, 125.0), (6.0, 3.9, 148.0)]
    assert as_myems([*live, *late], 5, 1_000) == [0, 10, 0, 0, 40]
    await receive(line, [*live, *late])
    amounts, estimated, _ = await hours_of(line, 5)
    assert amounts == pytest.approx([1, 9 + 1.5, 13.5 + 2.3, 20.7 + 0.2, 1.8])
    assert estimated == [0, 0, 0, 0, 0]


async def test_a_rollover_keeps_what_flowed_across_it(line: Line) -> None:
    """990, 998, 3, 10 on a dial of three digits: 8, 5, 7. MyEMS counts rises only: 8, 0, 7."""
    arrivals = at_once((0.9, 990), (1.9, 998), (2.9, 3), (3.9, 10))
    assert as_myems(arrivals, 4, 1_000) == [0, 8, 0, 7]
    await receive(line, arrivals, Spec(expected_interval_s=HOUR, width=1_000))
    amounts, _, flags = await hours_of(line, 4)
    assert sum(amounts) == pytest.approx(20)
    assert flags[2] & Flag.ROLLOVER


async def test_a_plant_draws_more_than_60_kilowatts(line: Line) -> None:
    """A furnace of 8 MW: emoncms' accumulator drops each step but its first."""
    arrivals = at_once(*((float(hour), 8_000.0 * hour) for hour in range(1, 6)))
    assert as_emoncms(arrivals) == 8_000
    await receive(line, arrivals)
    amounts, _, _ = await hours_of(line, 5)
    assert amounts == pytest.approx([0, 8_000, 8_000, 8_000, 8_000])


async def test_a_gap_is_not_drawn_as_if_it_had_been_measured(line: Line) -> None:
    """Three days without a reading, 72 kWh: the sum is the same in both.

    What emoncms stores for them is a line of points like any other; here each hour says that its
    amount is estimated and that nothing was measured.
    """
    arrivals = at_once((1, 10), (2, 20), (74, 92), (75, 93))
    assert as_emoncms(arrivals) == 83
    await receive(line, arrivals)
    amounts, estimated, _ = await hours_of(line, 75)
    assert sum(amounts) == pytest.approx(83)
    assert estimated == pytest.approx([0, 0, *[1] * 72, 0])
    buckets = await line.buckets()
    assert {int(b.measured_s) for at, b in buckets.items() if 2 <= (at - START) / HOUR < 74} == {0}


async def test_a_reading_that_comes_late_is_not_counted_twice(line: Line) -> None:
    """0, 20 and 30 kWh in time and 10 kWh late: 30 flowed, emoncms comes to 40."""
    arrivals: list[Arrival] = [(1, 1, 0), (3, 3, 20), (3.5, 2, 10), (4, 4, 30)]
    assert as_emoncms(arrivals) == 40
    await receive(line, arrivals)
    amounts, _, _ = await hours_of(line, 4)
    assert amounts == pytest.approx([0, 10, 10, 10])


async def test_what_is_sent_again_changes_nothing(line: Line) -> None:
    """The control: both read a series without trouble as we do."""
    rows: list[Row] = [((hour + 0.5) * HOUR, 100 + 10.0 * hour, 0) for hour in range(6)]
    arrivals = at_once(*((at / HOUR, dial) for at, dial, _ in rows))
    assert sum(as_myems(arrivals, 6, 1_000)) == as_emoncms(arrivals) == 50
    await receive(line, [*arrivals, *arrivals])
    amounts, _, _ = await hours_of(line, 6)
    assert sum(amounts) == pytest.approx(50)
