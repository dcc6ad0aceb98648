"""The data segment of HJ 212 in its three versions, and the answers to it.

``QN=…;ST=31;CN=2011;PW=…;MN=…;Flag=5;CP=&&DataTime=…;a24088-Rtd=12.3,a24088-Flag=N&&``
(HJ 212-2017, tables 3 to 5; the printed examples break its rules, so reading is lenient).
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum

from ingest.errors import Reason, Rejected
from ingest.protocols.hj212_frames import build

MAX_FIELD = 64  # characters of a value before CP
MAX_DIGITS = 4  # of PNUM, PNO and Flag
DATA_ANSWER = "9014"
NOTICE_ANSWER = "9013"
NOTICES = {"1013", "9015", "9021"}  # asks for the clock, heartbeat, login of some devices
REPLIES = {"9011", "9012", NOTICE_ANSWER, DATA_ANSWER}

_EPOCH = datetime.fromtimestamp(0, UTC)
_MICROSECOND = timedelta(microseconds=1)


class Version(IntEnum):
    """The version of the standard: Flag without its two lowest bits."""

    V2005 = 0
    V2017 = 1
    V2025 = 2

    __hash__ = int.__hash__  # that of Enum is computed in Python, at every look-up


_VERSIONS = frozenset(Version)


@dataclass(frozen=True, slots=True)
class Packet:
    """One data segment; QN and PW are empty where they were not sent.

    ``asks`` is bit A of Flag. ``pnum`` and ``pno`` are the number of parts and which this is.
    ``resent`` is RF=1 of HJ 212-2025. ``content`` is the text of CP; where CP is no UTF-8 text
    it is empty, and ``sealed`` the bytes as they came.
    """

    qn: str
    st: str
    cn: str
    pw: str
    mn: str
    version: Version
    asks: bool
    pnum: int | None
    pno: int | None
    resent: bool
    content: str
    sealed: bytes | None

    @property
    def wants_answer(self) -> bool:
        """Return whether an answer is asked for and can be given: one repeats the QN."""
        return self.asks and bool(self.qn) and self.cn not in REPLIES

    @property
    def items(self) -> list[tuple[str, str, str]]:
        """Return the name, the suffix ("" where there is none) and the text of CP's items."""
        items = []
        for item in self.content.replace(",", ";").split(";"):
            head, equals, text = item.partition("=")
            name, _, suffix = head.partition("-")
            if equals and name:
                items.append((name, suffix, text))
        return items


def parse(segment: bytes) -> Packet:
    """Return the packet of a segment; raises `Rejected` where ST, CN, MN or CP is missing."""
    before, opening, after = segment.partition(b"CP=&&")
    if not opening or not after.endswith(b"&&"):
        raise Rejected(Reason.BAD_FIELD, "CP=&&…&&")
    fields = _fields(before)
    for name in ("ST", "CN", "MN"):
        if not fields.get(name):
            raise Rejected(Reason.BAD_FIELD, name)
    flag = _whole(fields, "Flag") or 0
    if flag >> 2 not in _VERSIONS:
        raise Rejected(Reason.BAD_FIELD, f"Flag={flag}")
    sealed = None
    try:
        content = after[:-2].decode()
    except UnicodeDecodeError:
        content, sealed = "", after[:-2]
    return Packet(
        qn=fields.get("QN", ""),
        st=fields["ST"],
        cn=fields["CN"],
        pw=fields.get("PW", ""),
        mn=fields["MN"],
        version=Version(flag >> 2),
        asks=bool(flag & 1),
        pnum=_whole(fields, "PNUM"),
        pno=_whole(fields, "PNO"),
        resent=fields.get("RF") == "1",
        content=content,
        sealed=sealed,
    )


def instant(text: str) -> int:
    """Return a time of day in Beijing, to the second or millisecond, in microseconds UTC.

    Raises `Rejected` where it is none.
    """
    if len(text) in {14, 17} and text.isascii() and text.isdigit():
        with suppress(ValueError):
            at = datetime.fromisoformat(f"{text[:8]}T{text[8:14]}+08:00")
            return (at - _EPOCH) // _MICROSECOND + int(text[14:] or 0) * 1_000
    raise Rejected(Reason.BAD_FIELD, f"{text} is no time YYYYMMDDhhmmss")


def answer(packet: Packet) -> bytes | None:
    """Return the answer that a packet asks for, as it is sent; None where it asks for none."""
    if not packet.wants_answer:
        return None
    return notice_answer(packet) if packet.cn in NOTICES else data_answer(packet)


def data_answer(packet: Packet) -> bytes:
    """Return the answer 9014 (HJ 212-2017, 6.1): the data are stored."""
    return _answer(packet, DATA_ANSWER)


def notice_answer(packet: Packet) -> bytes:
    """Return the answer 9013 (HJ 212-2017, 6.1): the notice is taken."""
    return _answer(packet, NOTICE_ANSWER)


def _answer(packet: Packet, cn: str) -> bytes:
    return build(
        f"QN={packet.qn};ST=91;CN={cn};PW={packet.pw};MN={packet.mn};"
        f"Flag={packet.version << 2};CP=&&&&".encode()
    )


def _fields(before: bytes) -> dict[str, str]:
    text = before.decode("ascii", errors="replace")
    if not (text.isascii() and text.isprintable()):
        raise Rejected(Reason.BAD_FIELD, text)
    fields: dict[str, str] = {}
    for pair in text.replace(",", ";").split(";"):
        name, _, value = pair.partition("=")
        if len(value) > MAX_FIELD:
            raise Rejected(Reason.BAD_FIELD, pair)
        fields[name] = value
    return fields


def _whole(fields: dict[str, str], name: str) -> int | None:
    text = fields.get(name)
    if not text:
        return None
    if not text.isdigit() or len(text) > MAX_DIGITS:
        raise Rejected(Reason.BAD_FIELD, f"{name}={text}")
    return int(text)
