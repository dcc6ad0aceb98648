"""Frames of HJ 212 cut out of a stream of bytes, and made.

``##`` + length in four digits + data segment + CRC in four hexadecimal digits + CR LF
(HJ 212-2017, table 2 and appendix A; HJ/T 212-2005 and HJ 212-2025 have the same).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

MAX_SEGMENT = 9_999  # what four digits can say; the standard's 1,024 is exceeded in the field
MAX_EXCERPT = 2_048
SLICE_BYTES = 64 * 1024

_CRC_BYTES = 4
_HEAD_BYTES = 6
# A head that may be good: three digits, or fewer where the bytes end.
_HEAD = re.compile(rb"##(?:[0-9]{3}|[0-9]{0,2}\Z)|#\Z")


def _shifted(register: int) -> int:
    for _ in range(8):
        register = (register >> 1) ^ (0xA001 if register & 1 else 0)
    return register


# Appendix A drops the register's low byte at every step, so its high byte is the whole state.
# The step is linear, and eight steps over zeros lead back to where they began: bytes whose
# places differ by eight act alike, and their exclusive or stands for all of them.
_CRCS = [_shifted(byte) for byte in range(256)]
_FIELDS = {b"%04X" % crc for crc in _CRCS}  # no other CRC can be right
_STEP = bytes(crc >> 8 for crc in _CRCS)
_STEPS = [bytes(range(256))]  # [n][state]: the state n steps over zeros later
while len(_STEPS) < 8:
    _STEPS.append(_STEPS[-1].translate(_STEP))
_CRC_OF = {crc >> 8: crc for crc in _CRCS}
_BLOCK_BYTES = 1_024
_HALVES = [(8 * half, (1 << 8 * half) - 1) for half in (512, 256, 128, 64, 32, 16, 8)]


class Cause(StrEnum):
    """Why bytes were skipped; a closed set, because it labels a counter."""

    NOISE = "noise"  # no head in them
    LENGTH = "length"  # not a number, zero or above the limit
    CRC = "crc"
    TRUNCATED = "truncated"  # given up before its end came


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame whose CRC is right: all of it but CR LF, and its segment in plain."""

    raw: bytes
    segment: bytes


@dataclass(frozen=True, slots=True)
class Skipped:
    """Bytes that belong to no frame: why, how many, and the first `MAX_EXCERPT` of them."""

    cause: Cause
    size: int
    excerpt: bytes


def checksum(segment: bytes) -> int:
    """Return the CRC of a data segment of at least one byte (HJ 212-2017, appendix A)."""
    word = 0
    for start in range(0, len(segment), _BLOCK_BYTES):
        word ^= int.from_bytes(segment[start : start + _BLOCK_BYTES], "little")
    for bits, mask in _HALVES:
        word = (word >> bits) ^ (word & mask)
    state = _STEPS[len(segment) % 8][0xFF]
    for place, byte in enumerate(word.to_bytes(8, "little")):
        state ^= _STEPS[(len(segment) - place) % 8][byte]
    return _CRC_OF[state]


def build(segment: bytes) -> bytes:
    """Return the frame of a segment, as it is sent.

    Raises `ValueError` where four digits cannot say its length, or it is empty.
    """
    if not 0 < len(segment) <= MAX_SEGMENT:
        raise ValueError(f"a segment of {len(segment):,} bytes")
    return b"##%04d%b%04X\r\n" % (len(segment), segment, checksum(segment))


class Framer:
    """The bytes of one connection on their way into frames.

    After a failure the search goes on one byte past the failed ``##``, so that a good frame
    is found inside what a wrong length laid claim to; inside a good frame nothing is searched.
    Between calls less than ``limit`` + 10 bytes wait. A head costs one CRC of its segment, so
    the work grows with the bytes fed, whatever they are.

    ``limit`` is the longest segment, in bytes. ``reveal`` takes a segment as it came and returns
    the plain one, or None, and does not raise: HJ 212-2025 counts the CRC before it enciphers.
    It is asked where the CRC does not fit, and where the bytes are no ASCII, because one
    ciphertext in 256 fits by chance.
    """

    def __init__(
        self, limit: int = MAX_SEGMENT, reveal: Callable[[bytes], bytes | None] | None = None
    ) -> None:
        self._limit = limit
        self._reveal = reveal
        self._buffer = b""

    @property
    def waiting(self) -> int:
        """Return how many bytes wait for the rest of their frame."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[Frame | Skipped]:
        """Return what the bytes complete, in order.

        One failed frame is one `Skipped`, with what follows it up to the next head. CR and LF
        at its edges are not counted. How the stream is cut into calls does not change the
        frames; it may cut what is skipped in two, the second of which is `NOISE`.
        """
        found: list[Frame | Skipped] = []
        for start in range(0, len(data), SLICE_BYTES):
            self._buffer += data[start : start + SLICE_BYTES]
            self._scan(found)
        return found

    def give_up(self) -> list[Frame | Skipped]:
        """Take the frame that waits as failed, and return what was behind its head.

        Others that began there may wait then: at the end of a connection call it until
        nothing does.
        """
        found: list[Frame | Skipped] = []
        self._scan(found, give_up=True)
        return found

    def _scan(self, found: list[Frame | Skipped], *, give_up: bool = False) -> None:
        skipped = position = claimed = 0
        cause: Cause | None = None
        while (match := _HEAD.search(self._buffer, position)) is not None:
            start = match.start()
            outcome, stop = self._judge(start)
            if outcome is None:
                if not give_up:
                    break
                outcome, give_up = Cause.TRUNCATED, False
            if isinstance(outcome, Frame):
                self._skip(skipped, start, cause, found)
                found.append(outcome)
                skipped, position, cause = stop, stop, None
                continue
            if start >= claimed or cause is None:
                self._skip(skipped, start, cause, found)
                skipped, claimed, cause = start, stop, outcome
            position = start + 1
        kept = len(self._buffer) if match is None else match.start()
        self._skip(skipped, kept, cause, found)
        self._buffer = self._buffer[kept:]

    def _judge(self, start: int) -> tuple[Frame | Cause | None, int]:
        """Return the frame at a head, why there is none, or None while bytes are missing.

        Beside it where the frame ends, as far as its head says.
        """
        buffer = self._buffer
        if len(buffer) < start + _HEAD_BYTES:
            return None, len(buffer)
        begin = start + _HEAD_BYTES
        if not buffer[begin - 1 : begin].isdigit():
            begin -= 1  # some send three digits
        length = int(buffer[start + 2 : begin])
        if not 0 < length <= self._limit:
            return Cause.LENGTH, begin
        end = begin + length
        stop = end + _CRC_BYTES
        if len(buffer) < stop:
            return None, stop
        segment = self._proven(buffer[begin:end], buffer[end:stop].upper())
        return (Cause.CRC if segment is None else Frame(buffer[start:stop], segment)), stop

    def _proven(self, segment: bytes, crc: bytes) -> bytes | None:
        """Return the plain segment that a CRC, in capitals, fits; None where it fits none."""
        if crc not in _FIELDS:
            return None
        expected = int(crc, 16)
        fits = checksum(segment) == expected
        if self._reveal is not None and not (fits and segment.isascii()):
            plain = self._reveal(segment)
            if plain and checksum(plain) == expected:
                return plain
        return segment if fits else None

    def _skip(
        self, start: int, stop: int, cause: Cause | None, found: list[Frame | Skipped]
    ) -> None:
        run = self._buffer[start:stop].strip(b"\r\n")
        if cause is None:
            cause = Cause.LENGTH if b"##" in run else Cause.NOISE
        if run:
            found.append(Skipped(cause, len(run), run[:MAX_EXCERPT]))
