"""One item of the product's own document: read, or told why it cannot be."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from ingest.errors import Reason, Rejected
from schemas.reading import QUALITY_NUMBERS, Quality, Readings


class Item(msgspec.Struct, gc=False):
    """One reading as it is written."""

    device: str
    quantity: str
    at: str
    value: float
    quality: Quality = Quality.GOOD
    statistic: str | None = None


MAX_READINGS = 100_000  # of a document
# Of 100,000 readings none has so many members; a payload of brackets would take 30 times its size.
MAX_VALUES = 3_000_000

UNREADABLE = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)
_ITEM = msgspec.json.Decoder(Item)
_ANY = msgspec.json.Decoder()


def check_values(payload: bytes) -> None:
    """Raise `Rejected` for a payload of too many values to be made objects of."""
    if len(payload) > MAX_VALUES and sum(map(payload.count, (b",", b"[", b"{"))) > MAX_VALUES:
        raise Rejected(Reason.TOO_MANY, f"{MAX_READINGS:,}")


def decode_item(raw: bytes | msgspec.Raw) -> Item:
    """Return an item whose time can be read; raises `Rejected`."""
    try:
        item = _ITEM.decode(raw)
        instant(item.at)
    except (msgspec.DecodeError, RecursionError, ValueError, OverflowError) as error:
        raise _explain_item(raw, error) from error
    return item


def decode_lines(payload: bytes) -> list[Item]:
    """Return the items of lines that are all as they should be; raises one of `UNREADABLE`."""
    return _ITEM.decode_lines(payload)


def columns(items: Sequence[Item]) -> Readings:
    """Return items as readings; raises ValueError or OverflowError where a time is none."""
    return Readings(
        [(item.device, item.quantity, item.statistic) for item in items],
        _instants([item.at for item in items]),
        [item.value for item in items],
        [QUALITY_NUMBERS[item.quality] for item in items],
    )


def instant(text: str) -> int:
    """Return an RFC 3339 time in microseconds; raises ValueError or OverflowError."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("no offset")
    return round(at.timestamp() * 1_000_000)


def explain_document(payload: bytes, error: Exception) -> Rejected:
    """Return why a text as a whole cannot be read."""
    try:
        payload.decode()
    except UnicodeDecodeError as undecodable:
        return Rejected(Reason.INVALID_UTF8, f"{undecodable.reason} at byte {undecodable.start}")
    if isinstance(error, RecursionError):
        return Rejected(Reason.MALFORMED, "nested too deeply")
    return Rejected(Reason.MALFORMED, error)


def explain_time(text: str) -> Rejected | None:
    """Return why a text is no RFC 3339 time; None where it is one."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return Rejected(Reason.BAD_TIME, text)
    if at.tzinfo is None:
        return Rejected(Reason.NO_OFFSET, text)
    try:
        instant(text)
    except (ValueError, OverflowError):
        return Rejected(Reason.BAD_TIME, text)
    return None


def _instants(texts: list[str]) -> list[int]:
    """Return instants, reading each text once: a document repeats few."""
    known = {text: instant(text) for text in set(texts)}
    return [known[text] for text in texts]


def _explain_item(raw: bytes | msgspec.Raw, error: Exception) -> Rejected:
    try:
        item: Any = _ANY.decode(raw)
    except UNREADABLE as malformed:
        return _explain_number(bytes(raw), malformed)
    if not isinstance(item, dict):
        return Rejected(Reason.BAD_FIELD, "an item is not an object")
    if (rejected := _explain_value(item)) is not None:
        return rejected
    if isinstance(text := item.get("at"), str) and (rejected := explain_time(text)) is not None:
        return rejected
    return Rejected(Reason.BAD_FIELD, error)


def _explain_number(raw: bytes, error: Exception) -> Rejected:
    if "out of range" in str(error):
        return Rejected(Reason.NOT_FINITE, raw.decode(errors="replace"))
    return explain_document(raw, error)


def _explain_value(item: dict[str, Any]) -> Rejected | None:
    if "value" not in item:
        return Rejected(Reason.NOT_NUMBER, "(missing)")
    value = item["value"]
    if isinstance(value, bool) or not isinstance(value, int | float):
        return Rejected(Reason.NOT_NUMBER, msgspec.json.encode(value).decode())
    return None
