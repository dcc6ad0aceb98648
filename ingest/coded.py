"""The way of an NHJC upload: to the channels that carry its codes, or into quarantine.

Everything that arrived is in a table before the answer: what has a channel among the readings,
what is refused as a document with the reason, and a code that no channel carries in the list of
those that wait to be mapped, its items kept so that they can be stored afterwards.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from ingest.directory import Directory
from ingest.end_devices import EndDevice
from ingest.errors import Reason, Rejected
from ingest.intake import Answer, Intake
from ingest.keeper import Refused, UnmappedCode
from ingest.monitoring import READINGS, REPLAY
from ingest.protocols.nhjc import documents
from ingest.protocols.nhjc_items import Content, Entry, Refusal, StatType, start_of
from ingest.registry import Batch
from schemas.nhjc import COLLECTOR
from schemas.reading import Coded

MAX_LISTED = 1_000  # codes of one upload; a device has a few hundred at most, the items are kept


@dataclass(slots=True)
class _Divided:
    """An upload divided by what becomes of its entries."""

    batch: Batch
    refused: list[Refusal] = field(default_factory=list)
    unmapped: list[Entry] = field(default_factory=list)


async def take(
    intake: Intake, device: EndDevice, content: Content, size: int, *, replayed: bool = False
) -> Answer | Rejected:
    """Return the answer once everything of an upload of ``size`` bytes is committed somewhere.

    Raises `Unavailable`; sending all of it again is then harmless.
    """
    divided = divide(intake.directory, device, content.entries, datetime.now(UTC))
    refused = [*content.refused, *divided.refused]
    why = Rejected(Reason.UNKNOWN_CODE, ", ".join(sorted({e.code for e in divided.unmapped})))
    refused += [Refusal(entry.document, why) for entry in divided.unmapped]
    collector = REPLAY if replayed else COLLECTOR  # of the counters
    await keep(intake, device, refused)
    if not replayed:
        await intake.note(COLLECTOR, device.sender.name, _listed(device, divided.unmapped))
    [result] = await intake.store(collector, size, [divided.batch])
    READINGS.labels(collector=collector, outcome="rejected").inc(len(refused))
    if isinstance(result, Rejected):  # no value that was read is one that cannot be stored
        return result
    return Answer(result, [(place, refusal.reason) for place, refusal in enumerate(refused)])


async def keep(intake: Intake, device: EndDevice, refused: Sequence[Refusal]) -> None:
    """Keep refused items, so that they can be replayed; raises `Unavailable`."""
    await intake.keep_parts(COLLECTOR, device.sender.name, list(_parts(refused)))


def divide(
    directory: Directory, device: EndDevice, entries: Sequence[Entry], now: datetime
) -> _Divided:
    """Return entries with their channels, what is refused, and what no channel carries."""
    divided = _Divided(Batch(device.sender, [], [], [], []))
    known: dict[tuple[str, StatType], tuple[int, str] | Rejected | None] = {}
    by_device: dict[int, list[tuple[Entry, str]]] = {}
    for entry in entries:
        key = (entry.code, entry.kind)
        if key not in known:
            known[key] = _carrier(directory, device, *key)
        match known[key]:
            case None:
                divided.unmapped.append(entry)
            case Rejected() as rejected:
                divided.refused.append(Refusal(entry.document, rejected))
            case device_id, statistic:
                by_device.setdefault(device_id, []).append((entry, statistic))
    for device_id, found in by_device.items():
        _admit(directory, device, device_id, found, now, divided)
    return divided


def _carrier(
    directory: Directory, device: EndDevice, code: str, kind: StatType
) -> tuple[int, str] | Rejected | None:
    """Return device and statistic of the channel of a code, its own device's before others."""
    fitting = [
        carrier
        for carrier in directory.carriers(device.sender.enterprise_id, code)
        if kind.fits(carrier[1])
    ]
    own = [carrier for carrier in fitting if carrier[0] == device.device_id]
    match own or fitting:
        case []:
            return None
        case [carrier]:
            return carrier
        case _:
            return Rejected(Reason.AMBIGUOUS_STATISTIC, code)


def _admit(
    directory: Directory,
    device: EndDevice,
    device_id: int,
    found: Sequence[tuple[Entry, str]],
    now: datetime,
    divided: _Divided,
) -> None:
    values = [
        Coded(
            (entry.code,),
            statistic,
            start_of(entry.stated, statistic, device.dialect.time_of),
            entry.value,
            entry.quality,
        )
        for entry, statistic in found
    ]
    batch, refused, unmapped = directory.admit(device_id, device.sender, values, now)
    for column in ("channels", "instants", "values", "qualities"):
        getattr(divided.batch, column).extend(getattr(batch, column))
    divided.refused += [Refusal(found[place][0].document, why) for place, why in refused]
    divided.unmapped += [found[place][0] for place in unmapped]


def _listed(device: EndDevice, entries: Iterable[Entry]) -> list[UnmappedCode]:
    """Return one row for each code and kind of period, with its newest value."""
    groups: dict[tuple[str, str], list[tuple[int, float]]] = {}
    for entry in entries:
        statistic = entry.kind.statistic
        at = start_of(entry.stated, statistic, device.dialect.time_of)
        groups.setdefault((entry.code, statistic), []).append((at, entry.value))
    listed = []
    for (code, statistic), values in list(groups.items())[:MAX_LISTED]:
        last_at, last_value = max(values, key=lambda value: value[0])
        first_at = min(at for at, _ in values)
        listed.append(
            UnmappedCode(
                code, statistic, _moment(first_at), _moment(last_at), last_value, len(values)
            )
        )
    return listed


def _moment(microseconds: int) -> datetime:
    return datetime.fromtimestamp(microseconds / 1_000_000, UTC)


def _parts(refused: Sequence[Refusal]) -> Iterable[Refused]:
    """Yield the items as documents, one reason to each, so that they can be replayed."""
    by_reason: dict[Reason, list[Refusal]] = {}
    for refusal in refused:
        by_reason.setdefault(refusal.reason.reason, []).append(refusal)
    for same in by_reason.values():
        for document, items in documents([refusal.document for refusal in same]):
            yield Refused(document, same[0].reason, items)
