"""A renewed certificate is used for new connections at once; those that are open stay open.

Both programs have this module: they share no code but the shapes.
"""

import asyncio
import contextlib
import logging
import ssl
from collections.abc import AsyncIterator
from os import PathLike, fspath
from pathlib import Path

logger = logging.getLogger(__name__)

CHECK_EVERY_S = 5.0
Name = str | PathLike[str] | None
Stamps = list[tuple[int, int, int] | None]


@contextlib.asynccontextmanager
async def followed(
    context: ssl.SSLContext | None, certificate: Name, key: Name, every_s: float = CHECK_EVERY_S
) -> AsyncIterator[None]:
    """Follow the files of a server's certificate meanwhile; without any there is nothing to do.

    The key may be in the file of the certificate.
    """
    if context is None or certificate is None:
        yield
        return
    files = fspath(certificate), fspath(key or certificate)
    # at once: what is renewed before the task has its turn must not be missed
    loaded = _stamps(*files)
    following = asyncio.create_task(_follow(context, *files, loaded, every_s))
    try:
        yield
    finally:
        following.cancel()


async def _follow(
    context: ssl.SSLContext, certificate: str, key: str, loaded: Stamps, every_s: float
) -> None:
    """Load a server's certificate and key again whenever their files change, until cancelled.

    Files that do not fit, as in the middle of a renewal, are looked at again each time; until
    they do, the certificate that was loaded last is used.
    """
    refused = None
    while True:
        await asyncio.sleep(every_s)
        found = await asyncio.to_thread(_stamps, certificate, key)
        if found == loaded:
            continue
        try:
            # half a load would break the context, and a thread would change it under a handshake
            await asyncio.to_thread(_load, _scratch(), certificate, key)
            _load(context, certificate, key)
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            if found != refused:
                logger.warning("%s cannot be used yet: %s", certificate, error)
            refused = found
        else:
            loaded = found
            logger.info("%s was renewed", certificate)


def _stamps(*files: str) -> Stamps:
    """Return what tells a file from its successor; None where there is none."""
    return [_stamp(Path(name)) for name in files]


def _stamp(file: Path) -> tuple[int, int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _scratch() -> ssl.SSLContext:
    return ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)


def _load(context: ssl.SSLContext, certificate: str, key: str) -> None:
    context.load_cert_chain(certificate, key, password=str)  # an encrypted key is no question
