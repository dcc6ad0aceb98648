"""The real programs of a local run: what they do, and what they survive."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy.local import detached, privileges, records
from deploy.local.dynamic_security import COLLECTOR
from deploy.local.errors import Cannot
from deploy.local.mosquitto import Broker
from deploy.local.postgres import Cluster
from deploy.local.runtime import Runtime
from deploy.local.settings import free_port

SMALL = {"shared_buffers": "32MB", "max_wal_size": "256MB", "min_wal_size": "64MB"}
ACCOUNTS = {COLLECTOR: "collects", "91620000A": "first", "91620000B": "second"}
BACKGROUND = """
import os, sys
from pathlib import Path
from deploy.local import detached
from deploy.local.processes import Program
from deploy.local.supervisor import Supervisor

home = Path(sys.argv[1])
ready = detached.detach(home / "logs" / "up.log")
with detached.claim(home), Supervisor(print) as supervisor:
    print("starting", flush=True)
    command = [sys.executable, "-c", "import time; time.sleep(1000)"]
    supervisor.start(Program("api", command, dict(os.environ), home / "logs" / "api.log"))
    if "fail" in sys.argv:
        sys.exit("It cannot start.")
    ready()
    print("ready", flush=True)
    supervisor.watch()
print("stopped", flush=True)
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the user of PostgreSQL can enter, too."""
    path = Path(tempfile.mkdtemp(prefix="qingyu-local-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def cluster(runtime: Runtime, folder: Path) -> Iterator[Cluster]:
    cluster = Cluster(runtime, folder / "postgres", free_port(), SMALL)
    yield cluster
    cluster.stop("immediate")


@pytest.fixture
def broker(runtime: Runtime, folder: Path) -> Iterator[Broker]:
    broker = Broker(runtime, folder / "mosquitto", free_port())
    broker.let_in(ACCOUNTS)
    broker.start()
    yield broker
    broker.stop()


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def query(cluster: Cluster, sql: str) -> str:
    command = [str(cluster.programs.psql), cluster.url("postgres"), "-XqAtc", sql]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout.strip()


def owner(cluster: Cluster) -> int:
    return int((cluster.data / "postmaster.pid").read_text().split()[0])


def test_the_cluster_is_a_timescaledb_that_loses_nothing(cluster: Cluster) -> None:
    cluster.start()

    query(cluster, "CREATE EXTENSION timescaledb")

    expected = {
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "jit": "off",
        "TimeZone": "UTC",
        "server_encoding": "UTF8",
    }
    assert {name: query(cluster, f"SHOW {name}") for name in expected} == expected
    assert query(cluster, "SELECT datlocprovider, datlocale FROM pg_database LIMIT 1") == (
        "b|C.UTF-8"
    )
    assert query(cluster, "SELECT DISTINCT auth_method FROM pg_hba_file_rules") == "scram-sha-256"
    assert (cluster.folder / "password").stat().st_mode & 0o777 == 0o600


def test_a_stop_and_a_start_keep_the_rows(cluster: Cluster) -> None:
    cluster.start()
    query(cluster, "CREATE TABLE kept AS SELECT 1 AS value")

    cluster.stop()
    assert not cluster.running()
    cluster.start()

    assert query(cluster, "SELECT value FROM kept") == "1"


def test_a_killed_server_starts_again_although_a_backend_is_left(cluster: Cluster) -> None:
    cluster.start()
    query(cluster, "CREATE TABLE kept AS SELECT 1 AS value")
    busy = "SELECT count(*) FROM pg_attribute a, pg_attribute b, pg_attribute c"
    command = [str(cluster.programs.psql), cluster.url("postgres"), "-XqAtc", busy]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as client:
        active = f"SELECT count(*) FROM pg_stat_activity WHERE query = '{busy}'"
        until(lambda: query(cluster, active) == "1")

        os.kill(owner(cluster), signal.SIGKILL)
        cluster.start()

        assert client.wait(20) != 0
    assert query(cluster, "SELECT value FROM kept") == "1"


def test_a_half_made_cluster_is_made_anew(cluster: Cluster) -> None:
    left = cluster.folder / "data.part" / "base"
    left.mkdir(parents=True)

    cluster.start()

    assert query(cluster, "SELECT 1") == "1"


def test_a_pid_file_that_names_a_stranger_is_no_obstacle(cluster: Cluster) -> None:
    cluster.init()
    with subprocess.Popen(privileges.lowered(["sleep", "1000"])) as stranger:
        pid_file = cluster.data / "postmaster.pid"
        pid_file.write_text(f"{stranger.pid}\n{cluster.data}\n")
        privileges.give(pid_file)

        cluster.start()

        assert stranger.poll() is None
        stranger.kill()
    assert query(cluster, "SELECT 1") == "1"


def test_a_server_that_an_earlier_start_left_is_taken_over(cluster: Cluster) -> None:
    cluster.start()
    later = Cluster(cluster.programs, cluster.folder, cluster.port, SMALL)
    before = owner(cluster)

    later.start()
    assert owner(cluster) == before

    later.stop()
    assert not cluster.running()


def test_a_taken_port_is_a_sentence(runtime: Runtime, cluster: Cluster, folder: Path) -> None:
    cluster.start()
    second = Cluster(runtime, folder / "second", cluster.port, SMALL)

    with pytest.raises(Cannot, match=rf"^Port {cluster.port} is taken .*QINGYU_DATABASE_PORT"):
        second.start()


def test_a_wrong_setting_is_a_sentence_with_the_servers_complaint(cluster: Cluster) -> None:
    cluster.init()
    local = cluster.data / "local.conf"
    local.write_text("no_such_setting = 1\n")
    privileges.give(local)

    with pytest.raises(Cannot, match=r"PostgreSQL did not start \(configuration file .* errors\)"):
        cluster.start()
    local.unlink()


def client(broker: Broker, program: Path, user: str, topic: str, *more: str) -> list[str | Path]:
    account = ["-p", str(broker.port), "-u", user, "-P", ACCOUNTS.get(user, "new")]
    return [program, *account, "-V", "5", "-q", "1", "-t", topic, *more]


def publish(broker: Broker, user: str, topic: str, message: str = "{}") -> str:
    """Return what the client complains about, nothing when the broker took the message."""
    command = client(broker, broker.programs.mosquitto_pub, user, topic, "-m", message)
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    return answer.stderr + answer.stdout


def receive(broker: Broker, user: str, topic: str, *more: str) -> list[str]:
    command = client(broker, broker.programs.mosquitto_sub, user, topic, *more)
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    return [line for line in answer.stdout.splitlines() if line]


@pytest.mark.parametrize(
    ("user", "topic", "allowed"),
    [
        pytest.param("91620000A", "qingyu/v1/91620000A/readings", True, id="own readings"),
        pytest.param("91620000A", "qingyu/v1/91620000B/readings", False, id="others' readings"),
        pytest.param("91620000A", "qingyu/v1/91620000A/outcomes", False, id="own outcomes"),
        pytest.param("91620000A", "qingyu/v1/alerts/620602", False, id="alerts"),
        pytest.param("91620000A", "$CONTROL/dynamic-security/v1", False, id="the broker itself"),
        pytest.param("91620000A", "qingyu/v1/slots/1", False, id="the collectors' own"),
        pytest.param(COLLECTOR, "$CONTROL/dynamic-security/v1", False, id="collector: broker"),
        pytest.param(COLLECTOR, "qingyu/v1/91620000A/outcomes", True, id="collector: outcomes"),
        pytest.param(COLLECTOR, "qingyu/v1/alerts/620602", True, id="collector: alerts"),
        pytest.param(COLLECTOR, "qingyu/v1/91620000A/readings", False, id="collector: readings"),
    ],
)
def test_who_may_write_where(broker: Broker, user: str, topic: str, allowed: bool) -> None:
    complaint = publish(broker, user, topic)

    assert ("Not authorized" not in complaint) is allowed


def test_a_stranger_is_not_let_in_until_it_has_an_account(broker: Broker) -> None:
    assert "Not authorized" in publish(broker, "newcomer", "qingyu/v1/newcomer/readings")

    broker.let_in({"newcomer": "new"})

    until(lambda: publish(broker, "newcomer", "qingyu/v1/newcomer/readings") == "")
    assert publish(broker, "91620000A", "qingyu/v1/91620000A/readings") == ""


def test_each_hears_its_own_outcomes_and_all_alerts(broker: Broker) -> None:
    alerts = ("-t", "qingyu/v1/alerts/#", "-C", "2", "-W", "10")
    own = "qingyu/v1/91620000A/outcomes"
    command = client(broker, broker.programs.mosquitto_sub, "91620000A", own, *alerts)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as listener:
        until(lambda: "u'91620000A'" in broker.log.read_text())
        for topic in ("91620000B/outcomes", "91620000A/outcomes", "alerts/620602"):
            publish(broker, COLLECTOR, f"qingyu/v1/{topic}", topic)

        heard, _ = listener.communicate(timeout=20)

    assert heard.split() == ["91620000A/outcomes", "alerts/620602"]


@pytest.mark.parametrize(
    "topic",
    [
        "qingyu/v1/91620000B/outcomes",
        "qingyu/v1/+/outcomes",
        "qingyu/v1/91620000A/readings",
        "$share/qingyu/qingyu/v1/+/readings",
        "$share/mine/qingyu/v1/91620000B/outcomes",
        "$share/mine/qingyu/v1/+/readings",
        "#",
        "$SYS/#",
        "$CONTROL/#",
    ],
)
def test_what_an_enterprise_may_not_listen_to(broker: Broker, topic: str) -> None:
    command = client(broker, broker.programs.mosquitto_sub, "91620000A", topic, "-E", "-W", "5")
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "All subscription requests were denied" in answer.stderr


def test_a_refused_publication_does_not_cut_the_connection(broker: Broker) -> None:
    publish(broker, "91620000A", "qingyu/v1/91620000B/readings")

    assert "Quota exceeded" not in broker.log.read_text()


def test_what_waits_for_a_collector_survives_a_restart(broker: Broker) -> None:
    shared = "$share/qingyu/qingyu/v1/+/readings"
    session = ("-i", "collector-0", "-c", "-x", "3600")
    receive(broker, COLLECTOR, shared, *session, "-E")
    for number in range(3):
        publish(broker, "91620000A", "qingyu/v1/91620000A/readings", str(number))

    broker.stop()
    broker.start()

    assert receive(broker, COLLECTOR, shared, *session, "-C", "3", "-W", "10") == ["0", "1", "2"]


def background(home: Path, *more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", BACKGROUND, str(home), *more]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)


def test_a_run_in_the_background_is_stopped_from_elsewhere(folder: Path) -> None:
    started = background(folder)
    assert (started.returncode, started.stdout) == (0, "starting\n")
    assert detached.running(folder)
    assert (folder / "logs" / f"api{records.SUFFIX}").exists()

    again = background(folder)
    assert again.returncode == 1
    assert "runs already" in again.stderr

    assert detached.down(folder, [folder / "logs"])
    assert detached.running(folder) is None
    assert not (folder / "logs" / f"api{records.SUFFIX}").exists()
    assert (folder / "logs" / "up.log").read_text() == "ready\nstopped\n"
    assert not detached.down(folder, [folder / "logs"])


def test_a_start_in_the_background_that_fails_says_so(folder: Path) -> None:
    failed = background(folder, "fail")

    assert failed.returncode == 1
    assert failed.stderr == "It cannot start.\n"


def test_what_a_killed_run_has_left_is_stopped_too(folder: Path) -> None:
    background(folder)
    leader = detached.running(folder)
    assert leader is not None
    left = records.read(folder / "logs" / f"api{records.SUFFIX}")
    assert left is not None

    os.kill(leader, signal.SIGKILL)
    until(lambda: detached.running(folder) is None)
    assert left.alive

    assert detached.down(folder, [folder / "logs"])
    assert not left.alive
