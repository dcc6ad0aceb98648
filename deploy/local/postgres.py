"""A PostgreSQL cluster in a folder of its own."""

import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from deploy.local import logs, postmaster, privileges, tuning
from deploy.local.errors import Cannot, explained
from deploy.local.processes import Program
from deploy.local.runtime import Runtime
from deploy.local.settings import check_port

SUPERUSER = "postgres"
_CREATION = (
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--auth=scram-sha-256",
    f"--username={SUPERUSER}",
)
_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C"}
_HEADER = "# Written at each start; a file local.conf beside this one can change it.\n"
_PATIENCE = 120.0  # seconds; the recovery of a crashed cluster is part of its start


@dataclass(slots=True)
class Cluster:
    """One cluster on 127.0.0.1:``port``; its password, log and data are below ``folder``.

    ``settings`` override the usual ones. Whatever a kill has left behind, ``start`` suffices.
    """

    programs: Runtime
    folder: Path
    port: int
    settings: Mapping[str, str] = field(default_factory=dict)
    name: str = "postgres"
    _program: Program = field(init=False, repr=False)

    def __post_init__(self) -> None:
        command = privileges.lowered([self.programs.postgres, "-D", self.data])
        log = self.folder / f"{self.name}.log"
        self._program = Program(
            self.name, command, _ENVIRONMENT, log, self.folder, signal.SIGINT, grace=60.0
        )

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.folder / "data"

    @property
    def log(self) -> Path:
        """The file that the server writes its messages to."""
        return self._program.log

    @property
    def password(self) -> str:
        """The superuser's password; raises Cannot when its file was removed."""
        try:
            return self._secret.read_text().strip()
        except FileNotFoundError:
            raise Cannot(
                f"{self._secret} is missing: restore it, or remove {self.folder} to start empty."
            ) from None

    def url(self, database: str, user: str = SUPERUSER, password: str | None = None) -> str:
        """Return the URL of ``database`` for ``user``, by default the superuser."""
        secret = self.password if password is None else password
        account = f"{quote(user, safe='')}:{quote(secret, safe='')}"
        return f"postgresql://{account}@127.0.0.1:{self.port}/{quote(database, safe='')}"

    def init(self) -> None:
        """Create the cluster where there is none; a half-made one is made anew."""
        with explained("QINGYU_DATA"):
            privileges.make_open(self.folder)
            privileges.check_reach(self.folder, "QINGYU_DATA")
            privileges.give(self.folder)
            if not self.data.exists():
                self._create()

    def start(self) -> None:
        """Run the server and return when it accepts connections; one that runs is left alone.

        Raises Cannot when its port is taken or it does not start.
        """
        self.init()
        if self.ready():
            return
        with explained("QINGYU_DATA"):
            self._program.stop()
            postmaster.clear(self.data, _PATIENCE)
            check_port("QINGYU_DATABASE_PORT", self.port)
            self._configure()
            self._program.start()
        deadline = time.monotonic() + _PATIENCE
        while not self.ready():
            if not self.running() or time.monotonic() > deadline:
                self._program.stop()
                raise Cannot(f"PostgreSQL did not start ({_complaint(self.log)}): see {self.log}.")
            time.sleep(0.02)

    def stop(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        """Stop the server; ``immediate`` leaves the next start to recover."""
        if mode == "immediate":
            self._program.signal(signal.SIGQUIT)
        self._program.stop()

    def running(self) -> bool:
        """Return whether the server runs, whoever started it."""
        return self._program.running()

    def ready(self) -> bool:
        """Return whether the server runs and accepts connections."""
        said = postmaster.accepts(self.data, self._program.pid())
        return said and postmaster.answers(self.port)

    @property
    def _secret(self) -> Path:
        return self.folder / "password"

    def _create(self) -> None:
        part = self.data.with_name("data.part")
        shutil.rmtree(part, ignore_errors=True)
        if not self._secret.exists():
            self._secret.touch(mode=0o600)
        self._secret.write_text(f"{secrets.token_urlsafe(24)}\n")
        privileges.give(self._secret)
        arguments = ["-D", str(part), f"--pwfile={self._secret}", *_CREATION]
        answer = subprocess.run(
            privileges.lowered([self.programs.initdb, *arguments]),
            cwd=self.folder,
            env=_ENVIRONMENT,
            capture_output=True,
            text=True,
            check=False,
        )
        if answer.returncode != 0:
            raise Cannot(f"initdb failed in {self.folder}: {answer.stderr.strip()[-300:]}")
        part.rename(self.data)

    def _configure(self) -> None:
        available = tuning.memory()
        values = {**tuning.settings(available), **self.settings, "port": str(self.port)}
        quoted = ((name, value.replace("'", "''")) for name, value in values.items())
        lines = [f"{name} = '{value}'\n" for name, value in quoted]
        target = self.data / "postgresql.conf"
        target.write_text("".join([_HEADER, *lines, "include_if_exists = 'local.conf'\n"]))


def _complaint(log: Path) -> str:
    return logs.last_line(log).rpartition("FATAL:")[2].strip()
