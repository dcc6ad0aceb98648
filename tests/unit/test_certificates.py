"""A renewed certificate is shown to whoever connects next; who is connected stays so."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType

import pytest
import trustme

import ingest.certificates
import service.certificates
from deploy.local.settings import CHECKOUT

AUTHORITY = trustme.CA()


class Files:
    """A server's certificate and key, as files that are renewed one after the other."""

    def __init__(self, folder: Path) -> None:
        self.certificate, self.key = folder / "server.pem", folder / "server.key"
        self.renew(1)

    def renew(self, days: int, *, half: bool = False) -> None:
        """Write a new pair that ends in so many days; half of it is the certificate alone."""
        ends = datetime.now(UTC) + timedelta(days=days)
        made = AUTHORITY.issue_cert("localhost", not_after=ends)
        made.cert_chain_pems[0].write_to_path(str(self.certificate))
        if not half:
            made.private_key_pem.write_to_path(str(self.key))


class Server:
    """An echo over TLS."""

    def __init__(self, port: int, context: ssl.SSLContext) -> None:
        self.port, self.context = port, context

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        client = ssl.create_default_context()
        AUTHORITY.configure_trust(client)
        return await asyncio.open_connection("localhost", self.port, ssl=client)

    async def days(self) -> int:
        """Return for how many more days the certificate of a new connection is good."""
        reader, writer = await self.connect()
        assert await echo(reader, writer)
        shown = writer.get_extra_info("peercert")["notAfter"]
        writer.close()
        left = ssl.cert_time_to_seconds(shown) - datetime.now(UTC).timestamp()
        return round(left / 86_400)

    async def until_days(self, wanted: int) -> None:
        async with asyncio.timeout(90):
            while await self.days() != wanted:
                await asyncio.sleep(0.02)


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    writer.write(b"hello\n")
    return await reader.readline() == b"hello\n"


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


@pytest.fixture(params=[ingest.certificates, service.certificates], ids=["ingest", "service"])
async def server(request: pytest.FixtureRequest, files: Files) -> AsyncIterator[Server]:
    module: ModuleType = request.param

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(line)
        writer.close()

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    listening = await asyncio.start_server(answer, "localhost", 0, ssl=context)
    async with module.followed(context, files.certificate, files.key, 0.01):
        yield Server(listening.sockets[0].getsockname()[1], context)
    listening.close()


async def test_a_renewed_certificate_is_used_and_open_connections_stay(
    server: Server, files: Files
) -> None:
    assert await server.days() == 1
    open_one = await server.connect()
    files.renew(2)
    await server.until_days(2)
    assert await echo(*open_one)
    files.renew(3)
    await server.until_days(3)
    open_one[1].close()


async def test_half_a_renewal_is_waited_out(
    server: Server, files: Files, caplog: pytest.LogCaptureFixture
) -> None:
    files.renew(2, half=True)
    async with asyncio.timeout(90):
        while "cannot be used yet" not in caplog.text:
            assert await server.days() == 1
    files.certificate.unlink()
    assert await server.days() == 1
    files.renew(3)
    await server.until_days(3)


async def test_without_a_certificate_there_is_nothing_to_follow() -> None:
    async with ingest.certificates.followed(None, None, None):
        pass


def test_both_programs_do_the_same() -> None:
    one, other = (CHECKOUT / program / "certificates.py" for program in ("ingest", "service"))
    assert one.read_text() == other.read_text()
