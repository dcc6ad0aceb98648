"""The product's own document, as MQTT and HTTP carry it; the way to it from a gateway's own.

``{"id": …, "enterprise": …, "readings": [{"device", "quantity", "at", "value", …}, …]}``
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import msgspec

from ingest.errors import Reason, Rejected
from ingest.protocols.json_items import (
    MAX_READINGS,
    UNREADABLE,
    Item,
    check_values,
    columns,
    decode_item,
    explain_document,
)
from schemas.reading import Readings

MAX_TEXT = 200  # of a code or an id
EXTRACT_BYTES = 1024 * 1024


class _Document(msgspec.Struct):
    readings: list[Item]
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

    ``id`` is the sender's own name for it, repeated in the outcome. ``missing`` counts the values
    that the sender's dialect declares to be none, and that were left out.
    """

    readings: Readings
    indexes: list[int] | range
    id: str | None = None
    enterprise: str | None = None
    rejected: list[RejectedItem] = field(default_factory=list)
    missing: int = 0


class Form(Protocol):
    """Another form of a document, as a sender declared it."""

    def decode(self, payload: bytes) -> Document:
        """Return the readings of a document; raises `Rejected`."""

    def extract(self, payload: bytes, indexes: Sequence[int]) -> Iterator[tuple[bytes, int]]:
        """Yield documents in the sender's form with the items at ``indexes``, and their number."""

    def by_lines(self) -> "Form":
        """Return the form of the same sender where it sends lines (NDJSON)."""


@dataclass(frozen=True, slots=True)
class Lot:
    """Documents as one: all their readings, where each ends among them, their ids."""

    readings: Readings
    stops: list[int]
    ids: list[str | None]
    enterprises: set[str | None]


_DOCUMENT = msgspec.json.Decoder(_Document)
_ENVELOPE = msgspec.json.Decoder(_Envelope)
_IDENTIFIED = msgspec.json.Decoder(_Identified)


def decode(payload: bytes, form: Form | None = None) -> Document:
    """Return the readings of a document and the items that cannot be read.

    Raises `Rejected` when the document as a whole cannot be.
    """
    if form is not None:
        return form.decode(payload)
    try:
        document = _DOCUMENT.decode(payload)
    except msgspec.ValidationError:
        return _decode_item_by_item(payload)
    except UNREADABLE as error:
        raise explain_document(payload, error) from error
    _check(document)
    try:
        readings = columns(document.readings)
    except (ValueError, OverflowError):  # a time that cannot be read
        return _decode_item_by_item(payload)
    return Document(readings, range(len(readings)), document.id, document.enterprise)


def decode_lot(payloads: Iterable[bytes]) -> Lot | None:
    """Return documents that came together as one, at a fraction of the cost for small ones.

    None where any of them is not read as it is; `decode` then says of each by itself why.
    """
    items: list[Item] = []
    lot = Lot(Readings([], [], [], []), [], [], set())
    try:
        for payload in payloads:
            document = _DOCUMENT.decode(payload)
            _check(document)
            items += document.readings
            lot.stops.append(len(items))
            lot.ids.append(document.id)
            lot.enterprises.add(document.enterprise)
        return replace(lot, readings=columns(items))
    except (Rejected, msgspec.DecodeError, RecursionError, ValueError, OverflowError):
        return None


def extract(
    payload: bytes, indexes: Sequence[int], form: Form | None = None
) -> Iterator[tuple[bytes, int]]:
    """Yield documents of the items at ``indexes``, to the letter, and how many each holds.

    They can be decoded in the same form. A document of ours ends with the item that takes it over
    `EXTRACT_BYTES`.
    """
    if form is not None:
        return form.extract(payload, indexes)
    items = _ENVELOPE.decode(payload).readings
    return compose(items[index] for index in indexes)


def compose(items: Iterator[msgspec.Raw]) -> Iterator[tuple[bytes, int]]:
    """Yield documents of items, to the letter, and how many each holds."""
    part: list[msgspec.Raw] = []
    size = 0
    for item in items:
        part.append(item)
        size += len(bytes(item))
        if size >= EXTRACT_BYTES:
            yield msgspec.json.encode({"readings": part}), len(part)
            part, size = [], 0
    if part:
        yield msgspec.json.encode({"readings": part}), len(part)


def find_id(payload: bytes) -> str | None:
    """Return the id of a document, even of one that is refused as a whole."""
    try:
        return _IDENTIFIED.decode(payload).id
    except UNREADABLE:
        return None


def check_count(readings: int) -> None:
    """Raise `Rejected` for more readings than a document may hold."""
    if readings > MAX_READINGS:
        raise Rejected(Reason.TOO_MANY, f"{MAX_READINGS:,}")


def _decode_item_by_item(payload: bytes) -> Document:
    check_values(payload)
    try:
        envelope = _ENVELOPE.decode(payload)
    except UNREADABLE as error:
        raise explain_document(payload, error) from error
    _check(envelope)
    items, indexes, rejected = sort_out(enumerate(envelope.readings))
    return Document(columns(items), indexes, envelope.id, envelope.enterprise, rejected)


def sort_out(
    found: Iterator[tuple[int, msgspec.Raw | bytes]],
) -> tuple[list[Item], list[int], list[RejectedItem]]:
    """Return the items that can be read, their places, and those that cannot be."""
    items: list[Item] = []
    indexes: list[int] = []
    rejected: list[RejectedItem] = []
    for index, raw in found:
        try:
            items.append(decode_item(raw))
            indexes.append(index)
        except Rejected as reason:
            rejected.append(RejectedItem(index, reason.bare()))
    return items, indexes, rejected


def _check(document: _Document | _Envelope) -> None:
    check_count(len(document.readings))
    for name in (document.id, document.enterprise):
        if name is not None and len(name) > MAX_TEXT:
            raise Rejected(Reason.BAD_FIELD, f"id or enterprise longer than {MAX_TEXT}")
