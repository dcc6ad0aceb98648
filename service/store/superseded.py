"""Entries about meters with everything that they were before: nothing that was entered is lost."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import TextClause, text

from service.store.engine import Connection

# What the triggers that keep revisions note of a row that is voided.
_ACTOR = text("""
    SELECT set_config('qingyu.actor', :actor, true), set_config('qingyu.note', :note, true)
""")


async def name_actor(connection: Connection, actor: str, note: str | None) -> None:
    """Let what the transaction voids say who did it and why."""
    await connection.execute(_ACTOR, {"actor": actor, "note": note or ""})


def entries(table: str, key: str, columns: str) -> str:
    """Return a query of the newest row of each entry, that of a voided one with who voided it."""
    return f"""
        SELECT {key}, {columns}, NULL::timestamptz AS superseded_at, NULL::text AS superseded_by,
               NULL::text AS superseded_note
        FROM {table}s
        UNION ALL
        (
            SELECT DISTINCT ON ({key}) {key}, {columns},
                   superseded_at, superseded_by, superseded_note
            FROM {table}_revisions AS past
            WHERE NOT EXISTS (SELECT FROM {table}s AS live WHERE live.{key} = past.{key})
            ORDER BY {key}, revision DESC
        )
    """


def older(table: str, key: str, columns: str) -> TextClause:
    """Return a query of every superseded row of some entries, newest first."""
    return text(f"""
        SELECT {key} AS entry_id, {columns}, superseded_at, superseded_by, superseded_note
        FROM {table}_revisions
        WHERE {key} = ANY(CAST(:entries AS integer[]))
        ORDER BY revision DESC
    """)


async def history(
    connection: Connection, query: TextClause, found: Sequence[int]
) -> dict[int, list[Any]]:
    """Return the superseded rows of entries, newest first, by entry."""
    past: dict[int, list[Any]] = defaultdict(list)
    for row in await connection.execute(query, {"entries": list(found)}):
        past[row.entry_id].append(row)
    return past
