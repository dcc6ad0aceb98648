"""Coefficients, heating values and carbon factors: what entering one changes, and what it keeps."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from service import rollup
from service.store import coefficients, registered, revisions, stretches
from service.store import days as day_store
from service.store.coefficients import InForce
from service.store.engine import Engine
from service.store.revisions import COEFFICIENTS, HEATING_VALUES
from tests.database.test_rollup_properties import EVER, INDICATORS
from tests.database.world import METER, World
from tests.heating_values import CARBON, CARRIERS, GASES, MEDIA
from tests.registry import Plant, Spec, add_plant

DAY = timedelta(days=1)
FIRST = date(2026, 3, 1)
GAS = Spec(quantity="natural_gas", unit="m³")
COKE = Spec(quantity="coke", unit="t")
WATER = Spec(quantity="fresh_water", unit="t")


class Days:
    """Plants whose days are there, and who enters what they are worth."""

    def __init__(self, world: World) -> None:
        self.owner, self.engine, self.world = world.owner, world.engine, world

    async def add(self, *specs: Spec, days: int = 10, first: date = FIRST, **plant: Any) -> Plant:
        """Register meters that counted 1,000 units on each of some days."""
        plant_ = await add_plant(self.owner, list(specs), **plant)
        await self.owner.execute(
            "INSERT INTO usage_15m (at, amount, estimated, channel_id, measured_s, flags)"
            " SELECT (day::timestamp + slot * INTERVAL '15 min') AT TIME ZONE 'Asia/Shanghai',"
            " 1000 / 96.0, 0, channel, 900, 0 FROM unnest($1::int[]) AS channel,"
            " generate_series($2::date, $3::date - 1, INTERVAL '1 day') AS day,"
            " generate_series(0, 95) AS slot",
            plant_.channels,
            first,
            first + days * DAY,
        )
        async with self.engine.begin() as connection:
            wanted = [day_store.Days(c, first, first + days * DAY) for c in plant_.channels]
            await day_store.replace(connection, wanted)
        return plant_

    async def enter(self, kind: revisions.Kind, **row: Any) -> None:
        said = {"valid_to": None, "source": "test", "confirmed": True, "edition": None}
        if kind is COEFFICIENTS:
            said |= {"region": "", "method": "calorific"}
        else:
            said |= {"report": "R-1", "laboratory": "L", "device_id": None}
        async with self.engine.begin() as connection:
            await revisions.enter(connection, kind, [{**said, **row}], "test")

    async def roll_up(self) -> None:
        while await rollup.roll_up_each(self.engine, INDICATORS, EVER):
            pass

    async def worth(self, channel: int, column: str = "tce_calorific") -> list[float | None]:
        rows = await self.owner.fetch(
            f"SELECT {column} FROM usage_daily WHERE channel_id = $1 ORDER BY day", channel
        )
        return [row[0] for row in rows]

    async def written(self, *channels: int) -> list[tuple[int, date, str]]:
        """Return the transactions that wrote the days of channels."""
        return [
            tuple(row)
            for row in await self.owner.fetch(
                "SELECT channel_id, day, xmin::text FROM usage_daily"
                " WHERE channel_id = ANY($1::int[]) ORDER BY channel_id, day",
                list(channels),
            )
        ]

    async def logged(self) -> list[tuple[list[int], date, date, bool]]:
        """Return which channels and days wait, in Beijing time."""
        rows = await self.owner.fetch(
            "SELECT channel_ids, (first_at AT TIME ZONE 'Asia/Shanghai')::date,"
            " (last_at AT TIME ZONE 'Asia/Shanghai')::date, only_days FROM changed_stretches"
            " ORDER BY id"
        )
        return [tuple(row) for row in rows]

    async def in_force(self, channel: int, use: str, days: int = 10) -> list[InForce]:
        async with self.engine.connect() as connection:
            found = await coefficients.in_force(connection, [channel], FIRST, FIRST + days * DAY)
        return [each for each in found if each.use == use]


@pytest.fixture
def days(world: World) -> Days:
    return Days(world)


async def test_what_is_shipped_is_what_is_printed(owner: asyncpg.Connection) -> None:
    rows = await owner.fetch("SELECT * FROM coefficients WHERE edition = 'GB/T 2589-2020'")
    shipped = {(row["quantity"], row["method"]): row for row in rows}
    of_unit = {"kg": 1_000, "m³": 1, "t": 1}
    printed = {
        (quantity, "calorific"): kgce * of_unit[unit]
        for quantity, (_, kgce, unit) in CARRIERS.items()
        if isinstance(kgce, float)
    } | {
        (quantity, "coal_consumption"): kgce * of_unit[unit]
        for quantity, (_, kgce, unit) in MEDIA.items()
    }
    printed |= {("electricity", "calorific"): 0.1229, ("heat", "calorific"): 34.12}
    assert {key: row["kgce_per_unit"] for key, row in shipped.items()} == pytest.approx(printed)
    assert [key for key, row in shipped.items() if row["confirmed"]] == [
        ("electricity", "calorific")
    ]
    everything = await owner.fetchval("SELECT count(*) FROM coefficients")
    assert everything == len(printed)  # and so nothing for what has a range


async def test_carbon_factors_are_shipped_unconfirmed(owner: asyncpg.Connection) -> None:
    rows = await owner.fetch("SELECT * FROM carbon_factors")
    fuels = {row["quantity"]: row for row in rows if row["tc_per_gj"] is not None}
    assert set(fuels) == set(CARBON)
    for quantity, (_, _, _, tonnes) in CARBON.items():
        printed = tonnes / 10_000 if quantity in GASES else tonnes
        assert fuels[quantity]["kgco2_per_unit"] / 1_000 == pytest.approx(printed, rel=5e-4)
    electricity = {
        (row["region"], row["valid_from"].year): (row["kgco2_per_unit"], row["edition"][:4])
        for row in rows
        if row["quantity"] == "electricity"
    }
    assert electricity == {
        ("", 2021): (0.5568, "2021"), ("", 2022): (0.5366, "2022"), ("", 2023): (0.5306, "2023"),
        ("62", 2021): (0.4955, "2021"), ("62", 2022): (0.4772, "2022"),
    }  # fmt: skip
    assert not any(row["confirmed"] for row in rows)


async def test_ferrosilicon_by_both_methods(days: Days) -> None:
    """A tonne takes 9,320.5 kWh and 834.5 kgce of coke: GB 21341's 1,980 and 4,600 kgce/t."""
    plant = await days.add(METER, COKE, days=1)
    await days.owner.execute(
        "UPDATE usage_daily SET amount = CASE channel_id WHEN $1 THEN 9320.527 ELSE 0.8590720 END",
        plant.channels[0],
    )
    await days.enter(
        COEFFICIENTS, quantity="electricity", method="coal_consumption", kgce_per_unit=0.404,
        valid_from=date(2026, 1, 1),
    )  # fmt: skip
    await days.owner.execute(
        "INSERT INTO changed_stretches (enterprise_id, channel_ids, first_at, last_at, only_days)"
        " VALUES ($1, $2, '2026-02-28', '2026-03-03', true)",
        plant.enterprise_id,
        plant.channels,
    )
    await days.roll_up()
    row = await days.owner.fetchrow(
        "SELECT sum(tce_calorific) * 1000, sum(tce_coal_consumption) * 1000 FROM usage_daily"
    )
    assert tuple(row) == pytest.approx((1_980, 4_600), rel=1e-5)


async def test_a_correction_makes_new_days_and_touches_no_other(days: Days) -> None:
    plant = await days.add(METER, GAS, COKE)
    other = await days.add(METER, number=2)
    await days.enter(
        COEFFICIENTS, quantity="natural_gas", kgce_per_unit=1.2143, valid_from=FIRST + 4 * DAY
    )
    await days.roll_up()
    before = await days.written(*plant.channels, *other.channels)
    quarters = await days.owner.fetch(
        "SELECT channel_id, at, xmin::text FROM usage_15m ORDER BY 1, 2"
    )
    await days.enter(
        COEFFICIENTS, quantity="natural_gas", kgce_per_unit=1.3, valid_from=FIRST + 6 * DAY
    )
    assert await days.logged() == [
        ([plant.channels[1]], FIRST + 6 * DAY, (await _tomorrow(days)), True)
    ]
    await days.roll_up()
    after = await days.written(*plant.channels, *other.channels)
    rewritten = [new[:2] for old, new in zip(before, after, strict=True) if old != new]
    assert rewritten == [(plant.channels[1], FIRST + day * DAY) for day in (6, 7, 8, 9)]
    assert await days.worth(plant.channels[1]) == pytest.approx([1.2143] * 6 + [1.3] * 4)
    again = await days.owner.fetch("SELECT channel_id, at, xmin::text FROM usage_15m ORDER BY 1, 2")
    assert again == quarters
    told = await days.owner.fetch(
        "SELECT enterprise_id, first_at, last_at FROM changed_usage ORDER BY id DESC LIMIT 1"
    )
    beijing = timedelta(hours=8)
    assert [(r[0], (r[1] + beijing).date(), (r[2] + beijing).date()) for r in told] == [
        (plant.enterprise_id, FIRST + 6 * DAY, FIRST + 10 * DAY)
    ]


async def _tomorrow(days: Days) -> date:
    found: date = await days.owner.fetchval(
        "SELECT ((now() + INTERVAL '1 day') AT TIME ZONE 'Asia/Shanghai')::date"
    )
    return found


async def test_the_old_revision_stays_readable_and_the_same_value_is_none(days: Days) -> None:
    price = {
        "quantity": "electricity", "method": "coal_consumption", "valid_from": date(2026, 1, 1)
    }  # fmt: skip
    await days.enter(COEFFICIENTS, **price, kgce_per_unit=0.3025)
    await days.enter(COEFFICIENTS, **price, kgce_per_unit=0.3025)
    await days.enter(COEFFICIENTS, **price, kgce_per_unit=0.3010)
    rows = await days.owner.fetch(
        "SELECT revision, kgce_per_unit, recorded_at, superseded_at FROM coefficients"
        " WHERE method = 'coal_consumption' AND quantity = 'electricity' ORDER BY revision"
    )
    assert [tuple(row)[:2] for row in rows] == [(1, 0.3025), (2, 0.301)]
    assert (rows[0]["superseded_at"], rows[1]["superseded_at"]) == (rows[1]["recorded_at"], None)


async def test_only_what_is_said_of_a_value_derives_nothing(days: Days) -> None:
    await days.add(COKE)
    await days.enter(
        COEFFICIENTS, quantity="coke", kgce_per_unit=971.4, valid_from=date(2021, 4, 1),
        source="GB/T 2589-2020, read in its own text",
    )  # fmt: skip
    assert await days.logged() == []
    revised = "SELECT max(revision) FROM coefficients WHERE quantity = 'coke'"
    assert await days.owner.fetchval(revised) == 2


async def test_a_year_of_electricity_changes_with_the_year(days: Days) -> None:
    """等价值: 0.3025 in 2025 and 0.3010 in 2026, then 2026 revised to 0.3000 kgce/kWh."""
    plant = await days.add(METER, days=4, first=date(2025, 12, 30))
    price: dict[str, Any] = {"quantity": "electricity", "method": "coal_consumption"}
    for year, kgce in ((2025, 0.3025), (2026, 0.3010)):
        await days.enter(COEFFICIENTS, **price, valid_from=date(year, 1, 1), kgce_per_unit=kgce)
    await days.roll_up()
    [meter] = plant.channels
    before = await days.written(meter)
    by_coal = "tce_coal_consumption"
    assert await days.worth(meter, by_coal) == pytest.approx([0.3025, 0.3025, 0.3010, 0.3010])
    await days.enter(COEFFICIENTS, **price, valid_from=date(2026, 1, 1), kgce_per_unit=0.3)
    await days.roll_up()
    assert await days.worth(meter, by_coal) == pytest.approx([0.3025, 0.3025, 0.3, 0.3])
    assert await days.worth(meter) == pytest.approx([0.1229] * 4)
    assert (await days.written(meter))[:2] == before[:2]


async def test_a_region_of_its_own_counts_alone(days: Days) -> None:
    gansu = await days.add(METER, number=1)
    other = await days.add(METER, number=2, county="640104")
    price: dict[str, Any] = {"quantity": "electricity", "method": "coal_consumption"}
    await days.enter(COEFFICIENTS, **price, valid_from=FIRST, kgce_per_unit=0.3)
    await days.roll_up()
    written = await days.written(*other.channels)
    await days.enter(
        COEFFICIENTS, **price, valid_from=FIRST + 5 * DAY, kgce_per_unit=0.31, region="6206"
    )
    assert [each[0] for each in await days.logged()] == [gansu.channels]
    await days.roll_up()
    assert await days.worth(gansu.channels[0], "tce_coal_consumption") == pytest.approx([0.31] * 10)
    assert await days.written(*other.channels) == written
    # Gansu's newest factor is that of 2022; elsewhere the national one of 2023 stands
    assert await days.worth(gansu.channels[0], "co2_t") == pytest.approx([0.4772] * 10)
    assert await days.worth(other.channels[0], "co2_t") == pytest.approx([0.5306] * 10)
    [used] = await days.in_force(gansu.channels[0], "carbon")
    assert (used.origin, used.edition, used.confirmed) == (
        "carbon_factor", "2022年度 / data of 2022", False,
    )  # fmt: skip


async def test_an_enterprise_that_moves_is_valued_by_its_new_region(days: Days) -> None:
    plant = await days.add(METER)
    await days.add(METER, number=2, county="640104")
    await days.owner.execute(
        "UPDATE enterprises SET county_code = '640104' WHERE enterprise_id = $1",
        plant.enterprise_id,
    )
    await days.roll_up()
    assert await days.worth(plant.channels[0], "co2_t") == pytest.approx([0.5306] * 10)


async def test_a_measured_heating_value_has_priority_on_its_days(days: Days) -> None:
    """35,000 kJ/m³ is 1.19423 kgce; the device's own 36,000 is 1.22835."""
    plant = await days.add(GAS, GAS, METER)
    other = await days.add(GAS, number=2)
    await days.enter(COEFFICIENTS, quantity="natural_gas", kgce_per_unit=1.2143, valid_from=FIRST)
    await days.roll_up()
    written = await days.written(*other.channels, plant.channels[2])
    heat: dict[str, Any] = {
        "quantity": "natural_gas", "unit": "kJ/m³", "enterprise_id": plant.enterprise_id,
    }  # fmt: skip
    await days.enter(
        HEATING_VALUES, **heat, kj=35_000, valid_from=FIRST + 2 * DAY, valid_to=FIRST + 5 * DAY
    )
    assert await days.logged() == [(plant.channels[:2], FIRST + 2 * DAY, FIRST + 5 * DAY, True)]
    device = await days.owner.fetchval(
        "SELECT device_id FROM channels WHERE channel_id = $1", plant.channels[1]
    )
    await days.enter(
        HEATING_VALUES, **heat, kj=36_000, device_id=device, valid_from=FIRST + 4 * DAY,
        valid_to=FIRST + 7 * DAY,
    )  # fmt: skip
    await days.roll_up()
    one, two, _ = plant.channels
    reference, whole, own = 1.2143, 1.19423, 1.22835
    assert await days.worth(one) == pytest.approx([reference] * 2 + [whole] * 4 + [reference] * 4)
    assert await days.worth(two, "tce_coal_consumption") == pytest.approx(
        [reference] * 2 + [whole] * 2 + [own] * 4 + [reference] * 2, rel=1e-5
    )
    # and 0.036 GJ x 0.0153 tC/GJ x 0.99 x 44/12 is 1.99941 kg of CO2
    assert (await days.worth(two, "co2_t"))[4:8] == pytest.approx([1.99941] * 4, rel=1e-5)
    assert await days.written(*other.channels, plant.channels[2]) == written
    used = await days.in_force(two, "calorific")
    assert [(u.origin, u.edition, (u.stop_day - u.first_day).days) for u in used] == [
        ("coefficient", None, 2), ("heating_value", "R-1", 2), ("heating_value", "R-1", 4),
        ("coefficient", None, 2),
    ]  # fmt: skip
    carbon = await days.in_force(two, "carbon")
    assert [each.heating_value_id for each in carbon] == [
        None, used[1].origin_id, used[2].origin_id, None
    ]  # fmt: skip
    # shorter in its next revision: the reference is back on the days that it lost
    await days.enter(
        HEATING_VALUES, **heat, kj=36_000, device_id=device, valid_from=FIRST + 4 * DAY,
        valid_to=FIRST + 5 * DAY,
    )  # fmt: skip
    await days.roll_up()
    assert (await days.worth(two))[4:8] == pytest.approx([own] * 2 + [reference] * 2, rel=1e-5)


async def test_what_is_withdrawn_never_was_but_is_readable(days: Days) -> None:
    plant = await days.add(COKE)
    await days.enter(COEFFICIENTS, quantity="coke", kgce_per_unit=900, valid_from=FIRST + 3 * DAY)
    await days.roll_up()
    assert await days.worth(plant.channels[0]) == pytest.approx([971.4] * 3 + [900] * 7)
    number = await days.owner.fetchval("SELECT max(coefficient_id) FROM coefficients")
    async with days.engine.begin() as connection:
        assert await revisions.withdraw(connection, COEFFICIENTS, number, ["62", ""], "who")
        assert not await revisions.withdraw(connection, COEFFICIENTS, number, [""], "who")
    await days.roll_up()
    assert await days.worth(plant.channels[0]) == pytest.approx([971.4] * 10)
    kept = "SELECT withdrawn_by, superseded_at IS NULL FROM coefficients WHERE coefficient_id = $1"
    assert tuple(await days.owner.fetchrow(kept, number)) == ("who", False)


async def test_days_that_outlived_their_quarter_hours_are_valued_again(days: Days) -> None:
    plant = await days.add(COKE)
    await days.owner.execute("TRUNCATE usage_15m")
    await days.enter(COEFFICIENTS, quantity="coke", kgce_per_unit=950, valid_from=date(2021, 4, 1))
    while await rollup.roll_up_each(days.engine, INDICATORS, datetime(2026, 6, 1, tzinfo=UTC)):
        pass  # no reading is as old as these days any more
    assert await days.worth(plant.channels[0]) == pytest.approx([950] * 10)


async def test_a_rollup_under_way_does_not_keep_the_old_value(days: Days) -> None:
    """Readings of a channel that nothing was known of are rolled up while a value is entered."""
    plant = await add_plant(days.owner, [METER])
    await days.world.write(plant, 0, [(0.0, 0.0, 0), (3600.0, 1_000.0, 0)])
    price: dict[str, Any] = {"quantity": "electricity", "kgce_per_unit": 0.2}
    async with days.engine.begin() as connection:
        picked = await stretches.pick(connection, 0, 1)
        assert picked is not None
        assert picked.held == [plant.enterprise_id]
        await rollup.roll_up(connection, picked.held, INDICATORS, EVER)
        await days.enter(COEFFICIENTS, **price, valid_from=date(2021, 4, 1))
    assert await days.worth(plant.channels[0]) == pytest.approx([0.1229])
    await days.roll_up()
    assert await days.worth(plant.channels[0]) == pytest.approx([0.2])


async def test_those_who_enter_the_same_at_once_take_turns(days: Days) -> None:
    await asyncio.gather(
        *(
            days.enter(COEFFICIENTS, quantity="coke", kgce_per_unit=kgce, valid_from=FIRST)
            for kgce in (900.0, 910.0, 920.0, 930.0)
        )
    )
    rows = await days.owner.fetch(
        "SELECT revision, recorded_at, superseded_at FROM coefficients"
        " WHERE quantity = 'coke' AND valid_from = $1 ORDER BY revision",
        FIRST,
    )
    assert [row["revision"] for row in rows] == [1, 2, 3, 4]
    ends = [row["superseded_at"] for row in rows]
    assert ends == [*(row["recorded_at"] for row in rows[1:]), None]


async def test_the_service_cannot_change_what_was_entered(days: Days, engine: Engine) -> None:
    for statement in (
        "UPDATE coefficients SET kgce_per_unit = 1",
        "DELETE FROM coefficients",
        "UPDATE heating_values SET kj = 1",
        "DELETE FROM carbon_factors",
    ):
        with pytest.raises(Exception, match="permission denied"):
            async with engine.begin() as connection:
                await connection.exec_driver_sql(statement)


async def test_a_medium_is_named_and_makes_no_total_unknown(days: Days) -> None:
    """1,000 t of water are 0.2571 tce by coal consumption and nothing by the calorific method."""
    plant = await days.add(METER, WATER)
    meter, water = plant.channels
    assert await days.worth(water) == [None] * 10
    assert await days.worth(water, "tce_coal_consumption") == pytest.approx([0.2571] * 10)
    now = datetime(2026, 3, 8, 0, 5, tzinfo=UTC) - timedelta(hours=8)
    await days.owner.execute(
        "INSERT INTO changed_usage (indicator, county_code, enterprise_id, first_at, last_at)"
        " SELECT 'energy', county_code, enterprise_id, '2026-03-01', '2026-03-08' FROM enterprises"
    )
    await days.world.evaluate(now, "energy")
    [week] = await days.world.values("energy", period="7d", as_of=now - timedelta(minutes=5))
    assert week["value"] == pytest.approx(7 * 0.1229)
    assert '"media_left_out": ["fresh_water"]' in week["inputs"]
    assert meter


async def test_a_metered_device_is_found_by_what_it_measures(days: Days) -> None:
    plant = await add_plant(days.owner, [GAS, METER])
    async with days.engine.connect() as connection:
        found = await registered.metered(connection, plant.uscc)
        assert await registered.metered(connection, "nobody") is None
    assert found is not None
    assert found.enterprise_id == plant.enterprise_id
    assert set(found.devices) == {("M-01", "natural_gas"), ("M-02", "electricity")}
