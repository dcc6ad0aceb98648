"""Log files of local programs."""

from pathlib import Path

KEPT = 3


def rotate(log: Path) -> None:
    """Move ``log`` aside, so that a start writes a new one; the last three are kept."""
    if not log.exists() or log.stat().st_size == 0:
        return
    for number in range(KEPT - 1, 0, -1):
        older = _numbered(log, number)
        if older.exists():
            older.replace(_numbered(log, number + 1))
    log.replace(_numbered(log, 1))


def last_line(log: Path) -> str:
    """Return the last line of ``log`` that says something, for a sentence about a failure."""
    if not log.exists():
        return ""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 4096))
        lines = file.read().decode(errors="replace").splitlines()
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def _numbered(log: Path, number: int) -> Path:
    return log.with_name(f"{log.name}.{number}")
