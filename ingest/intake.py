"""What every collector does with a document: decode, resolve, write, keep what is refused."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime

from ingest.directory import Directory
from ingest.errors import Reason, Rejected, Unavailable
from ingest.keeper import Keeper, Refused
from ingest.monitoring import BYTES_IN_FLIGHT, PAYLOADS, READINGS
from ingest.protocols import json_reading
from ingest.registry import Sender
from ingest.writer import Outcome, Writer


@dataclass(frozen=True, slots=True)
class Answer:
    """What a sender is told: counts, and the items that were refused by their place."""

    outcome: Outcome
    rejected: list[tuple[int, Rejected]] = field(default_factory=list)
    id: str | None = None

    def document(self) -> dict[str, object]:
        """Return the answer as it goes over the wire."""
        return {
            **({"id": self.id} if self.id is not None else {}),
            "stored": self.outcome.stored,
            "duplicate": self.outcome.duplicate,
            "revised": self.outcome.revised,
            "rejected": [
                {
                    "index": index,
                    "code": rejected.reason,
                    "detail": rejected.detail,
                    "detail_zh": rejected.detail_zh,
                }
                for index, rejected in self.rejected
            ],
        }


class Intake:
    """The way from a payload to its answer, the same for every transport."""

    def __init__(
        self, directory: Directory, writer: Writer, keeper: Keeper, bytes_in_flight: int
    ) -> None:
        self.directory = directory
        self._writer = writer
        self._keeper = keeper
        self._bound = bytes_in_flight
        self._bytes = 0
        self._room = asyncio.Event()

    @property
    def full(self) -> bool:
        """Whether the bound on rows or bytes in flight is met; senders should be told to wait."""
        return self._writer.full or self._bytes >= self._bound

    async def wait_for_room(self) -> None:
        """Return once neither bound is met."""
        while self.full:
            self._room.clear()
            await self._room.wait()

    async def take(self, collector: str, sender: Sender, payload: bytes) -> Answer:
        """Return the answer to a document once its readings are committed.

        What is refused, the whole or items of it, is kept first. Raises `Rejected` for the whole
        and `Unavailable`.
        """
        self._occupy(len(payload))
        try:
            answer = await self._take(collector, sender, payload)
        except Rejected as rejected:
            await self.keep(collector, sender.name, payload, rejected)
            raise
        except Unavailable:
            PAYLOADS.labels(collector=collector, outcome="unavailable").inc()
            raise
        finally:
            self._occupy(-len(payload))
        PAYLOADS.labels(collector=collector, outcome="stored").inc()
        return answer

    async def keep(self, collector: str, sender: str, payload: bytes, rejected: Rejected) -> None:
        """Keep a payload that is refused as a whole; raises `Unavailable` when that fails."""
        await self._keeper.keep(collector, sender, [Refused(payload, rejected)])
        PAYLOADS.labels(collector=collector, outcome="rejected").inc()

    async def _take(self, collector: str, sender: Sender, payload: bytes) -> Answer:
        document = json_reading.decode(payload)
        if document.enterprise not in (None, sender.uscc):
            raise Rejected(Reason.NOT_OWNER, document.enterprise)
        batch, unresolved = await self.directory.resolve(
            sender, document.readings, datetime.now(UTC)
        )
        rejected = [(item.index, item.reason) for item in document.rejected]
        rejected += [(document.indexes[place], reason) for place, reason in unresolved]
        if rejected:
            rejected.sort(key=lambda item: item[0])
            await self._keeper.keep(collector, sender.name, _refused_items(payload, rejected))
        outcome = await self._writer.write(batch)
        for fate in ("stored", "duplicate", "revised"):
            READINGS.labels(collector=collector, outcome=fate).inc(getattr(outcome, fate))
        READINGS.labels(collector=collector, outcome="rejected").inc(len(rejected))
        return Answer(outcome, rejected, document.id)

    def _occupy(self, size: int) -> None:
        self._bytes += size
        BYTES_IN_FLIGHT.set(self._bytes)
        self._room.set()


def _refused_items(payload: bytes, rejected: list[tuple[int, Rejected]]) -> list[Refused]:
    """Return the items as documents, one reason to each, so that they can be replayed."""
    indexes: dict[Reason, list[int]] = {}
    first: dict[Reason, Rejected] = {}
    for index, why in rejected:
        indexes.setdefault(why.reason, []).append(index)
        first.setdefault(why.reason, why)
    return [
        Refused(part, first[reason], items)
        for reason, places in indexes.items()
        for part, items in json_reading.extract(payload, places)
    ]
