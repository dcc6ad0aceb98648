"""Documents of NHJC end devices (端设备), dialect A: bytes in, requests and items out.

``{"deviceId", "enterpriseCode", "data": [{"dataCode", "dataValue", "inputType", "statType",
"statDate", "uploadDate", "scope", "valid"}, …]}``. What is refused is kept as the same document
without ``deviceId``, which is the device's only secret, and without ``uploadDate``, so that what
is sent again is the same document again.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec

from ingest.errors import Reason, Rejected

MAX_ITEMS = 100_000
MAX_TEXT = 200
EXTRACT_BYTES = 1024 * 1024

Scalar = str | int | float | bool | None


class Item(msgspec.Struct, omit_defaults=True, gc=False, kw_only=True):
    """One item as it was sent, in clear or with its fields enciphered."""

    dataCode: Scalar = None  # noqa: N815 -- names of the wire
    dataValue: Scalar = None  # noqa: N815
    inputType: Scalar = None  # noqa: N815
    statType: Scalar = None  # noqa: N815
    statDate: Scalar = None  # noqa: N815
    scope: Scalar = None
    valid: Scalar = None


class _Envelope(msgspec.Struct):
    deviceId: str | None = None  # noqa: N815
    enterpriseCode: str | None = None  # noqa: N815
    data: list[msgspec.Raw] | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """A document: who says that it sends it, and its items as they came, if it has any."""

    device_key: str
    enterprise: str
    data: list[msgspec.Raw] | None

    @property
    def items(self) -> list[msgspec.Raw]:
        """Return the items of an upload; raises `Rejected` where the document is none."""
        if self.data is None:
            raise Rejected(Reason.BAD_FIELD, "data")
        return self.data


_BOM = b"\xef\xbb\xbf"
_REQUEST = msgspec.json.Decoder(_Envelope)
_ITEM = msgspec.json.Decoder(Item)
_UPLOAD_DATE = re.compile(rb'("uploadDate"\s*:\s*")([^"]*)')
_DEVICE_KEY = re.compile(rb'("deviceId"\s*:\s*")([^"]*)')


def decode(payload: bytes) -> Request:
    """Return a document; raises `Rejected` when it cannot be read as one."""
    payload = payload.removeprefix(_BOM)
    try:
        envelope = _REQUEST.decode(payload)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise _explain(payload, error) from error
    if envelope.data is not None and len(envelope.data) > MAX_ITEMS:
        raise Rejected(Reason.TOO_MANY, f"{MAX_ITEMS:,}")
    enterprise = _name(envelope.enterpriseCode).upper()
    return Request(_name(envelope.deviceId).lower(), enterprise, envelope.data)


def item_of(raw: msgspec.Raw) -> Item:
    """Return one item; raises `Rejected` when it is none."""
    try:
        return _ITEM.decode(raw)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        if "out of range" in str(error):
            raise Rejected(Reason.NOT_FINITE, error) from error
        if isinstance(error, msgspec.ValidationError):
            raise Rejected(Reason.BAD_FIELD, error) from error
        raise _explain(bytes(raw), error) from error


def documents(items: Sequence[bytes]) -> Iterator[tuple[bytes, int]]:
    """Yield documents of items to be kept, and how many each holds.

    A document ends with the item that takes it over `EXTRACT_BYTES`.
    """
    part: list[bytes] = []
    size = 0
    for item in items:
        part.append(item)
        size += len(item)
        if size >= EXTRACT_BYTES:
            yield _document(part), len(part)
            part, size = [], 0
    if part:
        yield _document(part), len(part)


def find_device_key(payload: bytes) -> str:
    """Return who says that it sends a payload that cannot be read; nobody is empty."""
    found = _DEVICE_KEY.search(payload[:4096])
    return "" if found is None else found[2].decode("ascii", errors="replace").lower()


def text_of(payload: bytes) -> str:
    """Return a document to be kept as data, without its secret.

    Raises `Rejected` where it cannot be read whole.
    """
    payload = payload.removeprefix(_BOM)
    try:
        msgspec.json.decode(payload)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise _explain(payload, error) from error
    return _DEVICE_KEY.sub(rb"\1", payload).decode()


def redacted(payload: bytes) -> bytes:
    """Return a payload without its secret, the same whenever it is sent."""
    return _UPLOAD_DATE.sub(rb"\1", _DEVICE_KEY.sub(rb"\1", payload))


def _document(items: list[bytes]) -> bytes:
    return b'{"data":[' + b",".join(items) + b"]}"


def _name(text: str | None) -> str:
    name = (text or "").strip()
    if len(name) > MAX_TEXT:
        raise Rejected(Reason.BAD_FIELD, f"deviceId or enterpriseCode longer than {MAX_TEXT}")
    return name


def _explain(payload: bytes, error: Exception) -> Rejected:
    try:
        payload.decode()
    except UnicodeDecodeError as undecodable:
        return Rejected(Reason.INVALID_UTF8, f"{undecodable.reason} at byte {undecodable.start}")
    if isinstance(error, RecursionError):
        return Rejected(Reason.MALFORMED, "nested too deeply")
    return Rejected(Reason.MALFORMED, error)
