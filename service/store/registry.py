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
                         outlet_id, facility_id, type_code, maker, model, serial_no,
                         accuracy_class, measuring_range, location, calibration_months)
    VALUES (:enterprise, :code, :name_zh, :name_en, :kind, :metering_level, :mn,
            :outlet, :facility, :type_code, :maker, :model, :serial_no,
            :accuracy_class, :measuring_range, :location, :calibration_months)
    ON CONFLICT (enterprise_id, code) DO UPDATE
    SET name_zh = excluded.name_zh, name_en = excluded.name_en, kind = excluded.kind,
        metering_level = excluded.metering_level, mn = excluded.mn,
        outlet_id = excluded.outlet_id, facility_id = excluded.facility_id,
        type_code = excluded.type_code, maker = excluded.maker, model = excluded.model,
        serial_no = excluded.serial_no, accuracy_class = excluded.accuracy_class,
        measuring_range = excluded.measuring_range, location = excluded.location,
        calibration_months = excluded.calibration_months
    RETURNING device_id
""")
_PARENT = text("""
    UPDATE devices AS d SET parent_id = (
        SELECT p.device_id FROM devices AS p
        WHERE p.enterprise_id = d.enterprise_id AND p.code = CAST(:parent AS text)
    )
    WHERE d.enterprise_id = :enterprise AND d.code = :code
    RETURNING parent_id
""")
# Levels that grow from parent to child leave no room for a cycle.
_MISPLACED = text("""
    SELECT d.code, p.code AS parent
    FROM devices AS d
    JOIN devices AS p ON p.enterprise_id = d.enterprise_id AND p.device_id = d.parent_id
    WHERE d.enterprise_id = :enterprise
      AND (p.metering_level < d.metering_level) IS NOT TRUE
    ORDER BY d.code
    LIMIT 1
""")
_CHANNEL = text("""
    INSERT INTO channels (device_id, quantity, statistic, kind, role, label,
                          expected_interval_s, hold_s, plausible_min, plausible_max,
                          plausible_rate, reversible, in_service_from, in_service_to, wire_code,
                          basis, part)
    VALUES (:device, :quantity, :statistic, :kind, :role, :label,
            :expected_interval_s, :hold_s, CAST(:plausible_min AS float8) * :scale,
            CAST(:plausible_max AS float8) * :scale, CAST(:plausible_rate AS float8) * :scale,
            :reversible, :in_service_from, :in_service_to, :wire_code, :basis, :part)
    ON CONFLICT (device_id, quantity, statistic) DO UPDATE
    SET kind = excluded.kind, role = excluded.role,
        label = excluded.label, expected_interval_s = excluded.expected_interval_s,
        hold_s = excluded.hold_s, plausible_min = excluded.plausible_min,
        plausible_max = excluded.plausible_max, plausible_rate = excluded.plausible_rate,
        reversible = excluded.reversible,
        in_service_from = excluded.in_service_from, in_service_to = excluded.in_service_to,
        wire_code = excluded.wire_code, basis = excluded.basis, part = excluded.part
    RETURNING channel_id
""")
# The document speaks of the channel's first setting; later ones are entered by themselves.
_FIRST_SETTING = text("""
    INSERT INTO channel_settings
        (channel_id, valid_from, unit, scale, multiplier, width, recorded_by)
    SELECT :channel, :in_service_from, :unit, :scale, :multiplier, CAST(:width AS float8), :actor
    WHERE NOT EXISTS (SELECT FROM channel_settings WHERE channel_id = :channel)
""")
_CORRECT_FIRST_SETTING = text("""
    UPDATE channel_settings
    SET unit = :unit, scale = :scale, multiplier = :multiplier, width = CAST(:width AS float8),
        ct = CASE WHEN multiplier = :multiplier THEN ct END,
        pt = CASE WHEN multiplier = :multiplier THEN pt END,
        recorded_by = :actor
    WHERE setting_id = (
        SELECT setting_id FROM channel_settings WHERE channel_id = :channel
        ORDER BY valid_from LIMIT 1
    )
      AND (unit, scale, multiplier, width)
          IS DISTINCT FROM (:unit, :scale, :multiplier, CAST(:width AS float8))
""")


class Misplaced(Exception):
    """A meter whose parent is not of a smaller metering level."""

    def __init__(self, device: str, parent: str) -> None:
        super().__init__(device, parent)
        self.device, self.parent = device, parent


async def enter(connection: Connection, document: dict[str, Any], actor: str) -> int:
    """Enter a checked document; returns how many channels it holds.

    Raises LookupError when it names a county or a parent that is not there, and `Misplaced`.
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
    return sum(
        [await _enter_enterprise(connection, item, actor) for item in document["enterprises"]]
    )


async def _enter_enterprise(connection: Connection, item: dict[str, Any], actor: str) -> int:
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
    for device in item["devices"]:
        await _enter_device(connection, enterprise, device, outlets, facilities, actor)
    await _place(connection, enterprise, item["devices"])
    return sum(len(device["channels"]) for device in item["devices"])


async def _place(connection: Connection, enterprise: int, devices: list[dict[str, Any]]) -> None:
    """Set the parents of devices, once all of them are there."""
    for device in devices:
        row = {"enterprise": enterprise, "code": device["code"], "parent": device["parent"]}
        if await connection.scalar(_PARENT, row) is None and device["parent"] is not None:
            raise LookupError(f"device {device['parent']}, the parent of {device['code']}")
    wrong = (await connection.execute(_MISPLACED, {"enterprise": enterprise})).one_or_none()
    if wrong is not None:
        raise Misplaced(wrong.code, wrong.parent)


async def _enter_device(
    connection: Connection,
    enterprise: int,
    device: dict[str, Any],
    outlets: dict[str | None, int],
    facilities: dict[str | None, int],
    actor: str,
) -> None:
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
        await enter_channel(connection, device_id, channel, actor)


async def enter_channel(
    connection: Connection, device_id: int | None, channel: dict[str, Any], actor: str
) -> int:
    """Enter one checked channel of a device; returns its id."""
    row = {
        **channel,
        "actor": actor,
        "device": device_id,
        "scale": UNITS[channel["unit"]][1],
        "hold_s": channel["hold_s"] or 2 * channel["expected_interval_s"],
    }
    channel_id = int(await connection.scalar(_CHANNEL, row) or 0)
    row["channel"] = channel_id
    await connection.execute(_FIRST_SETTING, row)
    await connection.execute(_CORRECT_FIRST_SETTING, row)
    return channel_id
