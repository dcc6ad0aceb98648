"""What was measured and not yet answered for, on disk; and how far each enterprise has come."""

import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path

from deploy.local.fleet.documents import Document

MOST = 20_000  # documents; what does not find room is sent later as quarter hours
_TABLES = """
    CREATE TABLE IF NOT EXISTS documents (
        number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,
        uscc TEXT NOT NULL, payload BLOB NOT NULL);
    CREATE INDEX IF NOT EXISTS documents_uscc ON documents (uscc, number);
    CREATE TABLE IF NOT EXISTS reached (uscc TEXT PRIMARY KEY, until INTEGER NOT NULL);
    CREATE TABLE IF NOT EXISTS noticed (what TEXT PRIMARY KEY);
"""


def path_in(home: Path) -> Path:
    """Return the file of the outbox, in a folder of its own."""
    return home / "fleet" / "outbox" / "outbox.sqlite"


class Outbox:
    """Documents that wait for their outcomes, oldest first.

    A document and how far its enterprise has come are written together, so a fleet that is
    killed neither forgets nor skips anything. A deletion that is lost means a duplicate.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(path)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.executescript(_TABLES)
        counted = self._database.execute("SELECT count(*) FROM documents").fetchone()
        self._count = int(counted[0])

    @property
    def full(self) -> bool:
        """Whether no further document finds room."""
        return self._count >= MOST

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def reached(self, uscc: str) -> int | None:
        """Return the instant up to which an enterprise's readings were stored or wait here."""
        row = self._database.execute("SELECT until FROM reached WHERE uscc = ?", (uscc,)).fetchone()
        return None if row is None else int(row[0])

    def reach(self, uscc: str, until: int) -> None:
        """Note that an enterprise's readings up to an instant were stored."""
        with self._database:
            self._reach(uscc, until)

    def put(self, uscc: str, document: Document, until: int) -> None:
        """Keep a document, which brings its enterprise up to an instant."""
        with self._database:
            self._insert(uscc, document)
            self._reach(uscc, until)

    def notice(self, uscc: str, document: Document | None, seen: Iterable[str]) -> None:
        """Keep a document that corrects what was sent, and what it was made for."""
        with self._database:
            if document is not None:
                self._insert(uscc, document)
            self._database.executemany("INSERT INTO noticed VALUES (?)", [(what,) for what in seen])

    def noticed(self) -> set[str]:
        """Return what was acted upon."""
        return {row[0] for row in self._database.execute("SELECT what FROM noticed")}

    def waiting(self, uscc: str, after: int, most: int) -> Sequence[tuple[int, str, bytes]]:
        """Return number, id and payload of an enterprise's documents after a number."""
        return self._database.execute(
            "SELECT number, id, payload FROM documents WHERE uscc = ? AND number > ?"
            " ORDER BY number LIMIT ?",
            (uscc, after, most),
        ).fetchall()

    def remove(self, id_: str) -> None:
        """Forget a document that was answered for."""
        with self._database:
            self._count -= self._database.execute(
                "DELETE FROM documents WHERE id = ?", (id_,)
            ).rowcount

    def _insert(self, uscc: str, document: Document) -> None:
        self._database.execute(
            "INSERT INTO documents (id, uscc, payload) VALUES (?, ?, ?)",
            (document.id, uscc, document.payload),
        )
        self._count += 1

    def _reach(self, uscc: str, until: int) -> None:
        self._database.execute("INSERT OR REPLACE INTO reached VALUES (?, ?)", (uscc, until))
