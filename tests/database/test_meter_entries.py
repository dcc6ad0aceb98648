"""Replacements, calibrations and settings over the API: checked, corrected, voided, kept."""

from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest

from tests.database.caller import Caller
from tests.database.world import World
from tests.registry import COUNTY, Plant, Spec, add_plant
from tests.series import HOUR, START

SECOND = Spec(device="M-01", quantity="electricity_reverse", role="export")
GAUGE = Spec(device="A-01", quantity="nmhc", kind="gauge", role="outlet", unit="mg/m³", level=None)


def at(hour: float) -> str:
    return datetime.fromtimestamp(START + hour * HOUR, UTC).isoformat()


def replaced(plant: Plant, **changes: Any) -> dict[str, Any]:
    return {
        "kind": "replacement", "enterprise": plant.uscc, "device": "M-01",
        "at": at(2.5), "closing": 125, "opening": 5, **changes,
    }  # fmt: skip


@pytest.fixture
async def plant(world: World, caller: Caller) -> Plant:
    """A dial of width 1000 that shows 100, 110, 120, then 10, 20, 30; the caller administers."""
    plant = await add_plant(world.owner, [Spec(expected_interval_s=3600, width=1_000), GAUGE])
    shown = [100, 110, 120, 10, 20, 30]
    await world.write(plant, 0, [(hour * HOUR, float(v), 0) for hour, v in enumerate(shown)])
    await world.evaluate()
    await caller.become("administrator")
    return plant


async def flowed(world: World, plant: Plant) -> tuple[float, int]:
    await world.evaluate()
    row = await world.owner.fetchrow(
        "SELECT sum(amount), bit_or(flags)::int FROM usage_15m WHERE channel_id = $1",
        plant.channels[0],
    )
    return round(row[0], 6), row[1]


async def test_a_replacement_is_entered_corrected_and_voided(
    world: World, caller: Caller, plant: Plant
) -> None:
    assert await flowed(world, plant) == (40, 4)  # the step at hour 2 is a reset
    entered = (await caller.post("/device-events", replaced(plant, note="换表"))).json()
    assert await flowed(world, plant) == (40 + 5 + 5, 2)
    fix = {"kind": "replacement", "at": at(2.75), "closing": 127, "opening": 6}
    corrected = (await caller.put(f"/device-events/{entered['id']}", fix)).json()
    assert (corrected["revision"], corrected["closing"]) == (2, 127)
    assert await flowed(world, plant) == (40 + 7 + 4, 2)
    voided = (await caller.delete(f"/device-events/{entered['id']}?note=never")).json()
    assert voided["superseded_note"] == "never"
    assert await flowed(world, plant) == (40, 4)
    [item] = await caller.items("/device-events", enterprise=plant.uscc, device="M-01")
    assert item["superseded_by"] == "administrator  None"
    assert [row["closing"] for row in item["history"]] == [125]
    assert item["closing"] == 127
    again = await caller.put(f"/device-events/{entered['id']}", fix)
    assert (again.status_code, again.json()["code"]) == (409, "voided")
    actions = [row[0] for row in await world.owner.fetch("SELECT action FROM audit_log")]
    assert actions == ["enter_device_event", "correct_device_event", "void_device_event"]


FUTURE = (datetime.now(UTC) + timedelta(days=2)).isoformat()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        pytest.param({"closing": 119}, "closing_below_last", id="closing below the last reading"),
        pytest.param({"opening": 11}, "opening_above_next", id="opening above the next reading"),
        pytest.param({"closing": 1_000}, "closing_above_width", id="closing above the width"),
        pytest.param({"opening": 1_000}, "opening_above_width", id="opening above the width"),
        pytest.param({"opening": -1}, "opening_negative", id="a dial below zero"),
        pytest.param({"at": FUTURE}, "in_future", id="an instant in the future"),
        pytest.param({"at": "2019-12-31T23:59:59+08:00"}, "before_service", id="before service"),
        pytest.param({"device": "A-01"}, "no_dial", id="an instrument without a dial"),
        pytest.param({"quantity": "coke"}, "no_dial", id="a quantity that it does not have"),
        pytest.param({"device": "M-99"}, "not_found", id="a device that is not there"),
        pytest.param({"at": "2026-03-01T10:30:00"}, "invalid", id="an instant without an offset"),
        pytest.param({"closing": float("1e400")}, "invalid", id="an infinite register"),
        pytest.param({"kind": "theft"}, "invalid", id="another kind of event"),
        pytest.param({"note": "a\0b"}, "invalid", id="NUL in a note"),
    ],
)
async def test_what_cannot_have_been_is_refused(
    caller: Caller, world: World, plant: Plant, change: dict[str, Any], code: str
) -> None:
    body = replaced(plant, **change)
    if body["closing"] == float("inf"):
        raw = '{"kind":"replacement","enterprise":"x","device":"M-01","at":"2026-03-01T00:00:00Z",'
        answer = await caller.client.post(
            "/device-events", content=raw + '"closing":1e400,"opening":0}'
        )
    else:
        answer = await caller.post("/device-events", body)
    assert (answer.status_code // 100, answer.json()["code"]) == (4, code)
    assert answer.json()["detail"] != answer.json()["detail_zh"]
    assert await world.owner.fetchval("SELECT count(*) FROM device_events") == 0


async def test_a_dial_of_two_has_to_be_named(world: World, caller: Caller) -> None:
    plant = await add_plant(world.owner, [Spec(), SECOND])
    await caller.become("administrator")
    answer = await caller.post("/device-events", replaced(plant))
    assert answer.json()["code"] == "ambiguous_dial"
    answer = await caller.post("/device-events", replaced(plant, quantity="electricity_reverse"))
    assert answer.json()["quantity"] == "electricity_reverse"


async def test_a_second_one_at_the_same_instant_is_pointed_to_the_first(
    caller: Caller, plant: Plant
) -> None:
    first = (await caller.post("/device-events", replaced(plant))).json()["id"]
    answer = await caller.post("/device-events", replaced(plant))
    assert answer.status_code == 409
    assert f"/device-events/{first}" in answer.json()["detail"]


async def test_a_calibration_has_a_certificate(caller: Caller, plant: Plant) -> None:
    body = {
        "kind": "calibration", "enterprise": plant.uscc, "device": "M-01", "at": at(0),
        "certificate": "JJG-2026-001", "organisation": "武威市计量所", "result": "passed",
        "valid_until": "2027-02-28",
    }  # fmt: skip
    item = (await caller.post("/device-events", body)).json()
    assert (item["quantity"], item["closing"], item["result"]) == (None, None, "passed")
    wrong = await caller.put(f"/device-events/{item['id']}", replaced_fix())
    assert wrong.json()["code"] == "bad_parameter"
    early = await caller.post("/device-events", {**body, "valid_until": "2026-02-01"})
    assert early.json()["parameter"] == "valid_until"
    [listed] = await caller.items("/device-events", kind="calibration")
    assert listed["certificate"] == "JJG-2026-001"


def replaced_fix() -> dict[str, Any]:
    return {"kind": "replacement", "at": at(2.5), "closing": 125, "opening": 5}


async def test_an_enterprise_enters_for_itself_only(
    world: World, caller: Caller, plant: Plant
) -> None:
    other = await add_plant(world.owner, [Spec()], number=2)
    mine = (await caller.post("/device-events", replaced(plant))).json()["id"]
    await caller.become("enterprise", COUNTY, other.uscc)
    answers = [
        await caller.post("/device-events", replaced(plant, at=at(3))),
        await caller.put(f"/device-events/{mine}", replaced_fix()),
        await caller.delete(f"/device-events/{mine}"),
        await caller.post("/channel-settings", setting(plant, multiplier=40)),
    ]
    assert [answer.status_code for answer in answers] == [404] * 4
    assert await caller.items("/device-events") == []
    own = await caller.post("/device-events", replaced(other))
    assert own.json()["recorded_by"] == f"enterprise {COUNTY} {other.uscc}"


@pytest.mark.parametrize("role", ["regulator", "statistics", "operator", "gateway"])
async def test_who_only_reads_enters_nothing(caller: Caller, plant: Plant, role: str) -> None:
    await caller.become(role)
    for path, body in (
        ("/device-events", replaced(plant)),
        ("/channel-settings", setting(plant, multiplier=40)),
    ):
        assert (await caller.post(path, body)).status_code == 403


def setting(plant: Plant, hour: float = 1, **values: Any) -> dict[str, Any]:
    return {
        "enterprise": plant.uscc, "device": "M-01", "quantity": "electricity",
        "valid_from": at(hour), **values,
    }  # fmt: skip


async def test_a_ratio_from_an_instant_on(world: World, caller: Caller, plant: Plant) -> None:
    """10 kWh at 1, then 10, 0 (the reset), 10, 10 at 30."""
    item = (await caller.post("/channel-settings", setting(plant, ct=10, pt=3))).json()
    assert (item["multiplier"], item["ct"], item["width"], item["unit"]) == (30, 10, 1_000, "kWh")
    assert (await flowed(world, plant))[0] == 10 + 30 * 30
    path = f"/channel-settings/{item['id']}"
    fixed = (await caller.put(path, {"valid_from": at(4), "multiplier": 20})).json()
    assert (fixed["ct"], fixed["revision"], fixed["history"][0]["multiplier"]) == (None, 2, 30)
    assert (await flowed(world, plant))[0] == 10 + 10 + 10 + 200
    assert (await caller.delete(path)).status_code == 200
    assert (await flowed(world, plant))[0] == 40
    items = await caller.items("/channel-settings", device="M-01")
    assert [item["superseded_by"] is None for item in items] == [True, False]


async def test_a_unit_from_an_instant_on(world: World, caller: Caller) -> None:
    """The gateway sends 100, 110 kWh, then 0.120, 0.140 MWh: 40 kWh, and no reset."""
    plant = await add_plant(world.owner, [Spec(expected_interval_s=3600, width=1e6)])
    shown = [100, 110, 0.120, 0.140]
    await world.write(plant, 0, [(hour * HOUR, v, 0) for hour, v in enumerate(shown)])
    assert (await flowed(world, plant))[1] == 4
    await caller.become("administrator")
    item = (await caller.post("/channel-settings", setting(plant, 1.5, unit="MWh"))).json()
    assert item["width"] == pytest.approx(1_000)  # the same dial
    assert await flowed(world, plant) == (40, 0)
    stretch = {"from": at(0), "to": at(10)}
    readings = await caller.items("/readings", enterprise=plant.uscc, **stretch)
    assert [row["unit"] for row in readings] == ["kWh", "kWh", "MWh", "MWh"]
    usage = await caller.items("/usage", enterprise=plant.uscc, step="1h", **stretch)
    assert {row["unit"] for row in usage} == {"kWh"}
    [enterprise] = await caller.items("/enterprises", uscc=plant.uscc)
    assert enterprise["devices"][0]["quantities"][0]["unit"] == "MWh"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        pytest.param({"unit": "t", "multiplier": None}, "bad_parameter", id="another unit"),
        pytest.param({"unit": "furlong"}, "bad_parameter", id="an unknown unit"),
        pytest.param({"width": 9}, "width_below_reading", id="a dial that shows more"),
        pytest.param({"valid_from": FUTURE}, "in_future", id="the future"),
        pytest.param({"valid_from": "2019-01-01T00:00:00Z"}, "before_service", id="too early"),
        pytest.param({"multiplier": None}, "invalid", id="nothing is set"),
        pytest.param({"multiplier": 31, "ct": 10, "pt": 3}, "invalid", id="not ct × pt"),
        pytest.param({"multiplier": 0}, "invalid", id="a ratio of zero"),
        pytest.param({"quantity": "coke"}, "not_found", id="no such channel"),
    ],
)
async def test_a_setting_that_cannot_be_is_refused(
    caller: Caller, world: World, plant: Plant, change: dict[str, Any], code: str
) -> None:
    body = {**setting(plant, 3, multiplier=40), **change}
    if change.get("multiplier", 0) is None:
        del body["multiplier"]
    answer = await caller.post("/channel-settings", body)
    assert answer.json()["code"] == code, answer.text
    assert await world.owner.fetchval("SELECT count(*) FROM channel_settings") == 2


async def test_the_last_setting_cannot_be_voided(caller: Caller, plant: Plant) -> None:
    [only] = await caller.items("/channel-settings", device="M-01")
    answer = await caller.delete(f"/channel-settings/{only['id']}")
    assert (answer.status_code, answer.json()["code"]) == (409, "last_setting")


async def test_the_register_corrects_the_first_setting_and_keeps_what_it_was(
    caller: Caller, world: World, plant: Plant
) -> None:
    channel = {
        "quantity": "electricity", "kind": "register", "role": "consumption", "unit": "MWh",
        "expected_interval_s": 3600, "in_service_from": "2020-01-01T00:00:00+08:00",
        "multiplier": 2, "plausible_rate": 5,
    }  # fmt: skip
    enterprise = {
        "uscc": plant.uscc, "county": COUNTY, "name_zh": "x", "name_en": "x", "trade": "x",
        "devices": [{"code": "M-01", "name_zh": "x", "name_en": "x", "kind": "meter",
                     "metering_level": 1, "channels": [channel]}],
    }  # fmt: skip
    for _ in range(2):
        answer = await caller.post("/registry", {"enterprises": [enterprise]})
        assert answer.status_code == 200, answer.text
    [item] = await caller.items("/channel-settings", device="M-01")
    assert (item["unit"], item["multiplier"], item["width"], item["revision"]) == (
        "MWh", 2, None, 2,
    )  # fmt: skip
    assert [(row["unit"], row["width"]) for row in item["history"]] == [("kWh", 1_000)]
    rate = "SELECT plausible_rate FROM channels WHERE channel_id = $1"
    assert await world.owner.fetchval(rate, plant.channels[0]) == 5_000


async def test_the_programs_cannot_change_what_was_superseded(
    db: Any, caller: Caller, plant: Plant
) -> None:
    entered = (await caller.post("/device-events", replaced(plant))).json()["id"]
    await caller.delete(f"/device-events/{entered}")
    service = await asyncpg.connect(db.service)
    for statement in (
        "DELETE FROM device_event_revisions",
        "UPDATE device_event_revisions SET closing_value = 0",
        "INSERT INTO channel_setting_revisions SELECT * FROM channel_setting_revisions",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await service.execute(statement)
    await service.close()


async def test_lists_come_in_pages(caller: Caller, plant: Plant) -> None:
    for hour in (0.2, 0.4, 0.6):
        body = replaced(plant, at=at(hour), closing=105 + hour, opening=105 + hour)
        answer: httpx.Response = await caller.post("/device-events", body)
        assert answer.status_code == 200, answer.text
    page = (await caller.get("/device-events", limit=2)).json()
    rest = (await caller.get("/device-events", limit=2, cursor=page["next"])).json()
    assert [len(page["items"]), len(rest["items"]), rest["next"]] == [2, 1, None]
    table = await caller.get("/device-events", format="csv")
    assert table.text.count("\n") == 4
