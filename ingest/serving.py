"""HTTP for collectors: a server that is one task among several, and bodies within bounds."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request

from ingest.certificates import CHECK_EVERY_S, followed
from ingest.errors import Reason, Rejected, Unavailable
from ingest.protocols.unpacking import unpack

MAX_WIRE = 8 * 1024 * 1024
GRACE_S = 10
PLAIN = ("", "identity")
BODY_WITHIN_S = 60.0  # what it holds of the room is others' room


class Room(Protocol):
    """How much is in flight; bodies are unpacked one at a time, nobody knows to which size."""

    unpacking: asyncio.Lock

    @property
    def full(self) -> bool:
        """Whether a bound is met."""

    @property
    def crowded(self) -> bool:
        """Whether what is not whole yet should be given up."""


async def serve(
    application: Starlette,
    bind: str,
    certificate: str | None = None,
    key: str | None = None,
    check_s: float = CHECK_EVERY_S,
    trusted_proxies: Sequence[str] = (),
) -> None:
    """Serve on host:port until cancelled; requests under way are answered first.

    A renewed certificate is looked for every ``check_s`` seconds. ``trusted_proxies`` are those
    whose X-Forwarded-For tells the address of the peer.
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
        ssl_certfile=certificate,
        ssl_keyfile=key,
        proxy_headers=bool(trusted_proxies),
        forwarded_allow_ips=list(trusted_proxies),
    )
    config.load()
    server = _Server(config)
    serving = asyncio.create_task(server.serve())
    async with followed(config.ssl, certificate, key, check_s):
        try:
            await asyncio.shield(serving)
        except asyncio.CancelledError:
            server.should_exit = True
            await serving
            raise


async def receive(
    request: Request, body: bytearray, room: Room, add: Callable[[int], None]
) -> None:
    """Append a request's body as it comes, and tell how it grows.

    Raises `Rejected` once it is larger than `MAX_WIRE`, `Unavailable` where there is no room for
    it, or it takes too long, or its sender is gone.
    """
    try:
        async with asyncio.timeout(BODY_WITHIN_S):
            async for chunk in request.stream():
                if room.crowded:
                    raise Unavailable("too much is in flight")
                add(len(chunk))
                body += chunk
                if len(body) > MAX_WIRE:
                    raise Rejected(Reason.TOO_LARGE, "8 MiB")
    except (TimeoutError, ClientDisconnect):  # the sender is slow or gone, and sends again
        raise Unavailable("the body did not come") from None


async def unpacked(request: Request, body: bytes, room: Room, add: Callable[[int], None]) -> bytes:
    """Return a body as it was before its Content-Encoding; raises `Rejected`, `Unavailable`."""
    encoding = request.headers.get("content-encoding", "").strip().lower()
    if encoding in PLAIN:
        return body
    async with room.unpacking:
        if room.full:
            raise Unavailable("too much is in flight")
        plain = await asyncio.to_thread(unpack, body, encoding)
        add(len(plain))
        return plain


class _Server(uvicorn.Server):
    """A server that leaves signals to the process it is a task of."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
