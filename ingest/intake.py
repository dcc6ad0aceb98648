"""What every collector does with documents: decode, resolve, keep what is refused, write."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

import asyncpg
import msgspec

from ingest.directory import Directory
from ingest.errors import Reason, Rejected, Unavailable
from ingest.keeper import Keeps, Refused, UnmappedCode
from ingest.monitoring import BYTES_IN_FLIGHT, PAYLOADS, READINGS
from ingest.protocols import json_reading
from ingest.registry import Batch, Sender
from ingest.writer import Outcome, Result, Writes

EXPLAINED = 100  # items of a document with texts; else a broker could not carry many refusals


# One of each is made for every message, and a struct costs a fifth of a dataclass.
class Arrival(msgspec.Struct, frozen=True):
    """A document, and who sent it."""

    sender: Sender
    payload: bytes


class Answer(msgspec.Struct, frozen=True):
    """What a sender is told: counts, and the items that were refused by their place."""

    outcome: Outcome
    rejected: Sequence[tuple[int, Rejected]] = ()
    id: str | None = None
    missing: int = 0  # values that the sender's dialect declares to be none

    @property
    def readings(self) -> int:
        """Return how many readings the document held."""
        told = self.outcome
        return told.stored + told.duplicate + told.revised + len(self.rejected) + self.missing

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
            **({"missing": self.missing} if self.missing else {}),
        }


class _Prepared(msgspec.Struct, frozen=True):
    batch: Batch
    rejected: Sequence[tuple[int, Rejected]]
    id: str | None
    missing: int


class Intake:
    """The way from a payload to its answer, the same for every transport."""

    def __init__(
        self,
        directory: Directory,
        writer: Writes,
        keeper: Keeps,
        pool: asyncpg.Pool,
        bytes_in_flight: int,
    ) -> None:
        self.directory = directory
        self.pool = pool
        self.keeper = keeper
        self._writer = writer
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
            prepared = await self._prepare_all(collector, arrivals)
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
        self._charge_all(collector, arrivals, answers)
        _count(collector, answers)
        return answers

    async def store(self, collector: str, size: int, batches: Sequence[Batch]) -> list[Result]:
        """Return what became of batches, out of payloads of ``size`` bytes, once committed.

        For collectors that decode by themselves; a batch that can never be stored has `Rejected`
        for a result and is for them to keep. Raises `Unavailable`.
        """
        self._occupy(size)
        try:
            results = await self._writer.write(batches)
        except Unavailable:
            PAYLOADS.labels(collector=collector, outcome="unavailable").inc(len(batches))
            raise
        finally:
            self._occupy(-size)
        _count(
            collector,
            [item if isinstance(item, Rejected) else Answer(item) for item in results],
        )
        return results

    def _charge_all(
        self, collector: str, arrivals: Sequence[Arrival], answers: Sequence[Answer | Rejected]
    ) -> None:
        """Charge each sender once for all that it sent."""
        sent: dict[Sender, tuple[int, int]] = {}
        for arrival, told in zip(arrivals, answers, strict=True):
            readings, size = sent.get(arrival.sender, (0, 0))
            readings += told.readings if isinstance(told, Answer) else 0
            sent[arrival.sender] = readings, size + len(arrival.payload)
        for sender, (readings, size) in sent.items():
            self.charge(collector, sender, readings, size)

    def charge(self, collector: str, sender: Sender, readings: int, size: int) -> None:
        """Count what a sender sent against its limits."""
        self.directory.limits.charge(collector, sender.name, sender.due, readings, size)

    async def keep(self, collector: str, sender: str, payload: bytes, rejected: Rejected) -> None:
        """Keep a payload that is refused as a whole; raises `Unavailable` when that fails."""
        await self.keeper.keep(collector, sender, [Refused(payload, rejected)])

    async def keep_parts(self, collector: str, sender: str, parts: Sequence[Refused]) -> None:
        """Keep parts of a payload that are refused; raises `Unavailable` when that fails."""
        if parts:
            await self.keeper.keep(collector, sender, parts)

    async def note(self, collector: str, sender: str, codes: Sequence[UnmappedCode]) -> None:
        """List codes that wait to be mapped; raises `Unavailable` when that fails."""
        if codes:
            await self.keeper.note(collector, sender, codes)

    async def keep_document(self, device_id: int, kind: str, document: str) -> None:
        """Keep what an end device says of itself; see `Keeper.keep_document`."""
        await self.keeper.keep_document(device_id, kind, document)

    async def _prepare_all(
        self, collector: str, arrivals: Sequence[Arrival]
    ) -> list[_Prepared | Rejected]:
        places: dict[Sender, list[int]] = {}
        for place, arrival in enumerate(arrivals):
            places.setdefault(arrival.sender, []).append(place)
        prepared: dict[int, _Prepared | Rejected] = {}
        for sender, its in places.items():
            lot = await self._prepare_lot(sender, [arrivals[place].payload for place in its])
            prepared.update(
                zip(its, lot, strict=True)
                if lot is not None
                else [(place, await self._prepare(collector, arrivals[place])) for place in its]
            )
        return [prepared[place] for place in range(len(arrivals))]

    async def _prepare_lot(self, sender: Sender, payloads: list[bytes]) -> list[_Prepared] | None:
        """Prepare documents of one sender together; None where one needs a look by itself."""
        if len(payloads) == 1 or sender.form is not None:
            return None
        if (lot := json_reading.decode_lot(payloads)) is None:
            return None
        if not lot.enterprises <= {None, sender.uscc}:
            return None
        whole, refused = await self.directory.resolve(sender, lot.readings, datetime.now(UTC))
        if refused:
            return None
        return [
            _Prepared(
                Batch(
                    sender,
                    whole.channels[start:stop],
                    whole.instants[start:stop],
                    whole.values[start:stop],
                    whole.qualities[start:stop],
                ),
                (),
                document,
                0,
            )
            for start, stop, document in zip([0, *lot.stops], lot.stops, lot.ids, strict=False)
        ]

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
            refused = _refused_items(payload, rejected_items, sender.form)
            await self.keeper.keep(collector, sender.name, refused)
        return _Prepared(batch, rejected_items, document.id, document.missing)

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
    document = json_reading.decode(payload, sender.form)
    if document.enterprise not in (None, sender.uscc):
        raise Rejected(Reason.NOT_OWNER, document.enterprise)
    return document


def _answer(prepared: _Prepared, result: Outcome | Rejected) -> Answer | Rejected:
    if isinstance(result, Rejected):
        return result
    return Answer(result, prepared.rejected, prepared.id, prepared.missing)


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
        "missing": sum(answer.missing for answer in taken),
    }
    for outcome, count in counts.items():
        READINGS.labels(collector=collector, outcome=outcome).inc(count)


def _refused_items(
    payload: bytes, rejected: list[tuple[int, Rejected]], form: json_reading.Form | None
) -> list[Refused]:
    """Return the items as documents, one reason to each, so that they can be replayed."""
    indexes: dict[Reason, list[int]] = {}
    first: dict[Reason, Rejected] = {}
    for index, why in rejected:
        indexes.setdefault(why.reason, []).append(index)
        first.setdefault(why.reason, why)
    return [
        Refused(part, first[reason], items)
        for reason, places in indexes.items()
        for part, items in json_reading.extract(payload, places, form)
    ]
