"""Coefficients, heating values, carbon factors over the API: who may, what is refused, history."""

from datetime import date, timedelta
from typing import Any

import asyncpg
import httpx
import pytest

from schemas.access import Domain, Grant, Verb
from service.store import clients
from tests.database.caller import Caller
from tests.database.test_coefficients import COKE, FIRST, GAS, WATER, Days
from tests.database.world import METER, World
from tests.registry import Plant, add_plant

COEFFICIENT = {
    "quantity": "electricity", "method": "coal_consumption", "region": "62",
    "kgce_per_unit": 0.3025, "valid_from": "2026-01-01", "source": "省能源局", "confirmed": True,
}  # fmt: skip
OTHER = COEFFICIENT | {"quantity": "heat", "kgce_per_unit": 40}
CARBON = {
    "quantity": "electricity", "region": "62", "kgco2_per_unit": 0.46, "valid_from": "2023-01-01",
    "edition": "2023年度", "source": "公告", "confirmed": True,
}  # fmt: skip
PARTS = {"gj_per_unit": 20.0, "tc_per_gj": 0.026, "oxidation": 0.93}


@pytest.fixture
async def plant(owner: asyncpg.Connection) -> Plant:
    return await add_plant(owner, [METER, GAS, COKE])


def heating(plant: Plant, **row: Any) -> dict[str, Any]:
    return {
        "enterprise": plant.uscc, "quantity": "natural_gas", "value": 35_600, "unit": "kJ/m³",
        "valid_from": "2026-03-01", "valid_to": "2026-03-31", "report": "WW-2026-017",
        "laboratory": "武威市质检所", "source": "化验报告", **row,
    }  # fmt: skip


async def become_enterprise_that_may(caller: Caller, plant: Plant) -> None:
    grants = [Grant("", Domain.ENERGY, verb) for verb in (Verb.READ, Verb.ENTER)]
    async with caller.engine.begin() as connection:
        key = await clients.create(connection, "its laboratory", plant.uscc, grants)
    caller.client.headers["Authorization"] = f"Bearer {key}"


def codes(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 422, answer.text
    rows = answer.json()["rows"]
    assert all(row["detail"] and row["detail_zh"] for row in rows)
    return [row["code"] for row in rows]


async def test_a_coefficient_is_entered_revised_and_readable(
    caller: Caller, owner: asyncpg.Connection
) -> None:
    await caller.become("administrator")
    body = {"coefficients": [COEFFICIENT]}
    first = await caller.post("/coefficients", body)
    assert first.json() == {"entered": 1, "revised": 0, "unchanged": 0}
    assert (await caller.post("/coefficients", body)).json()["unchanged"] == 1
    known_at = (await owner.fetchval("SELECT clock_timestamp()")).isoformat()
    body = {"coefficients": [{**COEFFICIENT, "kgce_per_unit": 0.3}]}
    assert (await caller.post("/coefficients", body)).json()["revised"] == 1
    where = {"quantity": "electricity", "method": "coal_consumption"}
    [now] = await caller.items("/coefficients", **where)
    assert (now["kgce_per_unit"], now["revision"], now["superseded_at"]) == (0.3, 2, None)
    assert now["recorded_by"].startswith("administrator")
    [then] = await caller.items("/coefficients", **where, known_at=known_at)
    assert (then["kgce_per_unit"], then["revision"], then["superseded_at"]) == (0.3025, 1, None)
    both = await caller.items("/coefficients", **where, history=True)
    assert [item["revision"] for item in both] == [1, 2]
    assert both[0]["superseded_at"] == now["recorded_at"]
    page = (await caller.get("/coefficients", limit=30)).json()
    rest = (await caller.get("/coefficients", limit=1_000, cursor=page["next"])).json()
    ids = [item["id"] for item in page["items"] + rest["items"]]
    assert ids == sorted(ids)
    assert len(set(ids)) == await owner.fetchval(
        "SELECT count(*) FROM coefficients WHERE superseded_at IS NULL"
    )
    actions = await owner.fetch("SELECT action FROM audit_log ORDER BY 1")
    assert {row[0] for row in actions} == {"enter_coefficients"}
    assert len(actions) == 3


async def test_who_may_enter(caller: Caller, plant: Plant) -> None:
    documents = {
        "/coefficients": {"coefficients": [COEFFICIENT]},
        "/carbon-factors": {"carbon_factors": [CARBON]},
        "/heating-values": {"heating_values": [heating(plant)]},
    }
    for role, enterprise in (("regulator", None), ("statistics", None), ("enterprise", plant.uscc)):
        await caller.become(role, "62", enterprise)
        for path, body in documents.items():
            assert (await caller.post(path, body)).status_code == 403
            assert (await caller.delete(f"{path}/1")).status_code == 403
            assert (await caller.get(path)).status_code == 200
    await become_enterprise_that_may(caller, plant)
    for path in ("/coefficients", "/carbon-factors"):  # they hold for others as well
        assert (await caller.post(path, documents[path])).status_code == 403
        assert (await caller.delete(f"{path}/1")).status_code == 403
    entered = await caller.post("/heating-values", documents["/heating-values"])
    assert entered.json()["entered"] == 1


async def test_a_heating_value_is_for_its_own_enterprise_and_region(
    caller: Caller, plant: Plant, owner: asyncpg.Connection
) -> None:
    other = await add_plant(owner, [GAS], number=2, county="640104")
    await caller.become("administrator")
    for each in (plant, other):
        body = {"heating_values": [heating(each)]}
        assert (await caller.post("/heating-values", body)).status_code == 200
    [item] = await caller.items("/heating-values", enterprise=other.uscc)
    assert (item["value"], item["unit"], item["device"]) == (35_600, "kJ/m³", None)
    await become_enterprise_that_may(caller, plant)
    assert [i["enterprise"] for i in await caller.items("/heating-values")] == [plant.uscc]
    foreign = await caller.post("/heating-values", {"heating_values": [heating(other)]})
    assert codes(foreign) == ["unknown_enterprise"]
    assert (await caller.delete(f"/heating-values/{item['id']}")).status_code == 404
    await caller.become("administrator", "62")
    assert (await caller.delete(f"/heating-values/{item['id']}")).status_code == 404
    await caller.become("administrator", "64")
    assert (await caller.delete(f"/heating-values/{item['id']}")).status_code == 204
    assert await caller.items("/heating-values") == []
    [gone] = await caller.items("/heating-values", history=True)
    assert gone["withdrawn_by"].startswith("administrator 64")


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ({"quantity": "gas"}, "unknown_quantity"),
        ({"quantity": "nmhc"}, "unknown_quantity"),
        ({"valid_to": "2025-12-31"}, "bad_dates"),
        ({"region": ""}, "region_not_permitted"),
        ({"region": "63"}, "region_not_permitted"),
        ({"quantity": "fresh_water", "method": "calorific"}, "no_calorific_value"),
        ({"kgce_per_unit": 302.5, "confirmed": False}, "out_of_range"),  # grams
        (
            {"quantity": "raw_coal", "method": "calorific", "kgce_per_unit": 0.7143,
             "confirmed": False},
            "out_of_range",  # of a kilogram
        ),
    ],
)  # fmt: skip
async def test_what_a_coefficient_cannot_be(caller: Caller, row: dict[str, Any], code: str) -> None:
    await caller.become("administrator", "62")
    answer = await caller.post("/coefficients", {"coefficients": [OTHER, COEFFICIENT | row]})
    assert codes(answer) == [code]
    assert answer.json()["rows"][0]["row"] == 1
    assert await caller.items("/coefficients", region="62") == []
    twice = await caller.post("/coefficients", {"coefficients": [COEFFICIENT, COEFFICIENT]})
    assert codes(twice) == ["twice"]


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ({"quantity": "electricity"}, "unknown_quantity"),
        ({"unit": "kJ/kg"}, "wrong_unit"),
        ({"value": 8_500}, "out_of_range"),  # kcal
        ({"value": 38_980}, "out_of_range"),
        ({"device": "M-01"}, "unknown_device"),  # which counts electricity
        ({"device": "M-99"}, "unknown_device"),
        ({"enterprise": "91620000MA00000000"}, "unknown_enterprise"),
        ({"valid_to": "2026-02-28"}, "bad_dates"),
    ],
)
async def test_what_a_heating_value_cannot_be(
    caller: Caller, plant: Plant, row: dict[str, Any], code: str
) -> None:
    await caller.become("administrator", "62")
    answer = await caller.post("/heating-values", {"heating_values": [heating(plant, **row)]})
    assert codes(answer) == [code]
    if code == "out_of_range":
        assert "confirmed: true" in answer.json()["rows"][0]["detail"]
        body = {"heating_values": [heating(plant, **row, confirmed=True)]}
        assert (await caller.post("/heating-values", body)).status_code == 200


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ({"valid_from": "2023-07-01"}, "data_year"),
        ({"edition": "最新"}, "data_year"),
        ({"kgco2_per_unit": 460, "confirmed": False}, "out_of_range"),  # grams
        ({"quantity": "coke", **PARTS}, "parts"),
        ({"quantity": "coke", "kgco2_per_unit": None, **PARTS, "oxidation": None}, "parts"),
        ({"kgco2_per_unit": None, **PARTS}, "no_fuel"),
        ({"quantity": "fresh_water"}, "unknown_quantity"),
        ({"region": "6"}, "invalid"),
    ],
)
async def test_what_a_carbon_factor_cannot_be(
    caller: Caller, row: dict[str, Any], code: str
) -> None:
    await caller.become("administrator", "62")
    answer = await caller.post("/carbon-factors", {"carbon_factors": [CARBON | row]})
    if code == "invalid":
        assert (answer.status_code, answer.json()["code"]) == (422, code)
    else:
        assert codes(answer) == [code]


async def test_a_carbon_factor_is_worked_out_from_its_parts(caller: Caller) -> None:
    await caller.become("administrator")
    coal = {"quantity": "raw_coal", "region": "", "kgco2_per_unit": None, **PARTS}
    answer = await caller.post("/carbon-factors", {"carbon_factors": [CARBON | coal]})
    assert answer.status_code == 200, answer.text
    [item] = await caller.items("/carbon-factors", quantity="raw_coal")
    assert item["kgco2_per_unit"] == pytest.approx(20 * 0.026 * 0.93 * 44 / 12 * 1_000)
    electricity = await caller.items("/carbon-factors", quantity="electricity", region="62")
    assert [each["edition"][:4] for each in electricity] == ["2021", "2022"]


@pytest.mark.parametrize(
    "body",
    [
        {"coefficients": []},
        {"coefficients": [COEFFICIENT] * 1_001},
        {"coefficients": [COEFFICIENT | {"kgce_per_unit": 1e400}]},
        {"coefficients": [COEFFICIENT | {"kgce_per_unit": "NaN"}]},
        {"coefficients": [COEFFICIENT | {"kgce_per_unit": 0}]},
        {"coefficients": [COEFFICIENT | {"source": "a\0b"}]},
        {"coefficients": [COEFFICIENT | {"valid_from": "20260101"}]},
        {"coefficients": [COEFFICIENT | {"colour": "red"}]},
        [],
    ],
)
async def test_hostile_documents_are_refused(caller: Caller, body: Any) -> None:
    await caller.become("administrator")
    content = str(body).replace("'", '"').replace("inf", "1e400").replace("True", "true")
    headers = {"Content-Type": "application/json"}
    answer = await caller.client.post("/coefficients", content=content, headers=headers)
    assert answer.status_code == 422
    for path in ("/coefficients", "/heating-values", "/carbon-factors"):
        for number in ("0", "9" * 30, "x"):
            assert (await caller.delete(f"{path}/{number}")).status_code == 422
        assert (await caller.delete(f"{path}/999999")).status_code == 404
        assert (await caller.get(path, known_at="2026-01-01T00:00:00")).status_code == 422
        assert (await caller.get(path, quantity="\0")).status_code in (200, 422)


async def test_the_register_enters_by_the_same_revisions(
    caller: Caller, owner: asyncpg.Connection
) -> None:
    await caller.become("administrator")
    coke = {
        "quantity": "coke", "method": "calorific", "kgce_per_unit": 971.4,
        "valid_from": "2021-04-01", "source": "read in its own text", "confirmed": True,
    }  # fmt: skip
    for kgce in (971.4, 971.4, 960.0):
        body = {"coefficients": [coke | {"kgce_per_unit": kgce}]}
        assert (await caller.post("/registry", body)).json()["coefficients"] == 1
    rows = await caller.items("/coefficients", quantity="coke", history=True)
    assert [(row["revision"], row["kgce_per_unit"]) for row in rows] == [
        (1, 971.4), (2, 971.4), (3, 960.0)
    ]  # fmt: skip
    answer = await caller.post("/registry", {"coefficients": [coke | {"quantity": "gas"}]})
    assert codes(answer) == ["unknown_quantity"]


async def test_usage_tells_carbon_dioxide_and_never_a_part_of_it(
    caller: Caller, world: World
) -> None:
    """March: 31 days of 1,000 kWh at 0.4772 kg; gas has a factor until the 20th only."""
    days = Days(world)
    plant = await days.add(METER, GAS, WATER, days=31)
    await world.owner.execute("UPDATE carbon_factors SET valid_to = '2026-03-20'"
                              " WHERE quantity = 'natural_gas'")  # fmt: skip
    await days.roll_up()
    await caller.become("regulator", "62")

    async def of(quantity: str, step: str, **more: Any) -> list[Any]:
        items = await caller.items(
            "/usage", enterprise=plant.uscc, quantity=quantity, step=step, **more,
            **{"from": "2026-03-01T00:00:00+08:00", "to": "2026-04-01T00:00:00+08:00"},
        )  # fmt: skip
        return [item["co2_t"] for item in items]

    assert await of("electricity", "1d") == pytest.approx([0.4772] * 31)
    assert await of("electricity", "1mo") == pytest.approx([31 * 0.4772])
    assert await of("electricity", "1h") == pytest.approx([0.4772 / 24] * 31 * 24)
    gas = 0.038931 * 0.0153 * 0.99 * 44 / 12 * 1_000
    by_day = await of("natural_gas", "1d")
    assert by_day == [*[pytest.approx(gas)] * 20, *[None] * 11]
    assert await of("natural_gas", "1mo") == [None]
    assert (await of("natural_gas", "15m", limit=3_000))[20 * 96 - 1 :][:2] == [
        pytest.approx(gas / 96),
        None,
    ]
    assert await of("fresh_water", "1mo") == [None]
    [month] = await caller.items(
        "/usage", enterprise=plant.uscc, quantity="fresh_water", step="1mo",
        basis="coal_consumption", **{"from": f"{FIRST}T00:00:00+08:00", "to": f"{after_march()}"},
    )  # fmt: skip
    assert month["tce"] == pytest.approx(31 * 0.2571)
    for wrong in ("0001-01-01T00:00:00+23:00", "9999-12-31T23:59:59-12:00"):
        answer = await caller.get("/usage", enterprise=plant.uscc, **{"from": wrong})
        assert answer.status_code in (200, 422), answer.text


def after_march() -> str:
    return f"{date(2026, 3, 31) + timedelta(days=1)}T00:00:00+08:00"
