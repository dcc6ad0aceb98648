"""Misbehaviour: which enterprise does what, since when and until when.

The commands write episodes into `home`, the running fleet reads them from there.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path

from deploy.local.fleet import clock, files
from deploy.local.fleet.clock import DAY, HOUR, MINUTE
from deploy.local.fleet.meters import Strain
from deploy.local.fleet.monitors import Spell

FURNACE, EXCEED = "furnace", "exceed"
SETTLING = 5 * MINUTE  # from the end of an hour; it is judged within


@dataclass(frozen=True, slots=True)
class Episode:
    """One episode of an enterprise; instants are seconds of the fleet's clock."""

    number: int
    kind: str
    county: str
    uscc: str
    since: int
    until: int | None = None

    @property
    def beginning(self) -> str:
        """Return the name of its beginning."""
        return f"{self.number}"

    @property
    def ending(self) -> str:
        """Return the name of its end."""
        return f"{self.number} ended"


@dataclass(frozen=True, slots=True)
class Conduct:
    """What the episodes of one enterprise make of its meters and its monitor."""

    strains: tuple[Strain, ...] = ()
    spells: tuple[Spell, ...] = ()


def path_in(home: Path) -> Path:
    """Return the file of episodes."""
    return home / "fleet" / "episodes.json"


def load(home: Path) -> list[Episode]:
    """Return all episodes, the oldest first."""
    return [
        Episode(
            item["number"],
            item["kind"],
            item["county"],
            item["uscc"],
            clock.seconds(datetime.fromisoformat(item["since"])),
            clock.seconds(datetime.fromisoformat(item["until"])) if item["until"] else None,
        )
        for item in files.read(path_in(home)) or []
    ]


def save(home: Path, episodes: Sequence[Episode]) -> None:
    """Write all episodes."""
    files.write(
        path_in(home),
        [
            {
                **asdict(item),
                "since": clock.moment(item.since).isoformat(),
                "until": None if item.until is None else clock.moment(item.until).isoformat(),
            }
            for item in episodes
        ],
    )


def begin(
    episodes: Sequence[Episode], kind: str, county: str, uscc: str, now: int
) -> list[Episode]:
    """Return the episodes with a new one of an enterprise.

    A furnace has burned more for the last 24 hours, but never twice at once; an outlet exceeds
    since the beginning of the last clock hour that is judged by now.
    """
    since = ((now - SETTLING) // HOUR - 1) * HOUR
    if kind == FURNACE:
        ended = (e.until for e in episodes if (e.kind, e.uscc) == (kind, uscc))
        since = max([now // HOUR * HOUR - DAY, *(until for until in ended if until is not None)])
    return [*episodes, Episode(len(episodes) + 1, kind, county, uscc, since)]


def end(episodes: Sequence[Episode], now: int) -> list[Episode]:
    """Return the episodes with those that go on ended: a furnace now, an outlet with this hour."""
    ended = []
    for item in episodes:
        until = now if item.kind == FURNACE else max(now // HOUR * HOUR, item.since)
        ended.append(item if item.until is not None else replace(item, until=until))
    return ended


def conduct(episodes: Sequence[Episode], uscc: str) -> Conduct:
    """Return what an enterprise's episodes make of its values."""
    own = [item for item in episodes if item.uscc == uscc]
    return Conduct(
        tuple(Strain(item.since, item.until) for item in own if item.kind == FURNACE),
        tuple(Spell(item.since, item.until) for item in own if item.kind == EXCEED),
    )
