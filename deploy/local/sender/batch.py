"""Lines of the input made into documents. No I/O."""

from collections.abc import Iterator

import msgspec

from deploy.local.sender.outcome import Refusal

MOST_READINGS = 100_000  # that a collector takes in one document
MOST_BYTES = 4 * 1024 * 1024  # of a document; the broker takes 8 MiB
MAX_LINE = 8 * 1024 * 1024  # bytes; a document of the input may be as long
MAX_READING = 4_096  # bytes of one reading


class _Line(msgspec.Struct):
    """A reading, which has neither, or a document."""

    readings: list[msgspec.Raw] | None = None
    enterprise: str | None = None


_LINE = msgspec.json.Decoder(_Line)


class Lines:
    """Bytes on their way into lines; one that is too long comes in pieces, none of them whole."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._too_long = False

    def split(self, data: bytes) -> Iterator[tuple[bytes, bool]]:
        """Yield what the bytes complete, and whether it is a whole line."""
        *ends, rest = data.split(b"\n")
        for end in ends:
            self._buffer += end
            yield from self._take(whole=len(self._buffer) <= MAX_LINE)
            self._too_long = False
        self._buffer += rest
        if len(self._buffer) > MAX_LINE:
            self._too_long = True
            yield from self._take(whole=False)

    def rest(self) -> Iterator[tuple[bytes, bool]]:
        """Yield the last line, which the input did not end."""
        yield from self._take(whole=True)

    def _take(self, *, whole: bool) -> Iterator[tuple[bytes, bool]]:
        line, self._buffer = bytes(self._buffer), bytearray()
        yield line, whole and not self._too_long


def readings_of(line: bytes, uscc: str) -> list[bytes] | Refusal:
    """Return the readings of a line, to the letter, or why it holds none that can be sent."""
    try:
        line.decode()
        found = _LINE.decode(line)
    except UnicodeDecodeError as error:
        return _refusal("invalid_utf8", f"{error.reason} at byte {error.start}")
    except (msgspec.DecodeError, RecursionError) as error:
        return _refusal("malformed", str(error))
    if found.enterprise not in (None, uscc):
        return _refusal("not_owner", f"enterprise {found.enterprise}")
    readings = [line.strip()] if found.readings is None else [bytes(r) for r in found.readings]
    if any(len(reading) > MAX_READING for reading in readings):
        return _refusal("too_large", f"a reading of over {MAX_READING:,} bytes")
    return readings


def too_long() -> Refusal:
    """Return why a piece of a line cannot be read."""
    return _refusal("too_large", f"a line of over {MAX_LINE:,} bytes")


def _refusal(code: str, fact: str) -> Refusal:
    return Refusal(
        code,
        f"The line was not sent ({fact}); write one JSON object a line, without NaN.",
        f"该行未上送（{fact}）；每行应为一个 JSON 对象，缺测请不要上送。",
    )


class Batch:
    """Readings for one document, and lines that are none."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._bytes = 0
        self.readings: list[bytes] = []
        self.refused: list[tuple[bytes, Refusal]] = []

    @property
    def empty(self) -> bool:
        """Whether there is nothing to keep."""
        return not (self.readings or self.refused)

    @property
    def full(self) -> bool:
        """Whether it is to be kept before more is added."""
        return len(self.readings) + len(self.refused) >= self._most or self._bytes >= MOST_BYTES

    def add(self, reading: bytes) -> None:
        """Take a reading."""
        self.readings.append(reading)
        self._bytes += len(reading)

    def refuse(self, line: bytes, why: Refusal) -> None:
        """Take a line that is not sent."""
        self.refused.append((line, why))
        self._bytes += len(line)

    def document(self, id_: str) -> bytes:
        """Return the readings as a document."""
        return b'{"id":"%b","readings":[%b]}' % (id_.encode(), b",".join(self.readings))
