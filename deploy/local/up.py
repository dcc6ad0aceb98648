"""`make up`: the whole product on this machine, from nothing to ready, until Ctrl-C."""

import asyncio
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from deploy.local import assets, database, detached, programs, records, settings
from deploy.local.database import Database
from deploy.local.dynamic_security import COLLECTOR
from deploy.local.errors import Cannot, explain
from deploy.local.fleet import accounts, progress, registry, variables
from deploy.local.fleet.enterprises import enterprises
from deploy.local.mosquitto import Broker
from deploy.local.phases import Phases
from deploy.local.postgres import Cluster
from deploy.local.programs import Programs, answers
from deploy.local.progress import Progress
from deploy.local.runtime import Runtime, ensure_database_and_broker
from deploy.local.secrets import Secrets
from deploy.local.settings import Settings, check_ports
from deploy.local.status import Status, look
from deploy.local.supervisor import Supervisor

NAME = "qingyu"
PATIENCE = 900.0  # seconds for the history of the demo, on a slow machine


def main() -> None:
    """Run until a signal; a refusal is one sentence and status 1."""
    try:
        chosen = settings.read(os.environ)
        ready: Callable[[], None] | None = None
        if os.environ.get("DETACH", "0") not in ("", "0"):
            ready = detached.detach(chosen.home / "logs" / "up.log")
        with detached.claim(chosen.home):
            Local(chosen, Progress()).run(ready)
    except Cannot as refusal:
        sys.exit(str(refusal))
    except OSError as error:
        sys.exit(str(explain(error)))
    except KeyboardInterrupt:
        sys.exit(130)


class Local:
    """One local run."""

    def __init__(self, chosen: Settings, progress: Progress) -> None:
        self._settings = chosen
        self._progress = progress
        self._report = progress.about("up")
        self._secrets = Secrets(chosen.home / "secrets.json")
        self._phases = Phases()

    def run(self, ready: Callable[[], None] | None) -> None:
        """Start everything in order, tell how to reach it, and keep it running."""
        chosen = self._settings
        chosen.home.mkdir(parents=True, exist_ok=True)
        folders = [chosen.home / "logs", chosen.data / "postgres", chosen.data / "broker"]
        records.sweep(folders)  # what a killed run has left
        check_ports(chosen)
        if chosen.demo:
            enterprises(variables.read().series)  # refused now rather than after a minute
        self._phases.begin("runtime")
        runtime = self._prepare()
        with Supervisor(self._progress.about("up")) as supervisor:
            owner = self._start(supervisor, runtime)
            self._progress.close()
            print(self._welcome(), flush=True)
            if ready is not None:
                ready()
            status = Status(owner)
            report = self._progress.about("running")
            supervisor.watch(lambda: report(status.refresh()))
        self._progress.close()
        print("stopped", flush=True)

    def _prepare(self) -> Runtime:
        """Fetch what runs: database and broker, and meanwhile the console's scripts."""
        failures: list[Cannot] = []

        def fetch() -> None:
            try:
                assets.ensure(self._settings.cache, self._progress.about("console scripts"))
            except Cannot as refusal:
                failures.append(refusal)

        fetching = threading.Thread(target=fetch, daemon=True)
        fetching.start()
        runtime = ensure_database_and_broker(
            self._settings.cache, self._progress.about("database and broker")
        )
        fetching.join()
        if failures:
            raise failures[0]
        return runtime

    def _start(self, supervisor: Supervisor, runtime: Runtime) -> str:
        chosen = self._settings
        self._begin("database", "starting the database")
        cluster = Cluster(runtime, chosen.data / "postgres", chosen.database_port)
        supervisor.start(cluster)
        urls = self._open_database(cluster)
        keys = dict(asyncio.run(self._secrets.keys(urls.service)))
        password = self._secrets.password("collector")
        broker = Broker(runtime, chosen.data / "broker", chosen.mqtt_port, tls=chosen.mqtt_tls)
        broker.let_in({COLLECTOR: password})
        supervisor.start(broker)
        made = programs.make(chosen, urls, password, keys, broker.address)
        self._start_programs(supervisor, made, urls.owner)
        if chosen.demo:
            keys |= self._demo(urls)
        self._write_environment(urls.owner, keys)
        return urls.owner

    def _start_programs(self, supervisor: Supervisor, made: Programs, owner: str) -> None:
        """Start all programs; the rollup takes a new demo's history in one piece."""
        self._begin("programs", "starting the programs")
        chosen = self._settings
        found = look(owner)
        is_new = chosen.demo and (found is None or found.channels == 0)
        ready = [answers(chosen.ingest_port), answers(chosen.api_port)]
        supervisor.start(made.ingest)
        if not is_new:
            supervisor.start(made.analyze)
            ready.append(answers(chosen.analyze_port))
        supervisor.start(made.api, lambda: all(answer() for answer in ready))
        if chosen.demo:
            self._start_demo(supervisor, made)
            if is_new:
                supervisor.start(made.analyze, answers(chosen.analyze_port))
            self._await_levels(supervisor, owner)

    def _open_database(self, cluster: Cluster) -> Database:
        asyncio.run(database.create(cluster, NAME))
        self._report("migrating the database")
        database.migrate(cluster, NAME)
        return asyncio.run(database.open_logins(cluster, NAME))

    def _begin(self, phase: str, sentence: str) -> None:
        self._phases.begin(phase)
        self._report(sentence)

    def _start_demo(self, supervisor: Supervisor, made: Programs) -> None:
        """Register the demo, and let its fleet send what is missing."""
        self._begin("registry", "registering the demo")
        made.register_fleet()
        progress.forget(self._settings.home)
        self._begin("history", "starting the demo fleet")
        supervisor.start(made.fleet, self._history_is_in, PATIENCE)

    def _history_is_in(self) -> bool:
        found = progress.read(self._settings.home)
        if found is not None and not found.live:
            self._report(f"the demo fleet sends what is missing ({found.share:.0%})")
        return found is not None and found.live

    def _await_levels(self, supervisor: Supervisor, owner: str) -> None:
        self._begin("levels", "rolling up and judging")
        deadline = time.monotonic() + PATIENCE
        while (found := look(owner)) is None or not found.settled:
            if found is not None:
                self._report(f"rolling up and judging: {found.history} pieces of history left")
            if time.monotonic() > deadline:
                raise Cannot("The history is not judged yet; the log of analyze says why.")
            supervisor.tick(time.monotonic())
            time.sleep(0.5)

    def _demo(self, urls: Database) -> dict[str, str]:
        """Return the variables with which a newcomer tries the demo."""
        demo = registry.demo()
        key = asyncio.run(
            self._secrets.key(urls.service, "QINGYU_DEMO_KEY", "enterprise", demo.uscc)
        )
        account = accounts.load(self._settings.home)[demo.uscc]
        return {
            "QINGYU_DEMO_USCC": demo.uscc,
            "QINGYU_DEMO_DEVICE": demo.device,
            "QINGYU_DEMO_KEY": key,
            "QINGYU_DEMO_MQTT_USER": account.user,
            "QINGYU_DEMO_MQTT_PASSWORD": account.password,
            "QINGYU_DEMO_MN": demo.mn,
            "QINGYU_DEMO_VOC_USCC": demo.voc_uscc,
        }

    def _write_environment(self, owner: str, variables: dict[str, str]) -> None:
        chosen = self._settings
        values = {
            "QINGYU_API": f"http://127.0.0.1:{chosen.api_port}",
            "QINGYU_INGEST": f"http://127.0.0.1:{chosen.ingest_port}",
            "QINGYU_MQTT": f"127.0.0.1:{chosen.mqtt_port}",
            "QINGYU_HJ212": f"127.0.0.1:{chosen.hj212_port}",
            "QINGYU_DATABASE": owner,
            **variables,
        }
        part = chosen.home / "local.env.part"
        part.touch(mode=0o600)
        part.write_text("".join(f"{name}={value}\n" for name, value in values.items()))
        part.replace(self._environment)

    @property
    def _environment(self) -> Path:
        return self._settings.home / "local.env"

    def _welcome(self) -> str:
        place = os.path.relpath(self._environment)
        return (
            f"\n  晴雨 Qingyu is ready: http://127.0.0.1:{self._settings.api_port}/"
            f"    after {self._phases}\n"
            f"  keys and addresses: {place}    logs: {place.replace('local.env', 'logs/')}\n"
        )


if __name__ == "__main__":
    main()
