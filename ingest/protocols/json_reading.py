"""The product's own document, as MQTT and HTTP carry it.

``{"id": …, "enterprise": …, "readings": [{"device", "quantity", "at", "value", …}, …]}``
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import msgspec

from ingest.errors import Reason, Rejected
from schemas.reading import QUALITY_NUMBERS, Quality, Readings

MAX_READINGS = 100_000
MAX_TEXT = 200  # of a code or an id
EXTRACT_BYTES = 1024 * 1024


class _Item(msgspec.Struct, gc=False):
    device: str
    quantity: str
    at: str
    value: float
    quality: Quality = Quality.GOOD
    statistic: str | None = None


class _Document(msgspec.Struct):
    readings: list[_Item]
    id: str | None = None
    enterprise: str | None = None


class _Envelope(msgspec.Struct):
    readings: list[msgspec.Raw]
    id: str | None = None
    enterprise: str | None = None


class _Identified(msgspec.Struct):
    id: str | None = None


@dataclass(frozen=True, slots=True)
class RejectedItem:
    """An item that cannot be stored: its place in the document, and why."""

    index: int
    reason: Rejected


@dataclass(frozen=True, slots=True)
class Document:
    """A decoded document; ``indexes`` are the places of ``readings`` in it.

    ``id`` is the sender's own name for it, repeated in the outcome.
    """

    readings: Readings
    indexes: list[int] | range
    id: str | None = None
    enterprise: str | None = None
    rejected: list[RejectedItem] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Lot:
    """Documents as one: all their readings, where each ends among them, their ids."""

    readings: Readings
    stops: list[int]
    ids: list[str | None]
    enterprises: set[str | None]


_DOCUMENT = msgspec.json.Decoder(_Document)
_ENVELOPE = msgspec.json.Decoder(_Envelope)
_ITEM = msgspec.json.Decoder(_Item)
_IDENTIFIED = msgspec.json.Decoder(_Identified)
_ANY = msgspec.json.Decoder()


def decode(payload: bytes) -> Document:
    """Return the readings of a document and the items that cannot be read.

    Raises `Rejected` when the document as a whole cannot be.
    """
    try:
        document = _DOCUMENT.decode(payload)
    except msgspec.ValidationError:
        return _decode_item_by_item(payload)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise _explain_document(payload, error) from error
    _check(document)
    try:
        readings = _columns(document.readings)
    except (ValueError, OverflowError):  # a time that cannot be read
        return _decode_item_by_item(payload)
    return Document(readings, range(len(readings)), document.id, document.enterprise)


def decode_lot(payloads: Iterable[bytes]) -> Lot | None:
    """Return documents that came together as one, at a fraction of the cost for small ones.

    None where any of them is not read as it is; `decode` then says of each by itself why.
    """
    items: list[_Item] = []
    lot = Lot(Readings([], [], [], []), [], [], set())
    try:
        for payload in payloads:
            document = _DOCUMENT.decode(payload)
            _check(document)
            items += document.readings
            lot.stops.append(len(items))
            lot.ids.append(document.id)
            lot.enterprises.add(document.enterprise)
        return replace(lot, readings=_columns(items))
    except (Rejected, msgspec.DecodeError, RecursionError, ValueError, OverflowError):
        return None


def extract(payload: bytes, indexes: Sequence[int]) -> Iterator[tuple[bytes, int]]:
    """Yield documents of the items at ``indexes``, to the letter, and how many each holds.

    A document ends with the item that takes it over `EXTRACT_BYTES`.
    """
    items = _ENVELOPE.decode(payload).readings
    part: list[msgspec.Raw] = []
    size = 0
    for index in indexes:
        part.append(items[index])
        size += len(bytes(items[index]))
        if size >= EXTRACT_BYTES:
            yield msgspec.json.encode({"readings": part}), len(part)
            part, size = [], 0
    if part:
        yield msgspec.json.encode({"readings": part}), len(part)


def find_id(payload: bytes) -> str | None:
    """Return the id of a document, even of one that is refused as a whole."""
    try:
        return _IDENTIFIED.decode(payload).id
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None


def _decode_item_by_item(payload: bytes) -> Document:
    try:
        envelope = _ENVELOPE.decode(payload)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise _explain_document(payload, error) from error
    _check(envelope)
    items: list[_Item] = []
    indexes: list[int] = []
    rejected: list[RejectedItem] = []
    for index, raw in enumerate(envelope.readings):
        try:
            item = _ITEM.decode(raw)
            _instant(item.at)
        except (msgspec.DecodeError, RecursionError, ValueError, OverflowError) as error:
            rejected.append(RejectedItem(index, _explain_item(raw, error)))
        else:
            items.append(item)
            indexes.append(index)
    return Document(_columns(items), indexes, envelope.id, envelope.enterprise, rejected)


def _check(document: _Document | _Envelope) -> None:
    if len(document.readings) > MAX_READINGS:
        raise Rejected(Reason.TOO_MANY, f"{MAX_READINGS:,}")
    for name in (document.id, document.enterprise):
        if name is not None and len(name) > MAX_TEXT:
            raise Rejected(Reason.BAD_FIELD, f"id or enterprise longer than {MAX_TEXT}")


def _columns(items: list[_Item]) -> Readings:
    return Readings(
        [(item.device, item.quantity, item.statistic) for item in items],
        _instants([item.at for item in items]),
        [item.value for item in items],
        [QUALITY_NUMBERS[item.quality] for item in items],
    )


def _instants(texts: list[str]) -> list[int]:
    """Return instants, reading each text once: a document repeats few."""
    known = {text: _instant(text) for text in set(texts)}
    return [known[text] for text in texts]


def _instant(text: str) -> int:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("no offset")
    return round(at.timestamp() * 1_000_000)


def _explain_document(payload: bytes, error: Exception) -> Rejected:
    try:
        payload.decode()
    except UnicodeDecodeError as undecodable:
        return Rejected(Reason.INVALID_UTF8, f"{undecodable.reason} at byte {undecodable.start}")
    if isinstance(error, RecursionError):
        return Rejected(Reason.MALFORMED, "nested too deeply")
    return Rejected(Reason.MALFORMED, error)


def _explain_item(raw: msgspec.Raw, error: Exception) -> Rejected:
    try:
        item: Any = _ANY.decode(raw)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as malformed:
        return _explain_number(bytes(raw), malformed)
    if not isinstance(item, dict):
        return Rejected(Reason.BAD_FIELD, "an item is not an object")
    if (rejected := _explain_value(item)) is not None:
        return rejected
    if isinstance(text := item.get("at"), str) and (rejected := _explain_time(text)) is not None:
        return rejected
    return Rejected(Reason.BAD_FIELD, error)


def _explain_number(raw: bytes, error: Exception) -> Rejected:
    if "out of range" in str(error):
        return Rejected(Reason.NOT_FINITE, raw.decode(errors="replace"))
    return _explain_document(raw, error)


def _explain_value(item: dict[str, Any]) -> Rejected | None:
    if "value" not in item:
        return Rejected(Reason.NOT_NUMBER, "(missing)")
    value = item["value"]
    if isinstance(value, bool) or not isinstance(value, int | float):
        return Rejected(Reason.NOT_NUMBER, msgspec.json.encode(value).decode())
    return None


def _explain_time(text: str) -> Rejected | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return Rejected(Reason.BAD_TIME, text)
    if at.tzinfo is None:
        return Rejected(Reason.NO_OFFSET, text)
    try:
        _instant(text)
    except (ValueError, OverflowError):
        return Rejected(Reason.BAD_TIME, text)
    return None
