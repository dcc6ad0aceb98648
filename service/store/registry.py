"""Entering the registry: each row by its natural key, brought up to date where it is there."""

import json
from typing import Any

from sqlalchemy import text

from schemas.quantities import UNITS
from service.store import revisions
from service.store.engine import Connection

_COUNTY = text("""
    INSERT INTO counties (county_code, name_zh, name_en, schematic)
    VALUES (:code, :name_zh, :name_en, CAST(:schematic AS jsonb))
    ON CONFLICT (county_code) DO UPDATE
    SET name_zh = excluded.name_zh, name_en = excluded.name_en, schematic = excluded.schematic
""")
_PARK = text("""
    INSERT INTO parks (park_code, county_code, name_zh, name_en)
    SELECT :code, county_code, :name_zh, :name_en FROM counties WHERE county_code = :county
    ON CONFLICT (park_code) DO UPDATE
    SET county_code = excluded.county_code, name_zh = excluded.name_zh, name_en = excluded.name_en
    RETURNING park_code
""")
_ENTERPRISE = text("""
    INSERT INTO enterprises (uscc, county_code, park_code, name_zh, name_en, trade, above_scale)
    SELECT :uscc, county_code, CAST(:park AS text), :name_zh, :name_en, :trade, :above_scale
    FROM counties WHERE county_code = :county
    ON CONFLICT (uscc) DO UPDATE
    SET county_code = excluded.county_code, park_code = excluded.park_code,
        name_zh = excluded.name_zh, name_en = excluded.name_en, trade = excluded.trade,
        above_scale = excluded.above_scale
    RETURNING enterprise_id
""")
_OUTLET = text("""
    INSERT INTO outlets (enterprise_id, code, name_zh, name_en, permit_code)
    VALUES (:enterprise, :code, :name_zh, :name_en, :permit_code)
    ON CONFLICT (enterprise_id, code) DO UPDATE
    SET name_zh = excluded.name_zh, name_en = excluded.name_en, permit_code = excluded.permit_code
    RETURNING outlet_id
""")
_LIMIT = text("""
    INSERT INTO limits (outlet_id, quantity, averaging, value, reference_oxygen, valid_from,
                        valid_to, source, confirmed)
    VALUES (:outlet, :quantity, :averaging, :value, :reference_oxygen, :valid_from, :valid_to,
            :source, :confirmed)
    ON CONFLICT (outlet_id, quantity, averaging, valid_from) DO UPDATE
    SET value = excluded.value, reference_oxygen = excluded.reference_oxygen,
        valid_to = excluded.valid_to, source = excluded.source, confirmed = excluded.confirmed
""")
_FACILITY = text("""
    INSERT INTO facilities (enterprise_id, code, name_zh, name_en, kind, product)
    VALUES (:enterprise, :code, :name_zh, :name_en, :kind, :product)
    ON CONFLICT (enterprise_id, code) DO UPDATE
    SET name_zh = excluded.name_zh, name_en = excluded.name_en, kind = excluded.kind,
        product = excluded.product
    RETURNING facility_id
""")
_PAIR = text("""
    INSERT INTO facility_pairs (facility_id, treatment_id) VALUES (:facility, :treatment)
    ON CONFLICT DO NOTHING
""")
_DEVICE = text("""
    INSERT INTO devices (enterprise_id, code, name_zh, name_en, kind, metering_level, mn,
                         outlet_id, facility_id)
    VALUES (:enterprise, :code, :name_zh, :name_en, :kind, :metering_level, :mn,
            :outlet, :facility)
    ON CONFLICT (enterprise_id, code) DO UPDATE
    SET name_zh = excluded.name_zh, name_en = excluded.name_en, kind = excluded.kind,
        metering_level = excluded.metering_level, mn = excluded.mn,
        outlet_id = excluded.outlet_id, facility_id = excluded.facility_id
    RETURNING device_id
""")
_CHANNEL = text("""
    INSERT INTO channels (device_id, quantity, statistic, kind, role, unit, scale, label,
                          expected_interval_s, hold_s, plausible_min, plausible_max,
                          plausible_rate, in_service_from, in_service_to, wire_code, basis, part)
    VALUES (:device, :quantity, :statistic, :kind, :role, :unit, :scale, :label,
            :expected_interval_s, :hold_s, :plausible_min, :plausible_max,
            :plausible_rate, :in_service_from, :in_service_to, :wire_code, :basis,
            :part)
    ON CONFLICT (device_id, quantity, statistic) DO UPDATE
    SET kind = excluded.kind, role = excluded.role, unit = excluded.unit, scale = excluded.scale,
        label = excluded.label, expected_interval_s = excluded.expected_interval_s,
        hold_s = excluded.hold_s, plausible_min = excluded.plausible_min,
        plausible_max = excluded.plausible_max, plausible_rate = excluded.plausible_rate,
        in_service_from = excluded.in_service_from, in_service_to = excluded.in_service_to,
        wire_code = excluded.wire_code, basis = excluded.basis, part = excluded.part
    RETURNING channel_id
""")
_SETTING = text("""
    INSERT INTO channel_settings AS known (channel_id, valid_from, multiplier, width)
    VALUES (:channel, :in_service_from, :multiplier, :width)
    ON CONFLICT (channel_id, valid_from) DO UPDATE
    SET multiplier = excluded.multiplier, width = excluded.width
    WHERE (known.multiplier, known.width) IS DISTINCT FROM (excluded.multiplier, excluded.width)
""")


async def enter(connection: Connection, document: dict[str, Any], actor: str) -> int:
    """Enter a checked document; returns how many channels it holds.

    Raises LookupError when it names a county that is not there.
    """
    for county in document["counties"]:
        schematic = county["schematic"]
        await connection.execute(
            _COUNTY, {**county, "schematic": None if schematic is None else json.dumps(schematic)}
        )
    for park in document["parks"]:
        if await connection.scalar(_PARK, park) is None:
            raise LookupError(f"county {park['county']}")
    await revisions.enter(connection, revisions.COEFFICIENTS, document["coefficients"], actor)
    return sum([await _enter_enterprise(connection, item) for item in document["enterprises"]])


async def _enter_enterprise(connection: Connection, item: dict[str, Any]) -> int:
    enterprise = await connection.scalar(_ENTERPRISE, item)
    if enterprise is None:
        raise LookupError(f"county {item['county']}")
    outlets: dict[str | None, int] = {}
    for outlet in item["outlets"]:
        row = {**outlet, "enterprise": enterprise}
        outlets[outlet["code"]] = outlet_id = await connection.scalar(_OUTLET, row)
        for limit in outlet["limits"]:
            await connection.execute(_LIMIT, {**limit, "outlet": outlet_id})
    facilities: dict[str | None, int] = {}
    for facility in item["facilities"]:
        row = {**facility, "enterprise": enterprise}
        facilities[facility["code"]] = await connection.scalar(_FACILITY, row)
    for facility in item["facilities"]:
        for treatment in facility["cleaned_by"]:
            pair = (facilities[facility["code"]], facilities[treatment])
            await connection.execute(_PAIR, {"facility": pair[0], "treatment": pair[1]})
    return sum(
        [
            await _enter_device(connection, enterprise, device, outlets, facilities)
            for device in item["devices"]
        ]
    )


async def _enter_device(
    connection: Connection,
    enterprise: int,
    device: dict[str, Any],
    outlets: dict[str | None, int],
    facilities: dict[str | None, int],
) -> int:
    device_id = await connection.scalar(
        _DEVICE,
        {
            **device,
            "enterprise": enterprise,
            "outlet": outlets.get(device["outlet"]),
            "facility": facilities.get(device["facility"]),
        },
    )
    for channel in device["channels"]:
        await enter_channel(connection, device_id, channel)
    return len(device["channels"])


async def enter_channel(
    connection: Connection, device_id: int | None, channel: dict[str, Any]
) -> int:
    """Enter one checked channel of a device; returns its id."""
    row = {
        **channel,
        "device": device_id,
        "scale": UNITS[channel["unit"]][1],
        "hold_s": channel["hold_s"] or 2 * channel["expected_interval_s"],
    }
    channel_id = int(await connection.scalar(_CHANNEL, row) or 0)
    await connection.execute(_SETTING, {**row, "channel": channel_id})
    return channel_id
