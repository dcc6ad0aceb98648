"""The register of meters: how it is entered, what it says of each, what it costs to ask."""

from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
from sqlalchemy import event

from schemas.quantities import CATALOGUE, COUNTS_AS
from service.domain.calendar import SHANGHAI
from tests.database.caller import Caller
from tests.database.world import World
from tests.registry import COUNTY, Plant, Spec, add_county, add_plant, uscc
from tests.series import HOUR, START


def device(code: str, level: int | None, **fields: Any) -> dict[str, Any]:
    return {
        "code": code, "name_zh": code, "name_en": code, "kind": "meter", "metering_level": level,
        "channels": [
            {"quantity": "electricity", "kind": "register", "role": "consumption", "unit": "kWh",
             "expected_interval_s": 3600, "in_service_from": "2020-01-01T00:00:00+08:00"},
        ],
        **fields,
    }  # fmt: skip


def document(*devices: dict[str, Any]) -> dict[str, Any]:
    return {
        "enterprises": [
            {"uscc": uscc(1), "county": COUNTY, "name_zh": "一", "name_en": "One",
             "trade": "ferroalloy", "devices": list(devices)},
        ]
    }  # fmt: skip


LEDGER = {
    "type_code": "15260500", "maker": "甲", "model": "DTSD-341", "serial_no": "2026-1",
    "accuracy_class": "0.2S", "measuring_range": "3×1.5(6) A", "location": "总降",
    "calibration_months": 12,
}  # fmt: skip


async def test_a_meter_is_entered_with_all_that_is_known_of_it(
    world: World, caller: Caller
) -> None:
    await add_county(world.owner)
    await caller.become("administrator")
    answer = await caller.post(
        "/registry", document(device("M-02", 2, parent="M-01"), device("M-01", 1, **LEDGER))
    )
    assert answer.status_code == 200, answer.text
    first, second = await caller.items("/meters", enterprise=uscc(1))
    assert LEDGER.items() <= first.items()
    assert (first["level"], first["parent"], second["parent"]) == (1, None, "M-01")
    assert first["measures"][0]["quantity"] == "electricity"
    assert (first["state"], first["calibration"]) == ("never", "unknown")
    await caller.post("/registry", document(device("M-02", 2)))
    [_, second] = await caller.items("/meters")
    assert second["parent"] is None


@pytest.mark.parametrize(
    ("devices", "code"),
    [
        pytest.param([device("A", 2, parent="A")], "misplaced", id="its own parent"),
        pytest.param(
            [device("A", 1), device("B", 1, parent="A")], "misplaced", id="a parent of its level"
        ),
        pytest.param(
            [device("A", 1, parent="B"), device("B", 2, parent="A")], "misplaced", id="a circle"
        ),
        pytest.param(
            [device("A", None), device("B", 2, parent="A")], "misplaced", id="without a level"
        ),
        pytest.param([device("B", 2, parent="A")], "unknown_reference", id="one that is not there"),
        pytest.param([device("A", 1, type_code="1526")], "invalid", id="a short type code"),
        pytest.param([device("A", 1, calibration_months=0)], "invalid", id="no months"),
    ],
)
async def test_a_meter_in_a_wrong_place_is_refused(
    world: World, caller: Caller, devices: list[dict[str, Any]], code: str
) -> None:
    await add_county(world.owner)
    await caller.become("administrator")
    answer = await caller.post("/registry", document(*devices))
    assert answer.json()["code"] == code, answer.text
    assert await world.owner.fetchval("SELECT count(*) FROM devices") == 0


async def test_a_parent_of_another_enterprise_is_none(world: World, caller: Caller) -> None:
    plant = await add_plant(world.owner, [Spec(device="A")], number=2)
    await caller.become("administrator")
    answer = await caller.post("/registry", document(device("B", 2, parent="A")))
    assert answer.json()["code"] == "unknown_reference"
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await world.owner.execute(
            "INSERT INTO devices (enterprise_id, code, name_zh, name_en, kind, parent_id) SELECT"
            " e.enterprise_id + 1, 'B', 'B', 'B', 'meter', d.device_id FROM enterprises AS e,"
            " devices AS d WHERE e.enterprise_id = $1",
            plant.enterprise_id,
        )


async def test_only_what_leaves_the_enterprise_is_a_reverse_register(
    world: World, caller: Caller
) -> None:
    await add_county(world.owner)
    await caller.become("administrator")
    both = device("A", 1)
    reverse = {**both["channels"][0], "quantity": "electricity_reverse", "role": "export"}
    wrong = {**both, "channels": [{**reverse, "role": "consumption"}]}
    assert "role export" in (await caller.post("/registry", document(wrong))).text
    both["channels"].append({**reverse, "reversible": True})
    assert (await caller.post("/registry", document(both))).json()["channels"] == 2
    [meter] = await caller.items("/meters")
    assert [m["reversible"] for m in meter["measures"]] == [False, True]
    gauge = {**both, "channels": [{**reverse, "reversible": True, "kind": "amount",
                                   "statistic": "hour.total"}]}  # fmt: skip
    assert "only a register" in (await caller.post("/registry", document(gauge))).text


async def test_what_counts_as_a_carrier_has_its_coefficients(world: World) -> None:
    """100 kWh in and 30 out: 70 × 0.1229 kgce; a new coefficient reaches both dials."""
    reverse = Spec(
        device="M-01", quantity="electricity_reverse", role="export", expected_interval_s=3600
    )
    plant = await add_plant(world.owner, [Spec(expected_interval_s=3600), reverse])
    for place, flowed in enumerate((100.0, 30.0)):
        await world.write(plant, place, [(0.0, 0.0, 0), (HOUR, flowed, 0)])
    await world.evaluate()
    net = (
        "SELECT sum(tce_calorific * 1000 * CASE role WHEN 'export' THEN -1 ELSE 1 END)"
        " FROM usage_daily JOIN channels USING (channel_id)"
    )
    assert await world.owner.fetchval(net) == pytest.approx(70 * 0.1229)
    await world.owner.execute(
        "UPDATE coefficients SET kgce_per_unit = 0.2"
        " WHERE quantity = 'electricity' AND method = 'calorific'"
    )
    await world.evaluate()
    assert await world.owner.fetchval(net) == pytest.approx(70 * 0.2)


async def test_the_database_and_the_catalogue_agree_on_what_counts_as_what(
    owner: asyncpg.Connection,
) -> None:
    found = await owner.fetch(
        "SELECT q, carrier_of(q) FROM unnest($1::text[]) AS q", list(CATALOGUE)
    )
    assert {q: carrier for q, carrier in found if q != carrier} == COUNTS_AS


async def heard(owner: asyncpg.Connection, plant: Plant, place: int, ago: timedelta) -> None:
    await owner.execute(
        "INSERT INTO channel_extents VALUES ($1, $2, $2)",
        plant.channels[place],
        datetime.now(UTC) - ago,
    )


async def calibrated(
    owner: asyncpg.Connection, plant: Plant, ago_days: int, result: str, until: int | None
) -> None:
    await owner.execute(
        "INSERT INTO device_events (device_id, kind, at, result, valid_until, recorded_by)"
        " SELECT device_id, 'calibration', $2, $3, $4::date, 'test' FROM channels"
        " WHERE channel_id = $1",
        plant.channels[0],
        datetime.now(UTC) - timedelta(days=ago_days),
        result,
        None if until is None else (datetime.now(SHANGHAI) + timedelta(days=until)).date(),
    )


@pytest.mark.parametrize(
    ("events", "months", "expected"),
    [
        pytest.param([], 12, "unknown", id="never"),
        pytest.param([(100, "passed", None)], None, "unknown", id="nobody knows until when"),
        pytest.param([(100, "passed", None)], 12, "valid", id="by the months of the meter"),
        pytest.param([(400, "passed", None)], 12, "overdue", id="by its months no more"),
        pytest.param([(100, "passed", 30)], None, "valid", id="the 30th day from today"),
        pytest.param([(100, "passed", 29)], None, "due_soon", id="less than 30 days"),
        pytest.param([(100, "passed", 0)], None, "due_soon", id="its last day"),
        pytest.param([(100, "passed", -1)], 120, "overdue", id="the day after"),
        pytest.param([(100, "passed", 100), (1, "failed", 100)], 12, "overdue", id="it failed"),
        pytest.param([(9, "failed", None), (1, "passed", 99)], 12, "valid", id="and was mended"),
    ],
)
async def test_a_calibration_holds_until_its_day(
    world: World,
    caller: Caller,
    events: list[tuple[int, str, int | None]],
    months: int | None,
    expected: str,
) -> None:
    plant = await add_plant(world.owner, [Spec()])
    await world.owner.execute("UPDATE devices SET calibration_months = $1", months)
    for item in events:
        await calibrated(world.owner, plant, *item)
    await caller.become("regulator")
    [meter] = await caller.items("/meters")
    assert meter["calibration"] == expected
    assert len(await caller.items("/meters", calibration=expected)) == 1
    other = "valid" if expected != "valid" else "overdue"
    assert await caller.items("/meters", calibration=other) == []


SECOND = Spec(device="M-01", quantity="electricity_reverse", role="export")


@pytest.mark.parametrize(
    ("minutes", "ended", "expected"),
    [
        pytest.param([44, 44], False, "reporting", id="both within three quarters"),
        pytest.param([44, 46], False, "silent", id="one beyond three quarters"),
        pytest.param([44, None], False, "silent", id="one was never heard of"),
        pytest.param([None, None], False, "never", id="neither was"),
        pytest.param([46, 46], True, "out_of_service", id="taken out of service"),
    ],
)
async def test_a_meter_reports_when_all_its_dials_do(
    world: World, caller: Caller, minutes: list[int | None], ended: bool, expected: str
) -> None:
    plant = await add_plant(world.owner, [Spec(), SECOND])
    for place, ago in enumerate(minutes):
        if ago is not None:
            await heard(world.owner, plant, place, timedelta(minutes=ago))
    if ended:
        await world.owner.execute("UPDATE channels SET in_service_to = now()")
    await caller.become("regulator")
    [meter] = await caller.items("/meters", state=expected)
    assert (meter["state"], len(meter["measures"])) == (expected, 2)


async def test_a_replacement_is_no_reading(world: World, caller: Caller) -> None:
    """It is known at its instant, so the rollup has seen it; the dial was read at hour 3."""
    plant = await add_plant(world.owner, [Spec()])
    await world.write(plant, 0, [(hour * HOUR, float(hour), 0) for hour in range(4)])
    await world.owner.execute(
        "INSERT INTO device_events (device_id, channel_id, kind, at, closing_value, opening_value,"
        " recorded_by) SELECT device_id, channel_id, 'replacement', to_timestamp($1), 9, 0, 'test'"
        " FROM channels",
        START + 5 * HOUR,
    )
    await world.evaluate()
    await caller.become("regulator")
    [meter] = await caller.items("/meters")
    read = datetime.fromisoformat(meter["last_reading_at"])
    assert read.timestamp() == START + 3 * HOUR


async def test_the_list_is_bounded_and_opens_no_chunk(world: World, caller: Caller) -> None:
    for number, county in ((1, COUNTY), (2, "620602")):
        plant = await add_plant(
            world.owner, [Spec(), Spec(level=2), Spec(level=2)], number=number, county=county
        )
        await world.write(plant, 0, [(hour * HOUR, float(hour), 0) for hour in range(4)])
    await world.evaluate()
    await caller.become("regulator")
    statements: list[str] = []
    listen = event.listens_for(caller_engine(caller), "before_cursor_execute")

    @listen
    def _note(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        statements.append(statement)

    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = (await caller.get("/meters", limit=4, **cursor)).json()
        seen += [f"{item['enterprise']} {item['device']}" for item in page["items"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert len(seen) == len(set(seen)) == 6
    assert seen == sorted(seen)
    assert any("channel_extents" in statement for statement in statements)
    assert not any("FROM readings" in statement for statement in statements)
    assert len(await caller.items("/meters", county="620602")) == 3
    assert len(await caller.items("/meters", level=2)) == 4
    table = await caller.get("/meters", format="xlsx")
    assert table.headers["content-type"].startswith("application/vnd.openxml")


def caller_engine(caller: Caller) -> Any:
    transport: Any = caller.client._transport
    return transport.app.state.qingyu.engine.sync_engine


async def test_an_enterprise_sees_its_own_meters(world: World, caller: Caller) -> None:
    for number in (1, 2):
        await add_plant(world.owner, [Spec()], number=number)
    await caller.become("enterprise", COUNTY, uscc(2))
    assert [item["enterprise"] for item in await caller.items("/meters")] == [uscc(2)]
    answer = await caller.get("/meter-balance", enterprise=uscc(1))
    assert answer.status_code == 404


async def test_a_month_is_balanced(world: World, caller: Caller) -> None:
    """March: 2 kWh an hour at level 1 less 0.5 given back, 1.2 at level 2; nothing at level 3.

    From 08:00 of the 1st for 30 days; April has a day of it.
    """
    hourly = Spec(expected_interval_s=3600)
    reverse = Spec(
        device="M-01", quantity="electricity_reverse", role="export", expected_interval_s=3600
    )
    below = Spec(expected_interval_s=3600, level=2, device="M-02")
    silent = Spec(expected_interval_s=3600, level=3, device="M-03")
    plant = await add_plant(world.owner, [hourly, reverse, below, silent])
    await world.owner.execute(
        "UPDATE devices SET parent_id = (SELECT device_id FROM devices WHERE code = 'M-01')"
        " WHERE code = 'M-02'"
    )
    for place, rate in enumerate((2.0, 0.5, 1.2)):
        rows = [(hour * HOUR, rate * hour, 0) for hour in range(24 * 31 + 1)]
        await world.write(plant, place, rows)
    await world.evaluate()
    await caller.become("regulator")
    stretch = {"from": "2026-03-01T00:00:00+08:00", "to": "2026-05-01T00:00:00+08:00"}
    march, april = await caller.items("/meter-balance", enterprise=plant.uscc, **stretch)
    hours = 24 * 31 - 8  # to the end of March
    assert (march["month"], march["quantity"], march["unit"]) == ("2026-03", "electricity", "kWh")
    assert march["level_1_consumption"] == pytest.approx(2 * hours)
    assert march["level_1_export"] == pytest.approx(0.5 * hours)
    assert march["total"] == march["level_1"] == pytest.approx(1.5 * hours)
    assert march["level_2"] == pytest.approx(1.2 * hours)
    assert march["deviation_1_2"] == pytest.approx(0.3 * hours)
    assert march["deviation_1_2_share"] == pytest.approx(0.2)
    assert (march["level_3"], march["level_3_silent"]) == (None, ["M-03"])
    assert march["not_compared_2_3"] == "no_data"
    assert march["level_1_completeness"] == pytest.approx(hours / (24 * 31))
    [node] = march["nodes"]
    assert (node["device"], node["children"]) == ("M-01", ["M-02"])
    assert node["deviation"] == pytest.approx(0.3 * hours)
    assert april["level_1"] == pytest.approx(1.5 * 8)


async def test_levels_below_never_stand_in_for_level_1(world: World, caller: Caller) -> None:
    plant = await add_plant(world.owner, [Spec(), Spec(level=2)])
    await world.write(plant, 1, [(hour * HOUR, float(hour), 0) for hour in range(4)])
    await world.evaluate()
    await caller.become("regulator")
    stretch = {"from": "2026-03-01T00:00:00+08:00", "to": "2026-03-02T00:00:00+08:00"}
    [march] = await caller.items("/meter-balance", enterprise=plant.uscc, **stretch)
    assert (march["total"], march["level_1"], march["level_2"]) == (None, None, 3)
    assert march["level_1_silent"] == ["M-01"]


@pytest.mark.parametrize(
    "stretch",
    [
        pytest.param({"from": "2026-03-01T00:00:00"}, id="no offset"),
        pytest.param({"from": "1990-01-01T00:00:00Z"}, id="more months than a page"),
        pytest.param(
            {"from": "2026-03-01T01:00:00Z", "to": "2026-03-02T00:00:00Z"}, id="no month begins"
        ),
    ],
)
async def test_a_balance_wants_months(
    world: World, caller: Caller, stretch: dict[str, str]
) -> None:
    plant = await add_plant(world.owner)
    await caller.become("regulator")
    answer = await caller.get("/meter-balance", enterprise=plant.uscc, **stretch)
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_parameter")
