"""MQTT over TLS: collector and sender with certificates, and what a wrong one is told."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest
import trustme

from deploy.local import database
from deploy.local.database import Database
from deploy.local.dynamic_security import COLLECTOR
from deploy.local.mosquitto import Broker
from deploy.local.postgres import Cluster
from deploy.local.runtime import Runtime
from deploy.local.settings import CHECKOUT, free_port
from deploy.local.tls import Tls
from service.control import Address as ServiceAddress
from service.control import BrokerAway, Control
from tests.conftest import COLLECTOR_PASSWORD
from tests.registry import Plant, add_plant

CONFIGURATION = """
database = "${QINGYU_DATABASE}"

[[collectors]]
kind = "mqtt"
broker = "${QINGYU_MQTT}"
user = "${QINGYU_MQTT_USER}"
password = "${QINGYU_MQTT_PASSWORD}"
slot = "tls"
tls = true
"""


class Certificates:
    """Files of two authorities: the broker's, and one that signed nothing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._right, wrong = trustme.CA(), trustme.CA()
        self.authority = self._write("authority.pem", self._right.cert_pem)
        self.wrong_authority = self._write("wrong.pem", wrong.cert_pem)
        self.certificate, self.key = self.issue("127.0.0.1")

    def issue(self, name: str) -> tuple[Path, Path]:
        issued = self._right.issue_cert(name)
        chain = b"".join(blob.bytes() for blob in issued.cert_chain_pems)
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        certificate.write_bytes(chain)
        key.write_bytes(issued.private_key_pem.bytes())
        for path in (certificate, key):
            path.chmod(0o644)  # the broker may run as another user
        return certificate, key

    def _write(self, name: str, pem: trustme.Blob) -> Path:
        path = self.folder / name
        pem.write_to_path(path)
        path.chmod(0o644)
        return path


@pytest.fixture(scope="module")
def certificates() -> Iterator[Certificates]:
    folder = Path(tempfile.mkdtemp(prefix="qingyu-tls-"))
    folder.chmod(0o755)
    yield Certificates(folder)
    shutil.rmtree(folder)


@pytest.fixture(params=[False, True], ids=["", "with client certificates"])
def broker(
    request: pytest.FixtureRequest, runtime: Runtime, scratch: Path, certificates: Certificates
) -> Iterator[Broker]:
    tls = Tls(
        free_port(),
        certificates.certificate,
        certificates.key,
        certificates.authority if request.param else None,
    )
    broker = Broker(runtime, scratch / uuid.uuid4().hex, free_port(), tls=tls)
    broker.let_in({COLLECTOR: COLLECTOR_PASSWORD})
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture(scope="module")
def db(durable: Cluster) -> Database:
    name = f"test_{uuid.uuid4().hex[:12]}"
    asyncio.run(database.create(durable, name))
    database.migrate(durable, name)
    return asyncio.run(database.open_logins(durable, name))


@pytest.fixture
async def owner(db: Database) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(db.owner)
    yield connection
    await connection.close()


_numbers = iter(range(700, 800))


@pytest.fixture
async def plant(owner: asyncpg.Connection, broker: Broker) -> Plant:
    plant = await add_plant(owner, number=next(_numbers))
    broker.let_in({plant.uscc: "secret"})
    return plant


def collector(db: Database, broker: Broker, folder: Path, **files: Path) -> subprocess.Popen[str]:
    """Start a collector with these files of certificates; its log is its standard error."""
    assert broker.tls is not None
    lines = [f'{name} = "{path}"\n' for name, path in files.items()]
    (folder / "ingest.toml").write_text(CONFIGURATION + "".join(lines))
    environment = {
        **os.environ,
        "PYTHONUNBUFFERED": "1",
        "QINGYU_INGEST_CONFIG": str(folder / "ingest.toml"),
        "QINGYU_DATABASE": db.ingest,
        "QINGYU_MQTT": f"127.0.0.1:{broker.tls.port}",
        "QINGYU_MQTT_USER": COLLECTOR,
        "QINGYU_MQTT_PASSWORD": COLLECTOR_PASSWORD,
    }
    return subprocess.Popen(
        [sys.executable, "-m", "ingest"],
        cwd=CHECKOUT, env=environment, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def until(process: subprocess.Popen[str], text: str) -> list[str]:
    """Return the lines of a log up to the one that holds a text."""
    assert process.stderr is not None
    lines: list[str] = []
    for line in process.stderr:
        lines.append(line)
        if text in line:
            return lines
    raise AssertionError("".join(lines))


def end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    process.communicate(timeout=30)


def publish(broker: Broker, plant: Plant, *more: str | Path) -> subprocess.CompletedProcess[str]:
    assert broker.tls is not None
    item = {
        "device": "M-01",
        "quantity": "electricity",
        "at": datetime.now(UTC).isoformat(),
        "value": 1.0,
    }
    command: list[str | Path] = [
        broker.programs.mosquitto_pub, "-V", "5", "-q", "1", "-h", "127.0.0.1",
        "-p", str(broker.tls.port), "-u", plant.uscc, "-P", "secret",
        "-t", f"qingyu/v1/{plant.uscc}/readings", "-m", json.dumps({"readings": [item]}), *more,
    ]  # fmt: skip
    return subprocess.run(command, capture_output=True, text=True, check=False)


async def test_collector_and_sender_over_tls(
    db: Database,
    broker: Broker,
    certificates: Certificates,
    plant: Plant,
    owner: asyncpg.Connection,
    tmp_path: Path,
) -> None:
    files = {"certificate_authority": certificates.authority}
    options: list[str | Path] = ["--cafile", certificates.authority]
    if broker.tls is not None and broker.tls.client_authority is not None:
        assert publish(broker, plant, *options).returncode != 0  # without one of its own
        certificate, key = certificates.issue("gateway.example")
        options += ["--cert", certificate, "--key", key]
        files |= {"certificate": certificate, "certificate_key": key}
    process = collector(db, broker, tmp_path, **files)
    try:
        await asyncio.to_thread(until, process, "subscribed to")
        sent = publish(broker, plant, *options)
        assert sent.returncode == 0, sent.stderr
        while not await owner.fetchval(
            "SELECT count(*) FROM readings WHERE channel_id = $1", plant.channels[0]
        ):
            await asyncio.sleep(0.02)
    finally:
        end(process)


async def test_a_collector_that_trusts_another_authority_says_so_once(
    db: Database, broker: Broker, certificates: Certificates, tmp_path: Path
) -> None:
    files = {"certificate_authority": certificates.wrong_authority}
    process = collector(db, broker, tmp_path, **files)
    try:
        [*_, said] = await asyncio.to_thread(until, process, "cannot be reached")
        while broker.log.read_text().count("unknown ca") < 3:  # it tries again
            await asyncio.sleep(0.05)
    finally:
        process.terminate()
        _, rest = await asyncio.to_thread(process.communicate)
    assert broker.tls is not None
    assert f"broker 127.0.0.1:{broker.tls.port} cannot be reached" in said
    assert "its certificate is refused" in said
    assert "set certificate_authority to the authority that signed it" in said
    assert "cannot be reached" not in rest


def test_a_sender_that_trusts_another_authority_sends_nothing(
    broker: Broker, certificates: Certificates
) -> None:
    plant = Plant(1, "91620623MA", "", [])
    sent = publish(broker, plant, "--cafile", certificates.wrong_authority)
    assert sent.returncode != 0


# of a handshake that failed paho leaves the socket to the garbage collector
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_the_service_reaches_the_broker_over_tls(
    broker: Broker, certificates: Certificates
) -> None:
    assert broker.tls is not None
    plain = broker.address
    place = f"127.0.0.1:{broker.tls.port}"

    certificate, key = certificates.issue("service.example")

    def over(authority: Path) -> ServiceAddress:
        return ServiceAddress(
            place, plain.user, plain.password, True, str(authority), str(certificate), str(key)
        )

    with (
        pytest.raises(BrokerAway, match="certificate"),
        Control.connected(over(certificates.wrong_authority)),
    ):
        pass
    with Control.connected(over(certificates.authority)) as control:
        assert COLLECTOR in control.look().clients
