"""How far the fleet is, written into `home` for whoever waits for it."""

from dataclasses import dataclass
from pathlib import Path

from deploy.local.fleet import clock, files


@dataclass(frozen=True, slots=True)
class Progress:
    """Whether the fleet is live, and the share of the history that is stored."""

    live: bool
    share: float


def write(home: Path, progress: Progress, until: int) -> None:
    """Write the progress; everything up to ``until`` is stored or waits in a spool."""
    files.write(
        _path(home),
        {
            "phase": "live" if progress.live else "history",
            "share": round(progress.share, 4),
            "until": clock.moment(until).isoformat(),
        },
    )


def read(home: Path) -> Progress | None:
    """Return what the fleet wrote last; None when it wrote nothing."""
    found = files.read(_path(home))
    return None if found is None else Progress(found["phase"] == "live", found["share"])


def forget(home: Path) -> None:
    """Remove what an earlier fleet wrote."""
    _path(home).unlink(missing_ok=True)


def _path(home: Path) -> Path:
    return home / "fleet" / "progress.json"
