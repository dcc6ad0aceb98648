"""How far each enterprise has come, and which misbehaviour was acted upon; on disk."""

import sqlite3
from collections.abc import Iterable
from pathlib import Path

_TABLES = """
    CREATE TABLE IF NOT EXISTS reached (uscc TEXT PRIMARY KEY, until INTEGER NOT NULL);
    CREATE TABLE IF NOT EXISTS noticed (what TEXT PRIMARY KEY);
"""


def folder_in(home: Path) -> Path:
    """Return the folder of the notes and of the enterprises' spools."""
    return home / "fleet" / "outbox"


class Notes:
    """What the fleet must not forget beside its documents.

    It is noted after the document that it speaks of is on disk, so a fleet that is killed skips
    nothing; what it does twice the collector finds to be duplicates.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(path)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.executescript(_TABLES)

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def reached(self, uscc: str) -> int | None:
        """Return the instant up to which an enterprise's readings were stored or wait."""
        row = self._database.execute("SELECT until FROM reached WHERE uscc = ?", (uscc,)).fetchone()
        return None if row is None else int(row[0])

    def reach(self, uscc: str, until: int) -> None:
        """Note that an enterprise's readings up to an instant were stored or wait."""
        with self._database:
            self._database.execute("INSERT OR REPLACE INTO reached VALUES (?, ?)", (uscc, until))

    def notice(self, seen: Iterable[str]) -> None:
        """Note what was acted upon."""
        with self._database:
            self._database.executemany("INSERT INTO noticed VALUES (?)", [(what,) for what in seen])

    def noticed(self) -> set[str]:
        """Return what was acted upon."""
        return {row[0] for row in self._database.execute("SELECT what FROM noticed")}
