"""HTTP for collectors: a server that is one task among several, and bodies within bounds."""

import asyncio
import contextlib
from collections.abc import Iterator, Sequence

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request

from ingest.certificates import CHECK_EVERY_S, followed
from ingest.errors import Reason, Rejected
from ingest.protocols.unpacking import unpack

MAX_WIRE = 8 * 1024 * 1024
GRACE_S = 10
PLAIN = ("", "identity")


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


async def receive(request: Request, body: bytearray) -> None:
    """Append a request's body as it comes; raises `Rejected` once it is larger than `MAX_WIRE`."""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_WIRE:
            raise Rejected(Reason.TOO_LARGE, "8 MiB")


async def unpacked(request: Request, body: bytes) -> bytes:
    """Return a body as it was before its Content-Encoding; raises `Rejected`."""
    encoding = request.headers.get("content-encoding", "").strip().lower()
    return body if encoding in PLAIN else await asyncio.to_thread(unpack, body, encoding)


class _Server(uvicorn.Server):
    """A server that leaves signals to the process it is a task of."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
