"""From a printed value back to what it rests on: values of enterprises, channels, readings."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import text

from service.store.counties import Result, result
from service.store.engine import Connection
from service.store.values import COLUMNS

_VALUE = text(
    f"""
    SELECT v.subject, v.county_code, v.enterprise_id, v.facility_id, v.outlet_id, v.quantity,
           e.uscc, {COLUMNS}
    FROM indicator_values AS v LEFT JOIN enterprises AS e USING (enterprise_id)
    WHERE value_id = :id
""".replace("recorded_at", "v.recorded_at")
)
# Of the same months and basis, as they are published now.
_OF_ENTERPRISES = text("""
    SELECT v.value_id, v.enterprise_id, e.uscc, e.name_zh, e.name_en, v.value, v.unit,
           v.completeness, v.estimated, v.revision
    FROM indicator_values AS v JOIN enterprises AS e USING (enterprise_id)
    WHERE v.county_code = :county AND v.indicator = 'energy_consumption' AND v.as_of = :as_of
      AND v.period = :period AND v.basis = :basis AND v.superseded_at IS NULL
    ORDER BY v.value DESC NULLS LAST, e.uscc
""")
# An enterprise's energy comes from its level-1 meters and those that are named for a part of it,
# a facility's from the meters at it, an outlet's figures from the monitors at that.
_CHANNELS = text("""
    SELECT c.channel_id, d.code AS device, c.quantity, c.statistic, c.role, c.part,
           d.metering_level
    FROM channels AS c JOIN devices AS d USING (device_id)
    WHERE d.enterprise_id = :enterprise AND CASE
        WHEN CAST(:outlet AS integer) IS NOT NULL
            THEN d.outlet_id = :outlet AND c.role = 'outlet'
        WHEN CAST(:facility AS integer) IS NOT NULL
            THEN d.facility_id = :facility AND c.role IN ('consumption', 'export', 'output')
        ELSE c.role = 'output' OR c.part IS NOT NULL
            OR (d.metering_level = 1 AND c.role IN ('consumption', 'export'))
    END
    ORDER BY d.code, c.quantity, c.statistic
""")
_DAYS = text("""
    SELECT channel_id, sum(amount) AS amount, sum(estimated) AS estimated,
           sum(tce_calorific) AS tce_calorific, sum(tce_coal_consumption) AS tce_coal_consumption,
           sum(measured_s) AS measured_s
    FROM usage_daily
    WHERE channel_id = ANY(CAST(:channels AS integer[])) AND day >= :first AND day < :stop
    GROUP BY channel_id
""")


_REVISIONS = text("""
    SELECT value_id, revision, value, unit, recorded_at, superseded_at
    FROM indicator_values
    WHERE county_code = :county AND subject = :subject AND indicator = :indicator
      AND period = :period AND basis = :basis AND as_of = :as_of
    ORDER BY revision DESC, value_id DESC
""")


@dataclass(frozen=True, slots=True)
class Revision:
    """One revision of a figure; ``superseded_at`` is None of the one that is published."""

    value_id: int
    revision: int
    value: float | None
    unit: str
    recorded_at: datetime
    superseded_at: datetime | None


@dataclass(frozen=True, slots=True)
class Traced:
    """A value with the subject it is about; ``uscc`` is None of a county."""

    subject: str
    county_code: str
    enterprise_id: int | None
    facility_id: int | None
    outlet_id: int | None
    quantity: str | None
    uscc: str | None
    value: Result


@dataclass(frozen=True, slots=True)
class EnterpriseValue:
    """The energy of one enterprise of a county, as it is published now."""

    value_id: int
    enterprise_id: int
    uscc: str
    name_zh: str
    name_en: str
    value: float | None
    unit: str
    completeness: float | None
    estimated: float | None
    revision: int


@dataclass(frozen=True, slots=True)
class SourceChannel:
    """A channel that a value rests on."""

    channel_id: int
    device: str
    quantity: str
    statistic: str
    role: str
    part: str | None
    metering_level: int | None


@dataclass(frozen=True, slots=True)
class Amounts:
    """What a channel measured on some days, as the rollup has it now."""

    amount: float | None
    estimated: float | None
    tce_calorific: float | None
    tce_coal_consumption: float | None
    measured_s: float


async def find(connection: Connection, value_id: int) -> Traced | None:
    """Return a value by its id, a replaced one too; None where there is none in scope."""
    row = (await connection.execute(_VALUE, {"id": value_id})).one_or_none()
    if row is None:
        return None
    return Traced(
        row.subject, row.county_code, row.enterprise_id, row.facility_id, row.outlet_id,
        row.quantity, row.uscc, result(row),
    )  # fmt: skip


async def revisions(connection: Connection, traced: Traced) -> list[Revision]:
    """Return all revisions of a figure, the newest first."""
    value = traced.value
    rows = await connection.execute(
        _REVISIONS,
        {
            "county": traced.county_code,
            "subject": traced.subject,
            "indicator": value.indicator,
            "period": value.period,
            "basis": value.basis,
            "as_of": value.as_of,
        },
    )
    return [Revision(*row) for row in rows]


async def enterprise_values(connection: Connection, traced: Traced) -> list[EnterpriseValue]:
    """Return the energy of the enterprises behind a county's value, the largest first."""
    value = traced.value
    rows = await connection.execute(
        _OF_ENTERPRISES,
        {
            "county": traced.county_code,
            "as_of": value.as_of,
            "period": value.period,
            "basis": value.basis,
        },
    )
    return [EnterpriseValue(*row) for row in rows]


async def channels(connection: Connection, traced: Traced) -> list[SourceChannel]:
    """Return the channels that a value of an enterprise, facility or outlet rests on."""
    rows = await connection.execute(
        _CHANNELS,
        {
            "enterprise": traced.enterprise_id,
            "facility": traced.facility_id,
            "outlet": traced.outlet_id,
        },
    )
    return [SourceChannel(*row) for row in rows]


async def amounts(
    connection: Connection, channels: Sequence[int], first: date, stop: date
) -> dict[int, Amounts]:
    """Return what channels measured on the days [first, stop), of those that measured anything."""
    rows = await connection.execute(
        _DAYS, {"channels": list(channels), "first": first, "stop": stop}
    )
    return {row.channel_id: Amounts(*row[1:]) for row in rows}
