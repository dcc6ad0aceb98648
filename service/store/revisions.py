"""Coefficients, heating values and carbon factors as they are entered: revisions, never updates."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import TextClause, text

from schemas.locks import Lock
from service.store.engine import Connection, lock


@dataclass(frozen=True, slots=True)
class Kind:
    """A table that keeps revisions: what tells its entries apart, and what each says."""

    table: str
    number: str
    key: tuple[str, ...]
    values: tuple[str, ...]
    read_from: str = ""  # joins for what is shown of a row t beside its own columns
    shown: str = ""
    region: str = "t.region"  # of which withdrawing needs the grant

    @property
    def columns(self) -> str:
        """Return the columns of an entry, with commas between."""
        return ", ".join((*self.key, *self.values))

    @property
    def is_same_key(self) -> str:
        """Return the condition that a row t is of an entry's key."""
        return " AND ".join(f"t.{name} IS NOT DISTINCT FROM :{name}" for name in self.key)

    @property
    def is_same(self) -> str:
        """Return the condition that a row t says what an entry does.

        An entry that names no edition means the one that is known.
        """
        said = [f"t.{name} IS NOT DISTINCT FROM :{name}" for name in self.values]
        return " AND ".join(
            f"(CAST(:edition AS text) IS NULL OR {each})" if "edition" in each else each
            for each in said
        )


COEFFICIENTS = Kind(
    "coefficients",
    "coefficient_id",
    ("quantity", "method", "region", "valid_from"),
    ("kgce_per_unit", "valid_to", "edition", "source", "confirmed"),
)
CARBON_FACTORS = Kind(
    "carbon_factors",
    "carbon_factor_id",
    ("quantity", "region", "valid_from"),
    ("kgco2_per_unit", "gj_per_unit", "tc_per_gj", "oxidation", "valid_to", "edition", "source",
     "confirmed"),
)  # fmt: skip
HEATING_VALUES = Kind(
    "heating_values",
    "heating_value_id",
    ("enterprise_id", "device_id", "quantity", "valid_from"),
    ("kj", "unit", "valid_to", "report", "laboratory", "source", "confirmed"),
    "JOIN enterprises AS e USING (enterprise_id) LEFT JOIN devices AS d USING (device_id)",
    ", e.uscc AS enterprise, d.code AS device",
    "e.county_code",
)


@dataclass(frozen=True, slots=True)
class Entered:
    """How many rows were entered, as a new revision of something, or were there already."""

    entered: int
    revised: int
    unchanged: int


async def enter(
    connection: Connection, kind: Kind, rows: Sequence[dict[str, Any]], actor: str
) -> Entered:
    """Enter rows, each a new revision unless it says what is in force; nothing is overwritten.

    Those who enter take turns, so that revisions follow each other in time.
    """
    if not rows:
        return Entered(0, 0, 0)
    await lock(connection, Lock.FACTORS)
    now = await connection.scalar(text("SELECT clock_timestamp()"))
    known, supersede, append = _statements(kind)
    revisions = []
    for row in rows:
        if await connection.scalar(known, row):
            continue
        entry = {**row, "actor": actor, "now": now}
        await connection.execute(supersede, entry)
        revisions.append(int(await connection.scalar(append, entry) or 0))
    revised = sum(revision > 1 for revision in revisions)
    return Entered(len(revisions), revised, len(rows) - len(revisions))


def _statements(kind: Kind) -> tuple[TextClause, TextClause, TextClause]:
    row = ", ".join(f":{name}" for name in (*kind.key, *kind.values))
    return (
        text(f"""
            SELECT true FROM {kind.table} AS t
            WHERE {kind.is_same_key} AND superseded_at IS NULL AND {kind.is_same}
        """),
        text(f"""
            UPDATE {kind.table} AS t SET superseded_at = :now
            WHERE {kind.is_same_key} AND superseded_at IS NULL
        """),
        text(f"""
            INSERT INTO {kind.table} ({kind.columns}, revision, recorded_by, recorded_at)
            SELECT {row}, coalesce(max(t.revision), 0) + 1, :actor, :now
            FROM {kind.table} AS t
            WHERE {kind.is_same_key}
            RETURNING revision
        """),
    )


async def withdraw(
    connection: Connection, kind: Kind, number: int, regions: Sequence[str], actor: str
) -> bool:
    """Take a row out of force, of regions given as prefixes; it stays readable.

    Returns whether there was one.
    """
    await lock(connection, Lock.FACTORS)
    found = await connection.scalar(
        text(f"""
            UPDATE {kind.table} SET superseded_at = clock_timestamp(), withdrawn_by = :actor
            WHERE {kind.number} = (
                SELECT {kind.number} FROM {kind.table} AS t {kind.read_from}
                WHERE {kind.number} = :number AND {kind.region} LIKE ANY(:regions)
            ) AND superseded_at IS NULL
            RETURNING {kind.number}
        """),
        {"number": number, "actor": actor, "regions": [f"{region}%" for region in regions]},
    )
    return found is not None


async def page(
    connection: Connection,
    kind: Kind,
    filters: dict[str, str | None],
    known_at: datetime | None,
    history: bool,
    limit: int,
    after: int | None,
) -> list[dict[str, Any]]:
    """Return rows in force as known at an instant, or with their history, in order of entry.

    ``filters`` are columns that are to have a value, where one is given. Of an instant only what
    was recorded until then is told, and only what had been superseded then is superseded.
    """
    wanted = [name for name, value in filters.items() if value is not None]
    state = "true" if history else "(t.superseded_at IS NULL OR t.superseded_at > :known_at)"
    rows = await connection.execute(
        text(f"""
            SELECT t.{kind.number} AS id, {", ".join(f"t.{name}" for name in kind.key)},
                   {", ".join(f"t.{name}" for name in kind.values)}, t.revision,
                   t.recorded_by, t.recorded_at,
                   CASE WHEN t.superseded_at <= :known_at THEN t.superseded_at END AS superseded_at,
                   CASE WHEN t.superseded_at <= :known_at THEN t.withdrawn_by END AS withdrawn_by
                   {kind.shown}
            FROM {kind.table} AS t {kind.read_from}
            WHERE t.recorded_at <= :known_at AND {state}
              AND t.{kind.number} > :after
              {"".join(f" AND {_SHOWN_AS.get(name, f't.{name}')} = :{name}" for name in wanted)}
            ORDER BY t.{kind.number}
            LIMIT :limit
        """),
        {
            **{name: filters[name] for name in wanted},
            "known_at": known_at or await connection.scalar(text("SELECT clock_timestamp()")),
            "after": after or 0,
            "limit": limit,
        },
    )
    return [dict(row) for row in rows.mappings()]


_SHOWN_AS = {"enterprise": "e.uscc", "device": "d.code"}
