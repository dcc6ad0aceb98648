"""Whatever is entered, revised or withdrawn, days are worth what the pure functions say."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service import rollup
from service.domain import worth
from service.domain.coal_equivalent import CALORIFIC, COAL_CONSUMPTION, Entry, Measured
from service.domain.emissions import Fuel
from service.domain.worth import Known, Worth
from service.store import coefficients, revisions
from service.store.engine import Engine
from service.store.revisions import CARBON_FACTORS, COEFFICIENTS, HEATING_VALUES, Kind
from tests.database.test_rollup_properties import EVER, INDICATORS
from tests.registry import Plant, Spec, add_plant

FIRST, STOP = date(2025, 6, 1), date(2025, 8, 1)
AMOUNT = 1_000.0
GAS = Spec(quantity="natural_gas", unit="m³")
COUNTIES = ("620623", "650102")
OF_DAY: dict[str, Callable[[Known, date], Worth | None]] = {
    "calorific": worth.calorific,
    "coal_consumption": worth.by_coal_consumption,
    "carbon": worth.carbon,
}
PARTS = ("gj_per_unit", "tc_per_gj", "oxidation")


@dataclass
class Model:
    """What is in force, as the test keeps it: entries by their key, heating values by theirs."""

    entries: dict[tuple[str, str], dict[tuple[str, date], dict[str, Any]]] = field(
        default_factory=dict
    )
    heating: dict[tuple[int, int | None, date], dict[str, Any]] = field(default_factory=dict)

    def known(self, quantity: str, county: str, enterprise: int, device: int) -> Known:
        fuels: dict[int, Fuel] = {}

        def of(use: str) -> list[Entry]:
            found = []
            for number, ((region, first), row) in enumerate(
                self.entries.get((use, quantity), {}).items()
            ):
                found.append(Entry(region, first, row["valid_to"], row["value"], number))
                if row.get("gj_per_unit") is not None:
                    fuels[number] = Fuel(*(row[part] for part in PARTS))
            return found

        heats = [
            Measured(d, first, row["valid_to"], row["kj"], row["unit"])
            for (e, d, first), row in self.heating.items()
            if e == enterprise and quantity == "natural_gas"
        ]
        carbon = of("carbon")
        return Known(
            quantity, county, device, of(CALORIFIC), of(COAL_CONSUMPTION), carbon, fuels, heats
        )


class Line:
    """Two plants in two provinces whose days are there, on a database that examples share."""

    def __init__(self, owner: asyncpg.Connection, engine: Engine) -> None:
        self.owner, self.engine = owner, engine
        self.plants: list[Plant] = []

    async def register(self) -> None:
        for number, county in enumerate(COUNTIES, 1):
            plant = await add_plant(self.owner, [GAS, GAS, Spec()], number=number, county=county)
            self.plants.append(plant)
            await self.owner.execute(
                "INSERT INTO usage_daily (day, amount, channel_id, measured_s, flags)"
                " SELECT day, $3, channel, 86400, 0 FROM unnest($4::int[]) AS channel,"
                " generate_series($1::date, $2::date - 1, INTERVAL '1 day') AS day",
                FIRST,
                STOP,
                AMOUNT,
                plant.channels,
            )

    async def start(self) -> Model:
        """Forget what earlier examples entered; return what is shipped."""
        for table in ("coefficients", "carbon_factors", "heating_values"):
            await self.owner.execute(f"DELETE FROM {table} WHERE recorded_by <> 'migration'")
            await self.owner.execute(
                f"UPDATE {table} SET superseded_at = NULL, withdrawn_by = NULL"
            )
        await self.owner.execute(
            "INSERT INTO changed_stretches (enterprise_id, channel_ids, first_at, last_at,"
            " only_days) SELECT enterprise_id, array_agg(channel_id), $1::date, $2::date, true"
            " FROM channels JOIN devices USING (device_id) GROUP BY enterprise_id",
            FIRST,
            STOP,
        )
        await self.roll_up()
        model = Model()
        for row in await self.owner.fetch(
            "SELECT method AS use, quantity, region, valid_from, valid_to, kgce_per_unit AS value,"
            " NULL::float8 AS gj_per_unit, NULL::float8 AS tc_per_gj, NULL::float8 AS oxidation"
            " FROM coefficients UNION ALL SELECT 'carbon', quantity, region, valid_from, valid_to,"
            " kgco2_per_unit, gj_per_unit, tc_per_gj, oxidation FROM carbon_factors"
        ):
            of = model.entries.setdefault((row["use"], row["quantity"]), {})
            of[row["region"], row["valid_from"]] = dict(row)
        return model

    async def roll_up(self) -> None:
        while await rollup.roll_up_each(self.engine, INDICATORS, EVER):
            pass

    async def enter(self, kind: Kind, row: dict[str, Any]) -> None:
        said = {"source": "test", "confirmed": True, "edition": "test 2025"}
        if kind is HEATING_VALUES:
            said |= {"report": "R-1", "laboratory": "L"}
        async with self.engine.begin() as connection:
            await revisions.enter(connection, kind, [{**said, **row}], "test")

    async def withdraw(self, kind: Kind, where: str, *key: Any) -> None:
        number = await self.owner.fetchval(
            f"SELECT {kind.number} FROM {kind.table} WHERE superseded_at IS NULL AND {where}", *key
        )
        async with self.engine.begin() as connection:
            assert await revisions.withdraw(connection, kind, number, [""], "test")


@pytest.fixture
async def line(owner: asyncpg.Connection, engine: Engine) -> Line:
    line = Line(owner, engine)
    await line.register()
    return line


# few, so that entries are revised
dates = st.sampled_from([FIRST + timedelta(days) for days in (-5, 0, 10, 11, 40, 65)])
ends = st.none() | st.integers(0, 30)
regions = st.sampled_from(["", "62", "6206", "650102"])
steps = st.lists(
    st.tuples(
        st.sampled_from(["calorific", "coal_consumption", "carbon", "parts", "heating"]),
        st.sampled_from(["natural_gas", "natural_gas", "electricity"]),
        regions, dates, ends, st.floats(0.5, 1.5),
        st.integers(0, 5),  # a heating value's place; 0 also: withdrawn instead, if it is there
        st.booleans(),  # rolled up before the next
    ),
    min_size=1, max_size=8,
)  # fmt: skip


async def take(line: Line, model: Model, step: tuple[Any, ...]) -> None:
    use, quantity, region, first, end, value, place, rolled = step
    valid_to = None if end is None else first + timedelta(end)
    dated = {"quantity": quantity, "valid_from": first, "valid_to": valid_to}
    if use == "heating":
        await _heat(line, model, place, dated, value)
    else:
        parts = use == "parts" and quantity != "electricity"
        use = "carbon" if use == "parts" else use
        of = model.entries.setdefault((use, quantity), {})
        kind = CARBON_FACTORS if use == "carbon" else COEFFICIENTS
        if place == 0 and (region, first) in of:
            del of[region, first]
            where = "quantity = $1 AND region = $2 AND valid_from = $3"
            where += f" AND method = '{use}'" if kind is COEFFICIENTS else ""
            await line.withdraw(kind, where, quantity, region, first)
        else:
            row: dict[str, Any] = {**dated, "region": region}
            if kind is COEFFICIENTS:
                row |= {"method": use, "kgce_per_unit": value}
            else:
                fuel = Fuel(value / 50, 0.0153, 0.99)
                row |= dict.fromkeys(PARTS)
                row["kgco2_per_unit"] = value
                if parts:
                    row |= {"gj_per_unit": fuel.gj_per_unit, "tc_per_gj": 0.0153, "oxidation": 0.99}
                    row["kgco2_per_unit"] = value = fuel.kgco2_per_unit
            await line.enter(kind, row)
            of[region, first] = {**row, "value": value}
    if rolled:
        await line.roll_up()


async def _heat(line: Line, model: Model, place: int, dated: dict[str, Any], value: float) -> None:
    plant = line.plants[place % 2]
    device = await device_of(line, plant.channels[0]) if place > 3 else None
    key = (plant.enterprise_id, device, dated["valid_from"])
    if place == 0 and key in model.heating:
        del model.heating[key]
        where = "enterprise_id = $1 AND device_id IS NOT DISTINCT FROM $2 AND valid_from = $3"
        await line.withdraw(HEATING_VALUES, where, *key)
        return
    row = {**dated, "quantity": "natural_gas", "kj": 35_000 * value, "unit": "kJ/m³"}
    row |= {"enterprise_id": plant.enterprise_id, "device_id": device}
    await line.enter(HEATING_VALUES, row)
    model.heating[key] = row


async def device_of(line: Line, channel: int) -> int:
    return int(
        await line.owner.fetchval("SELECT device_id FROM channels WHERE channel_id = $1", channel)
    )


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps)
async def test_days_are_worth_what_is_in_force(line: Line, drawn: list[tuple[Any, ...]]) -> None:
    model = await line.start()
    for step in drawn:
        await take(line, model, step)
    await line.roll_up()
    channels = [channel for plant in line.plants for channel in plant.channels]
    async with line.engine.connect() as connection:
        told = await coefficients.in_force(connection, channels, FIRST, STOP)
    for plant, county in zip(line.plants, COUNTIES, strict=True):
        for channel, quantity in zip(plant.channels, (*[GAS.quantity] * 2, "electricity"),
                                     strict=True):  # fmt: skip
            device = await device_of(line, channel)
            known = model.known(quantity, county, plant.enterprise_id, device)
            rows = await line.owner.fetch(
                "SELECT * FROM usage_daily WHERE channel_id = $1 ORDER BY day", channel
            )
            assert len(rows) == (STOP - FIRST).days
            for row in rows:
                for column, use in (
                    ("tce_calorific", "calorific"),
                    ("tce_coal_consumption", "coal_consumption"),
                    ("co2_t", "carbon"),
                ):
                    wanted = OF_DAY[use](known, row["day"])
                    found = row[column]
                    assert found == (wanted and pytest.approx(wanted.value * AMOUNT / 1_000)), (
                        quantity, county, row["day"], use,
                    )  # fmt: skip
                    of_day = [
                        each.value
                        for each in told
                        if each.channel_id == channel
                        and each.use == use
                        and each.first_day <= row["day"] < each.stop_day
                    ]
                    assert of_day == ([] if wanted is None else [pytest.approx(wanted.value)])
