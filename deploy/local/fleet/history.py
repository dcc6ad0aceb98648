"""The day on which the demo's history begins: chosen once for a database, then kept."""

from datetime import date
from pathlib import Path

from deploy.local.errors import Cannot
from deploy.local.fleet import files


def first_day(home: Path, wanted: date | None, today: date) -> date:
    """Return the first day, which is noted when it is first asked for.

    It is the day that is wanted, else 1 January of last year. Raises Cannot when another one is
    noted than is wanted.
    """
    if noted := files.read(path_in(home)):
        begun = date.fromisoformat(noted["since"])
        if wanted not in (None, begun):
            raise Cannot(
                f"QINGYU_DEMO_SINCE is {wanted} but this demo has begun on {begun}:"
                " unset it, or start anew with make clean."
            )
        return begun
    begun = wanted or date(today.year - 1, 1, 1)
    files.write(path_in(home), {"since": begun.isoformat()})
    return begun


def path_in(home: Path) -> Path:
    """Return the file that keeps the day."""
    return home / "fleet" / "history.json"
