"""The registry as readers see it: enterprises, and the channels behind a question."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text

from service.store.engine import Connection

_ENTERPRISES = text("""
    SELECT e.enterprise_id, e.uscc, e.name_zh, e.name_en, e.county_code, e.park_code, e.trade,
           (SELECT jsonb_agg(jsonb_build_object(
                'code', f.code, 'name_zh', f.name_zh, 'name_en', f.name_en,
                'kind', f.kind, 'product', f.product) ORDER BY f.code)
            FROM facilities AS f WHERE f.enterprise_id = e.enterprise_id) AS facilities,
           (SELECT jsonb_agg(jsonb_build_object(
                'code', o.code, 'name_zh', o.name_zh, 'name_en', o.name_en,
                'permit_code', o.permit_code) ORDER BY o.code)
            FROM outlets AS o WHERE o.enterprise_id = e.enterprise_id) AS outlets,
           (SELECT jsonb_agg(jsonb_build_object(
                'code', d.code, 'name_zh', d.name_zh, 'name_en', d.name_en, 'kind', d.kind,
                'metering_level', d.metering_level, 'quantities', (
                    SELECT jsonb_agg(jsonb_build_object(
                        'quantity', c.quantity, 'statistic', c.statistic, 'kind', c.kind,
                        'role', c.role, 'unit', (
                            SELECT unit FROM channel_settings AS s
                            WHERE s.channel_id = c.channel_id
                            ORDER BY s.valid_from <= now() DESC,
                                abs(extract(epoch FROM now() - s.valid_from))
                            LIMIT 1
                        ), 'wire_code', c.wire_code,
                        'basis', c.basis, 'part', c.part) ORDER BY c.channel_id)
                    FROM channels AS c WHERE c.device_id = d.device_id)) ORDER BY d.code)
            FROM devices AS d WHERE d.enterprise_id = e.enterprise_id) AS devices
    FROM enterprises AS e
    WHERE (CAST(:county AS text) IS NULL OR e.county_code LIKE :county || '%')
      AND (CAST(:after AS text) IS NULL OR e.uscc > :after)
      AND (CAST(:uscc AS text) IS NULL OR e.uscc = :uscc)
    ORDER BY e.uscc
    LIMIT :limit
""")
_SUBJECT = text("""
    SELECT e.enterprise_id, e.county_code, f.facility_id, o.outlet_id
    FROM enterprises AS e
    LEFT JOIN facilities AS f ON f.enterprise_id = e.enterprise_id AND f.code = :facility
    LEFT JOIN outlets AS o ON o.enterprise_id = e.enterprise_id AND o.code = :outlet
    WHERE e.uscc = :uscc
""")
# Readings and rollups carry no policy: they are reached by these channels only.
_CHANNELS = text("""
    SELECT c.channel_id, d.code AS device, c.quantity, c.statistic, c.kind, c.role,
           d.metering_level
    FROM enterprises AS e
    JOIN devices AS d USING (enterprise_id)
    JOIN channels AS c USING (device_id)
    WHERE e.uscc = :uscc
      AND (CAST(:device AS text) IS NULL OR d.code = :device)
      AND (CAST(:quantity AS text) IS NULL OR c.quantity = :quantity)
      AND (CAST(:statistic AS text) IS NULL OR c.statistic = :statistic)
    ORDER BY d.code, c.quantity, c.statistic
""")
_OUTLETS = text("""
    SELECT o.outlet_id, o.code
    FROM enterprises AS e JOIN outlets AS o USING (enterprise_id)
    WHERE e.uscc = :uscc AND (CAST(:outlet AS text) IS NULL OR o.code = :outlet)
    ORDER BY o.code
""")
_METERED = text("""
    SELECT e.enterprise_id, d.device_id, d.code, c.quantity
    FROM enterprises AS e
    LEFT JOIN devices AS d USING (enterprise_id)
    LEFT JOIN channels AS c USING (device_id)
    WHERE e.uscc = :uscc
""")


@dataclass(frozen=True, slots=True)
class Metered:
    """An enterprise, and its devices by their code and a quantity that they measure."""

    enterprise_id: int
    devices: dict[tuple[str, str], int]


_UNITS = text("""
    SELECT channel_id, valid_from, unit FROM channel_settings
    WHERE channel_id = ANY(CAST(:channels AS integer[]))
    ORDER BY channel_id, valid_from
""")


@dataclass(frozen=True, slots=True)
class RegisteredChannel:
    """A channel as it is named on the wire."""

    channel_id: int
    device: str
    quantity: str
    statistic: str
    kind: str
    role: str
    metering_level: int | None


async def enterprises(
    connection: Connection,
    county: str | None,
    uscc: str | None,
    after: str | None,
    limit: int,
) -> list[Any]:
    """Return enterprises with their facilities, outlets and devices, by social credit code."""
    rows = await connection.execute(
        _ENTERPRISES, {"county": county, "uscc": uscc, "after": after, "limit": limit}
    )
    return list(rows)


async def subject(
    connection: Connection, uscc: str, facility: str | None, outlet: str | None
) -> tuple[str, str] | None:
    """Return the county and the subject key of an enterprise, its facility or its outlet.

    An outlet's key lacks the quantity. None where there is no such thing in scope.
    """
    row = (
        await connection.execute(_SUBJECT, {"uscc": uscc, "facility": facility, "outlet": outlet})
    ).one_or_none()
    if row is None or (facility and row.facility_id is None) or (outlet and row.outlet_id is None):
        return None
    if facility:
        return row.county_code, f"facility:{row.facility_id}"
    if outlet:
        return row.county_code, f"outlet:{row.outlet_id}"
    return row.county_code, f"enterprise:{row.enterprise_id}"


async def channels(
    connection: Connection,
    uscc: str,
    device: str | None = None,
    quantity: str | None = None,
    statistic: str | None = None,
) -> list[RegisteredChannel]:
    """Return the channels of an enterprise in scope that fit; none where it is out of scope."""
    rows = await connection.execute(
        _CHANNELS,
        {"uscc": uscc, "device": device, "quantity": quantity, "statistic": statistic},
    )
    return [RegisteredChannel(*row) for row in rows]


class Units:
    """The units in which channels are sent, from which instants on."""

    def __init__(self, rows: Iterable[Any]) -> None:
        self._from: dict[int, list[datetime]] = defaultdict(list)
        self._units: dict[int, list[str]] = defaultdict(list)
        for channel_id, valid_from, unit in rows:
            self._from[channel_id].append(valid_from)
            self._units[channel_id].append(unit)

    def at(self, channel_id: int, instant: datetime) -> str | None:
        """Return the unit in force; before the first setting, the first's; None without any."""
        if channel_id not in self._from:
            return None
        place = bisect_right(self._from[channel_id], instant)
        return self._units[channel_id][max(place - 1, 0)]


async def units(connection: Connection, channels: Sequence[int]) -> Units:
    """Return the units of channels, which came from a query under policy."""
    return Units(await connection.execute(_UNITS, {"channels": list(channels)}))


async def outlets(connection: Connection, uscc: str, outlet: str | None) -> dict[int, str]:
    """Return the codes of an enterprise's outlets in scope, by id."""
    rows = await connection.execute(_OUTLETS, {"uscc": uscc, "outlet": outlet})
    return {row.outlet_id: row.code for row in rows}


async def metered(connection: Connection, uscc: str) -> Metered | None:
    """Return what an enterprise in scope has that measures; None where there is no such one."""
    rows = (await connection.execute(_METERED, {"uscc": uscc})).all()
    if not rows:
        return None
    devices = {(row.code, row.quantity): row.device_id for row in rows if row.quantity is not None}
    return Metered(rows[0].enterprise_id, devices)
