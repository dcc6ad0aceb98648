"""HTTP for collectors: a server that is one task among several, and bodies within bounds."""

import asyncio
import contextlib
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request

from ingest.errors import Reason, Rejected

MAX_WIRE = 8 * 1024 * 1024
MAX_UNPACKED = 64 * 1024 * 1024
GRACE_S = 10
KNOWN_ADDRESSES = 10_000


async def serve(application: Starlette, bind: str, **options: Any) -> None:
    """Serve on host:port until cancelled; requests under way are answered first.

    ``options`` are uvicorn's.
    """
    host, _, port = bind.rpartition(":")
    config = uvicorn.Config(
        application,
        host=host,
        port=int(port),
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=GRACE_S,
        **options,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve())
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        server.should_exit = True
        await serving
        raise


async def body(request: Request) -> bytes:
    """Return a request's body, unpacked; raises `Rejected` where it is too large or unreadable."""
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        if len(received) > MAX_WIRE:
            raise Rejected(Reason.TOO_LARGE, "8 MiB")
    match request.headers.get("content-encoding", "identity").strip().lower():
        case "identity":
            return bytes(received)
        case "gzip":
            return await asyncio.to_thread(gunzip, bytes(received))
        case other:
            raise Rejected(Reason.BAD_ENCODING, other)


def gunzip(packed: bytes) -> bytes:
    """Unpack at most `MAX_UNPACKED` bytes, whatever the body would grow to."""
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        unpacked = unpacker.decompress(packed, MAX_UNPACKED + 1)
    except zlib.error as error:
        raise Rejected(Reason.BAD_ENCODING, error) from error
    if len(unpacked) > MAX_UNPACKED:
        raise Rejected(Reason.TOO_LARGE, "64 MiB (unpacked)")
    if not unpacker.eof or unpacker.unused_data:
        raise Rejected(Reason.BAD_ENCODING, "the gzip stream is cut or followed by other bytes")
    return unpacked


class Rates:
    """Token buckets by address: how often one may ask before it has proved who it is."""

    def __init__(self, per_minute: int, clock: Callable[[], float]) -> None:
        self._rate = per_minute / 60
        self._burst = float(per_minute)
        self._clock = clock
        self._tokens: dict[str, tuple[float, float]] = {}

    def admits(self, address: str) -> bool:
        """Take a token of an address; tell whether there was one."""
        now = self._clock()
        if address not in self._tokens and len(self._tokens) >= KNOWN_ADDRESSES:
            self._forget(now)
        tokens, since = self._tokens.get(address, (self._burst, now))
        tokens = min(self._burst, tokens + (now - since) * self._rate)
        self._tokens[address] = (max(tokens - 1, 0.0), now)
        return tokens >= 1

    def _forget(self, now: float) -> None:
        """Forget whoever has been silent long enough to have all tokens again; or everybody."""
        self._tokens = {
            address: (tokens, since)
            for address, (tokens, since) in self._tokens.items()
            if tokens + (now - since) * self._rate < self._burst
        }
        if len(self._tokens) >= KNOWN_ADDRESSES:
            self._tokens.clear()


class _Server(uvicorn.Server):
    """A server that leaves signals to the process it is a task of."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
