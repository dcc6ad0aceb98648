"""What the items of an NHJC upload say: code, kind of period, instant, number, quality."""

import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from enum import IntEnum

import msgspec

from ingest.errors import Reason, Rejected
from ingest.protocols.nhjc import Item, Scalar, item_of
from ingest.protocols.nhjc_cipher import FieldCipher, is_enciphered
from schemas.nhjc import Dialect, TimeOf, bare, fits
from schemas.reading import QUALITY_NUMBERS, Quality

BEIJING = timezone(timedelta(hours=8))
MAX_CODE = 40
FIRST_YEAR, LAST_YEAR = 1971, 9998
MANUAL_INPUT = "5"  # inputType: 手工填报
_ENCODER = msgspec.json.Encoder()
_LENGTHS = {"quarter": timedelta(minutes=15), "hour": timedelta(hours=1)}
# the graver word counts
_GRAVITY = (Quality.BAD, Quality.UNCERTAIN, Quality.ESTIMATED, Quality.MANUAL, Quality.GOOD)


class StatType(IntEnum):
    """统计类型: what period a value stands for; hours are sent as real-time."""

    REAL_TIME = 0
    DAY = 1
    MONTH = 2
    YEAR = 3

    def fits(self, statistic: str) -> bool:
        """Tell whether a channel in this statistic can take such a value."""
        return fits(self.statistic, statistic)

    @property
    def statistic(self) -> str:
        """Return the statistic that a code without a channel is listed with."""
        return "instant" if self is StatType.REAL_TIME else f"{self.name.lower()}.total"


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One value; ``stated`` is statDate, ``item`` what was sent, in clear."""

    code: str
    kind: StatType
    stated: datetime
    value: float
    quality: int
    item: Item

    @property
    def document(self) -> bytes:
        """Return the item as it is kept where it is refused."""
        return _ENCODER.encode(self.item)


@dataclass(frozen=True, slots=True)
class Refusal:
    """An item that cannot be stored, as it will be kept, and why."""

    document: bytes
    reason: Rejected


@dataclass(frozen=True, slots=True)
class Content:
    """What an upload says, and the items that cannot be read."""

    entries: list[Entry] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)

    @property
    def foreign(self) -> Rejected | None:
        """Return why nothing in it could be deciphered: the whole key is another."""
        if self.entries:
            return None
        reasons = (item.reason for item in self.refused)
        return next((why for why in reasons if why.reason is Reason.DECRYPT_FAILED), None)


def read(items: Sequence[msgspec.Raw], dialect: Dialect, key: bytes | None) -> Content:
    """Return the values of an upload as one device writes them."""
    reader = _Reader(dialect, FieldCipher(key))
    content = Content()
    for raw in items:
        known: Item | None = None
        try:
            known = item_of(raw)
            known = reader.clear(known)
            content.entries.append(reader.entry(known))
        except Rejected as rejected:
            document = bytes(raw) if known is None else _ENCODER.encode(known)
            content.refused.append(Refusal(document, rejected.bare()))
    return content


def start_of(stated: datetime, statistic: str, time_of: TimeOf) -> int:
    """Return the start of the period that statDate names, in microseconds since 1970 UTC.

    A day, month or year is the one that statDate lies in, so that a clock that is seconds off
    makes no second value. Real-time values keep their instant where statDate is the start.
    """
    period = statistic.partition(".")[0]
    day = stated.replace(hour=0, minute=0, second=0, microsecond=0)
    match period:
        case "day":
            start, before = day, day - timedelta(days=1)
        case "month":
            start = day.replace(day=1)
            before = (start - timedelta(days=1)).replace(day=1)
        case "year":
            start = day.replace(month=1, day=1)
            before = start.replace(year=start.year - 1)
        case "quarter" | "hour" if time_of is TimeOf.UPLOAD:
            length = _LENGTHS[period]
            start = day + (stated - day) // length * length
            before = start - length
        case _:
            start = before = stated
    return round((before if time_of is TimeOf.UPLOAD else start).timestamp()) * 1_000_000


class _Reader:
    """Reads items one after the other, each repeated text once."""

    def __init__(self, dialect: Dialect, cipher: FieldCipher) -> None:
        self._dialect = dialect
        self._cipher = cipher
        self._times: dict[str, datetime] = {}

    def clear(self, item: Item) -> Item:
        """Return an item with every field in clear."""
        revealed = {
            name: self._cipher.reveal(name, value)
            for name in item.__struct_fields__
            if isinstance(value := getattr(item, name), str) and is_enciphered(value)
        }
        return msgspec.structs.replace(item, **revealed) if revealed else item

    def entry(self, item: Item) -> Entry:
        if not isinstance(item.dataCode, str):
            raise Rejected(Reason.BAD_FIELD, "dataCode")
        code = bare(item.dataCode.strip())
        if not (0 < len(code) <= MAX_CODE and code.isascii() and code.isalnum()):
            raise Rejected(Reason.BAD_FIELD, f"dataCode={item.dataCode}")
        return Entry(
            code,
            _kind(item.statType),
            self._stated(item.statDate),
            _number(item.dataValue),
            QUALITY_NUMBERS[self._quality(item)],
            item,
        )

    def _stated(self, value: Scalar) -> datetime:
        text = value.strip() if isinstance(value, str) else ""
        if (known := self._times.get(text)) is None:
            known = self._times[text] = _time(text)
        return known

    def _quality(self, item: Item) -> Quality:
        """Return the graver of what `valid` and `inputType` say; an unknown word is a doubt."""
        word = _word(item.valid)
        said = Quality(self._dialect.valid.get(word, "uncertain")) if word else Quality.GOOD
        typed = Quality.MANUAL if _word(item.inputType) == MANUAL_INPUT else Quality.GOOD
        return min(said, typed, key=_GRAVITY.index)


def _kind(value: Scalar) -> StatType:
    word = _word(value)
    if word not in {"0", "1", "2", "3"}:
        raise Rejected(Reason.BAD_FIELD, f"statType={word or '(missing)'}")
    return StatType(int(word))


def _word(value: Scalar) -> str:
    """Return a field as its settings name it: `true` for a boolean, `1` for 1 and 1.0."""
    match value:
        case bool():
            return str(value).lower()
        case float() if value.is_integer():
            return str(int(value))
        case None:
            return ""
        case _:
            return str(value).strip().lower()


def _time(text: str) -> datetime:
    """Return a time of day in Beijing; raises `Rejected` where it is none."""
    moment, _, fraction = text.partition(".")  # some send the milliseconds of their language
    if len(moment) == 19 and moment.isascii() and (not fraction or fraction.isdigit()):
        with suppress(ValueError):
            at = datetime.strptime(moment.replace("T", " "), "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007
            if FIRST_YEAR <= at.year <= LAST_YEAR:  # any period of it can be computed with
                return at.replace(tzinfo=BEIJING)
    raise Rejected(Reason.BAD_FIELD, f"statDate={text or '(missing)'}: yyyy-MM-dd HH:mm:ss")


def _number(value: Scalar) -> float:
    if value is None or isinstance(value, bool):
        raise Rejected(Reason.NOT_NUMBER, "(missing)" if value is None else value)
    text = value.strip() if isinstance(value, str) else ""
    try:
        number = float(text or value)
    except (ValueError, OverflowError):
        raise Rejected(Reason.NOT_NUMBER, value or '""') from None
    if "_" in text or not text.isascii():  # both are numbers to Python
        raise Rejected(Reason.NOT_NUMBER, value)
    if not math.isfinite(number):
        raise Rejected(Reason.NOT_FINITE, value)
    return number
