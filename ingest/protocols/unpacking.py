"""Bodies as they were before their Content-Encoding, never more of them than a bound."""

import io
import zlib
from collections.abc import Iterator

import zstandard

from ingest.errors import Reason, Rejected

MAX_UNPACKED = 64 * 1024 * 1024
WINDOW = 8 * 1024 * 1024  # RFC 9659: what a receiver of zstd over HTTP has to have
GZIP_PIECE = 4 * 1024 * 1024  # unpacked
PIECE = 512  # bytes of zstd, which grow to 16 MiB at most before the bound is looked at


def unpack(body: bytes, encoding: str) -> bytes:
    """Return a body of a Content-Encoding unpacked; raises `Rejected` (bad_encoding, too_large).

    Takes time in proportion to what it unpacks: call it in a thread.
    """
    match encoding:
        case "gzip" | "x-gzip":
            return _bounded(_gunzip(body))
        case "zstd":
            return _bounded(_unzstd(body))
        case other:
            raise Rejected(Reason.BAD_ENCODING, other)


def _bounded(pieces: Iterator[bytes]) -> bytes:
    unpacked = io.BytesIO()  # whose value is not copied
    for piece in pieces:
        unpacked.write(piece)
        if unpacked.tell() > MAX_UNPACKED:
            raise Rejected(Reason.TOO_LARGE, "64 MiB (unpacked)")
    return unpacked.getvalue()


def _gunzip(body: bytes) -> Iterator[bytes]:
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    rest = body
    try:
        while rest and not unpacker.eof:
            yield unpacker.decompress(rest, GZIP_PIECE)
            rest = unpacker.unconsumed_tail
    except zlib.error as error:
        raise Rejected(Reason.BAD_ENCODING, error) from error
    _check_end("gzip", ended=unpacker.eof, rest=unpacker.unused_data)


def _unzstd(body: bytes) -> Iterator[bytes]:
    unpacker = zstandard.ZstdDecompressor(max_window_size=WINDOW).decompressobj()
    ended = 0
    try:
        for ended in range(0, len(body), PIECE):
            yield unpacker.decompress(body[ended : ended + PIECE])
            if unpacker.eof:
                break
    except zstandard.ZstdError as error:
        raise Rejected(Reason.BAD_ENCODING, f"{error}; window up to 8 MiB") from error
    _check_end("zstd", ended=unpacker.eof, rest=unpacker.unused_data + body[ended + PIECE :])


def _check_end(encoding: str, *, ended: bool, rest: bytes) -> None:
    if not ended:
        raise Rejected(Reason.BAD_ENCODING, f"the {encoding} stream is cut")
    if rest:
        raise Rejected(
            Reason.BAD_ENCODING, f"the {encoding} stream is followed by {len(rest):,} other bytes"
        )
