"""Both programs serve TLS and take a renewed certificate while a sender keeps its connection."""

import asyncio
import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import trustme

from deploy.local.database import Database
from deploy.local.settings import CHECKOUT, free_port

AUTHORITY, RENEWED = trustme.CA(), trustme.CA()
CONFIG = """
database = "${QINGYU_DATABASE}"

[[collectors]]
kind = "http"
bind = "${QINGYU_INGEST_BIND}"
certificate = "${CERTIFICATE}"
certificate_key = "${CERTIFICATE_KEY}"
certificate_check_s = 0.1
"""


def write(authority: trustme.CA, folder: Path) -> dict[str, str]:
    made = authority.issue_cert("localhost")
    made.cert_chain_pems[0].write_to_path(str(folder / "server.pem"))
    made.private_key_pem.write_to_path(str(folder / "server.key"))
    return {
        "CERTIFICATE": str(folder / "server.pem"),
        "CERTIFICATE_KEY": str(folder / "server.key"),
    }


def client(authority: trustme.CA, url: str) -> httpx.AsyncClient:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return httpx.AsyncClient(verify=context, base_url=url)


async def is_trusted(authority: trustme.CA, url: str) -> bool:
    """Tell whether a server shows whoever connects now a certificate of an authority."""
    async with client(authority, url) as once:
        try:
            return (await once.get("/healthz")).is_success
        except httpx.TransportError:
            return False


@contextmanager
def running(*arguments: str, **environment: str) -> Iterator[None]:
    process = subprocess.Popen(
        [sys.executable, "-m", *arguments], cwd=CHECKOUT, env={**os.environ, **environment}
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


async def check_renewal(url: str, folder: Path) -> None:
    async with asyncio.timeout(60), client(AUTHORITY, url) as kept:
        while not await is_trusted(AUTHORITY, url):
            await asyncio.sleep(0.1)
        assert (await kept.get("/healthz")).is_success
        write(RENEWED, folder)
        while not await is_trusted(RENEWED, url):
            assert (await kept.get("/healthz")).is_success
        assert (await kept.get("/healthz")).is_success  # it trusts the old one: it is connected yet


async def test_the_collector_over_http(db: Database, tmp_path: Path) -> None:
    bind = f"localhost:{free_port()}"
    config = tmp_path / "ingest.toml"
    config.write_text(CONFIG)
    with running(
        "ingest",
        QINGYU_DATABASE=db.ingest,
        QINGYU_INGEST_BIND=bind,
        QINGYU_INGEST_CONFIG=str(config),
        **write(AUTHORITY, tmp_path),
    ):
        await check_renewal(f"https://{bind}", tmp_path)


async def test_the_api(db: Database, tmp_path: Path) -> None:
    bind = f"localhost:{free_port()}"
    files = {f"QINGYU_{name}": path for name, path in write(AUTHORITY, tmp_path).items()}
    with running("service", "api", QINGYU_DATABASE=db.service, QINGYU_API_BIND=bind, **files):
        await check_renewal(f"https://{bind}", tmp_path)
