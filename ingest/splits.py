"""Split packets (拆分包): each part is stored by itself; whether a set is complete is known."""

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ingest.monitoring import HJ212_SPLITS
from ingest.protocols.hj212 import Packet

PATIENCE = timedelta(minutes=10)
MAX_SETS = 10_000


@dataclass(slots=True)
class _Parts:
    since: datetime
    wanted: int
    arrived: set[int] = field(default_factory=set)

    @property
    def are_complete(self) -> bool:
        return len(self.arrived) >= self.wanted


class Splits:
    """The sets of the last minutes, by MN, command and DataTime; parts may come in any order."""

    def __init__(self) -> None:
        self._sets: OrderedDict[tuple[str, str, int], _Parts] = OrderedDict()

    def note(self, packet: Packet, at: int, now: datetime) -> list[str]:
        """Note a part; return the MNs of sets that were given up since, once for each."""
        given_up = self._give_up(now)
        if packet.pnum is not None and packet.pno is not None and packet.pnum > 1:
            parts = self._sets.setdefault((packet.mn, packet.cn, at), _Parts(now, packet.pnum))
            was_complete = parts.are_complete
            if 1 <= packet.pno <= parts.wanted:
                parts.arrived.add(packet.pno)
            if parts.are_complete and not was_complete:
                HJ212_SPLITS.labels(outcome="complete").inc()
        return given_up

    def _give_up(self, now: datetime) -> list[str]:
        given_up = []
        while self._sets:
            key, parts = next(iter(self._sets.items()))
            if now - parts.since < PATIENCE and len(self._sets) <= MAX_SETS:
                break
            del self._sets[key]
            if not parts.are_complete:
                HJ212_SPLITS.labels(outcome="incomplete").inc()
                given_up.append(key[0])
        return given_up
