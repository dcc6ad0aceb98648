"""What every collector does with documents: decode, resolve, keep what is refused, write."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from ingest.directory import Directory
from ingest.errors import Reason, Rejected, Unavailable
from ingest.keeper import Keeper, Refused
from ingest.monitoring import BYTES_IN_FLIGHT, PAYLOADS, READINGS
from ingest.protocols import json_reading
from ingest.registry import Batch, Sender
from ingest.writer import Outcome, Writer

EXPLAINED = 100  # items of a document with texts; else a broker could not carry many refusals


@dataclass(frozen=True, slots=True)
class Arrival:
    """A document, and who sent it."""

    sender: Sender
    payload: bytes


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
                    **(_texts(rejected) if place < EXPLAINED else {}),
                }
                for place, (index, rejected) in enumerate(self.rejected)
            ],
        }


@dataclass(frozen=True, slots=True)
class _Prepared:
    batch: Batch
    rejected: list[tuple[int, Rejected]]
    id: str | None


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
        self._held = 0
        self._room = asyncio.Event()
        self._turn = asyncio.Lock()
        self.unpacking = asyncio.Lock()  # nobody knows before how large a document becomes

    @property
    def full(self) -> bool:
        """Whether the bound on rows or bytes in flight is met; senders should be told to wait."""
        return self._writer.full or self._bytes + self._held >= self._bound

    @property
    def crowded(self) -> bool:
        """Whether what is not whole yet should be given up: it may fill half of the bound only."""
        return self.full or self._held >= self._bound // 2

    async def wait_for_room(self) -> None:
        """Return once neither bound is met."""
        while self.full:
            self._room.clear()
            await self._room.wait()

    @contextmanager
    def hold(self) -> Iterator[Callable[[int], None]]:
        """Count bytes that a collector holds outside of `take`, given to what this yields."""
        held = 0

        def add(size: int) -> None:
            nonlocal held
            held += size
            self._held += size
            self._tell()

        try:
            yield add
        finally:
            self._held -= held
            self._tell()

    async def take(self, collector: str, arrivals: Sequence[Arrival]) -> list[Answer | Rejected]:
        """Return the answer to each document once the readings of all are committed.

        What is refused, a document or items of one, is kept first. Raises `Unavailable`; nothing
        is then answered, and sending all of it again is harmless.
        """
        size = sum(len(arrival.payload) for arrival in arrivals)
        self._occupy(size)
        try:
            await self._pass_the_turn()
            prepared = [await self._prepare(collector, arrival) for arrival in arrivals]
            batches = [item.batch for item in prepared if isinstance(item, _Prepared)]
            results = iter(await self._writer.write(batches))
            answers: list[Answer | Rejected] = []
            for arrival, item in zip(arrivals, prepared, strict=True):
                answer = _answer(item, next(results)) if isinstance(item, _Prepared) else item
                if isinstance(item, _Prepared) and isinstance(answer, Rejected):
                    await self.keep(collector, arrival.sender.name, arrival.payload, answer)
                answers.append(answer)
        except Unavailable:
            PAYLOADS.labels(collector=collector, outcome="unavailable").inc(len(arrivals))
            raise
        finally:
            self._occupy(-size)
        _count(collector, answers)
        return answers

    async def keep(self, collector: str, sender: str, payload: bytes, rejected: Rejected) -> None:
        """Keep a payload that is refused as a whole; raises `Unavailable` when that fails."""
        await self._keeper.keep(collector, sender, [Refused(payload, rejected)])

    async def _prepare(self, collector: str, arrival: Arrival) -> _Prepared | Rejected:
        sender, payload = arrival.sender, arrival.payload
        try:
            document = _decode(sender, payload)
        except Rejected as rejected:
            await self.keep(collector, sender.name, payload, rejected)
            return rejected
        batch, unresolved = await self.directory.resolve(
            sender, document.readings, datetime.now(UTC)
        )
        rejected_items = [(item.index, item.reason) for item in document.rejected]
        rejected_items += [(document.indexes[place], reason) for place, reason in unresolved]
        if rejected_items:
            rejected_items.sort(key=lambda item: item[0])
            refused = _refused_items(payload, rejected_items)
            await self._keeper.keep(collector, sender.name, refused)
        return _Prepared(batch, rejected_items, document.id)

    async def _pass_the_turn(self) -> None:
        """Let the loop go round between any two that come together.

        Else many senders that were answered together would all be decoded before the first of
        them is written, and database and collector would wait for each other in turns.
        """
        async with self._turn:
            await asyncio.sleep(0)

    def _occupy(self, size: int) -> None:
        self._bytes += size
        self._tell()

    def _tell(self) -> None:
        BYTES_IN_FLIGHT.set(self._bytes + self._held)
        self._room.set()


def _texts(rejected: Rejected) -> dict[str, object]:
    return {"detail": rejected.detail, "detail_zh": rejected.detail_zh}


def _decode(sender: Sender, payload: bytes) -> json_reading.Document:
    document = json_reading.decode(payload)
    if document.enterprise not in (None, sender.uscc):
        raise Rejected(Reason.NOT_OWNER, document.enterprise)
    return document


def _answer(prepared: _Prepared, result: Outcome | Rejected) -> Answer | Rejected:
    if isinstance(result, Rejected):
        return result
    return Answer(result, prepared.rejected, prepared.id)


def _count(collector: str, answers: Sequence[Answer | Rejected]) -> None:
    taken = [answer for answer in answers if isinstance(answer, Answer)]
    if refused := len(answers) - len(taken):
        PAYLOADS.labels(collector=collector, outcome="rejected").inc(refused)
    PAYLOADS.labels(collector=collector, outcome="stored").inc(len(taken))
    counts = {
        "stored": sum(answer.outcome.stored for answer in taken),
        "duplicate": sum(answer.outcome.duplicate for answer in taken),
        "revised": sum(answer.outcome.revised for answer in taken),
        "rejected": sum(len(answer.rejected) for answer in taken),
    }
    for outcome, count in counts.items():
        READINGS.labels(collector=collector, outcome=outcome).inc(count)


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
