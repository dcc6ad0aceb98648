"""What one unit of each channel's quantity is worth on each day, for statements that multiply.

Which value holds is decided by `service.domain.worth`, once for all channels that have it in
common; a statement joins their few pieces. Its own snapshot may be newer than what was read here:
whoever enters a factor logs the days that it concerns, and they are derived again.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import text

from schemas.quantities import MEDIA
from service.domain.coal_equivalent import CALORIFIC, COAL_CONSUMPTION, Entry, Measured
from service.domain.emissions import Fuel
from service.domain.worth import Known, Piece, pieces
from service.store.engine import Connection


def _list(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in sorted(names))


CARRIER = "carrier_of(c.quantity)"  # of a channel c: reverse active energy is electricity
IS_MEDIUM = f"c.quantity IN ({_list(MEDIA)})"  # 耗能工质: of a channel c

# Enterprise and device count only where a heating value of them was measured.
_KINDS = text(f"""
    WITH measured AS MATERIALIZED (
        SELECT DISTINCT enterprise_id, device_id, quantity
        FROM heating_values WHERE superseded_at IS NULL
    )
    SELECT e.county_code, {CARRIER} AS quantity,
           CASE WHEN d.enterprise_id IN (SELECT enterprise_id FROM measured)
                THEN d.enterprise_id END AS enterprise_id,
           CASE WHEN (c.device_id, c.quantity) IN (SELECT device_id, quantity FROM measured)
                THEN c.device_id END AS device_id,
           c.role <> 'output' AND c.part IS DISTINCT FROM 'renewable' AS has_carbon,
           c.part IS NOT DISTINCT FROM 'renewable' AS is_renewable,
           array_agg(c.channel_id) AS channels
    FROM channels AS c
    JOIN devices AS d USING (device_id)
    JOIN enterprises AS e USING (enterprise_id)
    WHERE c.channel_id = ANY(CAST(:channels AS integer[]))
    GROUP BY 1, 2, 3, 4, 5, 6
""")
_ENTRIES = text("""
    SELECT method AS use, quantity, region, valid_from, valid_to, kgce_per_unit AS value,
           coefficient_id AS number,
           NULL::float8 AS gj_per_unit, NULL::float8 AS tc_per_gj, NULL::float8 AS oxidation
    FROM coefficients
    WHERE superseded_at IS NULL AND quantity = ANY(CAST(:quantities AS text[]))
    UNION ALL
    SELECT 'carbon', quantity, region, valid_from, valid_to, kgco2_per_unit, carbon_factor_id,
           gj_per_unit, tc_per_gj, oxidation
    FROM carbon_factors
    WHERE superseded_at IS NULL AND quantity = ANY(CAST(:quantities AS text[]))
""")
_HEATING = text("""
    SELECT enterprise_id, quantity, device_id, valid_from, valid_to, kj, unit,
           heating_value_id AS number
    FROM heating_values
    WHERE superseded_at IS NULL AND enterprise_id = ANY(CAST(:enterprises AS integer[]))
      AND valid_from < :stop AND coalesce(valid_to, 'infinity') >= :first
""")
# What `parameters` returns, as relations: the kind of a channel, and what it is worth when.
FACTOR = """
    kind AS MATERIALIZED (
        SELECT * FROM unnest(CAST(:kind_channels AS integer[]), CAST(:kinds AS integer[]))
            AS kind (channel_id, kind)
    ),
    worth AS MATERIALIZED (
        SELECT * FROM unnest(
            CAST(:piece_kinds AS integer[]), CAST(:piece_firsts AS date[]),
            CAST(:piece_stops AS date[]), CAST(:kgce AS float8[]),
            CAST(:kgce_by_coal AS float8[]), CAST(:kgco2 AS float8[])
        ) AS worth (kind, first_day, end_day, kgce, kgce_by_coal, kgco2)
    )
"""


@dataclass(frozen=True, slots=True)
class Shared:
    """Channels whose units are worth the same, and that in pieces; renewable ones emit nothing."""

    channels: Sequence[int]
    pieces: Sequence[Piece]
    is_renewable: bool


async def of_channels(
    connection: Connection, channels: Sequence[int], first: date, stop: date
) -> list[Shared]:
    """Return what the units of channels are worth on the days [first, stop)."""
    kinds = (await connection.execute(_KINDS, {"channels": list(channels)})).all()
    quantities = {kind.quantity for kind in kinds}
    entries: dict[tuple[str, str], list[Entry]] = defaultdict(list)
    fuels: dict[int, Fuel] = {}
    for row in await connection.execute(_ENTRIES, {"quantities": sorted(quantities)}):
        entries[row.use, row.quantity].append(
            Entry(row.region, row.valid_from, row.valid_to, row.value, row.number)
        )
        if row.gj_per_unit is not None:
            fuels[row.number] = Fuel(row.gj_per_unit, row.tc_per_gj, row.oxidation)
    heating: dict[tuple[int, str], list[Measured]] = defaultdict(list)
    if enterprises := sorted({kind.enterprise_id for kind in kinds} - {None}):
        bounds = {"enterprises": enterprises, "first": first, "stop": stop}
        for row in await connection.execute(_HEATING, bounds):
            heating[row.enterprise_id, row.quantity].append(
                Measured(row.device_id, row.valid_from, row.valid_to, row.kj, row.unit, row.number)
            )
    return [
        Shared(
            kind.channels,
            list(
                pieces(
                    Known(
                        kind.quantity,
                        kind.county_code,
                        kind.device_id,
                        entries[CALORIFIC, kind.quantity],
                        entries[COAL_CONSUMPTION, kind.quantity],
                        entries["carbon", kind.quantity] if kind.has_carbon else (),
                        fuels,
                        heating[kind.enterprise_id, kind.quantity],
                    ),
                    first,
                    stop,
                )
            ),
            kind.is_renewable,
        )
        for kind in kinds
    ]


def parameters(shared: Sequence[Shared]) -> dict[str, list[Any]]:
    """Return what `FACTOR` takes."""
    channels = [(channel, kind) for kind, each in enumerate(shared) for channel in each.channels]
    rows = [(kind, piece) for kind, each in enumerate(shared) for piece in each.pieces]
    carbon = [
        0.0 if each.is_renewable else piece.carbon and piece.carbon.value
        for each in shared
        for piece in each.pieces
    ]
    return {
        "kind_channels": [channel for channel, _ in channels],
        "kinds": [kind for _, kind in channels],
        "piece_kinds": [kind for kind, _ in rows],
        "piece_firsts": [piece.first for _, piece in rows],
        "piece_stops": [piece.stop for _, piece in rows],
        "kgce": [piece.calorific and piece.calorific.value for _, piece in rows],
        "kgce_by_coal": [
            piece.coal_consumption and piece.coal_consumption.value for _, piece in rows
        ],
        "kgco2": carbon,
    }
