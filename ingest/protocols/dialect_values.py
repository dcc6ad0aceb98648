"""Instants and values in the forms that gateways declare."""

import json
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from ingest.errors import Reason, Rejected
from ingest.protocols.json_items import explain_time, instant
from schemas.dialect import Dialect, Numbers, TimeForm

# What a meter prints; not what Python also takes for a number: nan, 1_000, １２.
NUMBER = re.compile(r"[+-]?(?:[0-9]{1,40}(?:\.[0-9]{0,40})?|\.[0-9]{1,40})(?:[eE][+-]?[0-9]{1,4})?")
MAX_SHOWN = 100
LATEST_S = 253_402_300_799  # the year 9999
UNITS = {TimeForm.EPOCH_S: 1_000_000, TimeForm.EPOCH_MS: 1_000}  # microseconds

ReadInstant = Callable[[Any], int]


def make_instant_reader(dialect: Dialect) -> ReadInstant:
    """Return a function that reads an instant into microseconds; it raises `Rejected`."""
    match dialect.time:
        case TimeForm.RFC3339:
            return _read_rfc3339
        case TimeForm.LOCAL:
            zone, pattern = ZoneInfo(dialect.zone), dialect.time_format
            return lambda sent: _read_local(sent, zone, pattern)
        case TimeForm.EPOCH_S | TimeForm.EPOCH_MS:
            unit = UNITS[dialect.time]
            return lambda sent: _read_epoch(sent, unit)


class Values:
    """Reads values: numbers, as text where that is declared, and what is declared missing."""

    def __init__(self, dialect: Dialect) -> None:
        self._text = dialect.numbers is Numbers.TEXT_ALLOWED
        self._missing = frozenset(dialect.missing)

    def read(self, sent: Any) -> float | None:
        """Return a value, None where it is declared missing; raises `Rejected`."""
        if isinstance(sent, str):
            text = sent.strip()
            if text in self._missing:
                return None
            if not self._text or not NUMBER.fullmatch(text):
                raise Rejected(Reason.NOT_NUMBER, shown(sent))
            number = float(text)
        elif isinstance(sent, int | float) and not isinstance(sent, bool):
            number = _float(sent)
        elif sent is None and None in self._missing:
            return None
        else:
            raise Rejected(Reason.NOT_NUMBER, "(missing)" if sent is None else shown(sent))
        return None if number in self._missing else number


def shown(sent: Any) -> str:
    """Return a value as it was sent, as far as a sentence can hold it."""
    match sent:
        case str():
            return json.dumps(sent[:MAX_SHOWN], ensure_ascii=False)
        case dict():
            return "{…}"
        case list():
            return "[…]"
        case int() if abs(sent) > 10**MAX_SHOWN:
            return f"of more than {MAX_SHOWN} digits"
        case _:
            return json.dumps(sent)


def _float(sent: float) -> float:
    try:
        return float(sent)
    except OverflowError as error:
        raise Rejected(Reason.NOT_FINITE, "of more than 308 digits") from error


def _read_rfc3339(sent: Any) -> int:
    if not isinstance(sent, str):
        raise Rejected(Reason.BAD_TIME, shown(sent))
    if (rejected := explain_time(sent)) is not None:
        raise rejected
    return instant(sent)


def _read_local(sent: Any, zone: ZoneInfo, pattern: str | None) -> int:
    """Read a local time; one with an offset is taken at its word."""
    if not isinstance(sent, str):
        raise Rejected(Reason.BAD_TIME, shown(sent))
    try:
        text = sent.strip()
        at = datetime.fromisoformat(text) if pattern is None else _parse(text, pattern)
        if at.tzinfo is None:
            at = _placed(at, zone)
        return round(at.timestamp() * 1_000_000)
    except (ValueError, OverflowError) as error:
        raise Rejected(Reason.BAD_TIME, shown(sent)) from error


def _parse(text: str, pattern: str) -> datetime:
    return datetime.strptime(text, pattern)  # noqa: DTZ007 - its zone is added later


def _placed(at: datetime, zone: ZoneInfo) -> datetime:
    """Return a local time with its zone; raises `Rejected` where it occurs twice or never."""
    first, second = at.replace(tzinfo=zone, fold=0), at.replace(tzinfo=zone, fold=1)
    if first.utcoffset() != second.utcoffset():  # within a clock change, back or forth
        raise Rejected(Reason.AMBIGUOUS_TIME, f"{at.isoformat()} {zone.key}")
    return first


def _read_epoch(sent: Any, unit: int) -> int:
    if isinstance(sent, str) and NUMBER.fullmatch(sent.strip()):
        sent = int(sent) if sent.strip().isdigit() else float(sent)
    if isinstance(sent, bool) or not isinstance(sent, int | float):
        raise Rejected(Reason.BAD_TIME, shown(sent))
    if not 0 <= sent * unit <= LATEST_S * 1_000_000:
        raise Rejected(Reason.BAD_TIME, shown(sent))
    return round(sent * unit)
