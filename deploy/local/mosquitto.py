"""A Mosquitto broker in a folder of its own."""

import os
import secrets
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deploy.local import dynamic_security, logs, privileges
from deploy.local.dynamic_security import SERVICE
from deploy.local.errors import Cannot, explained
from deploy.local.processes import Program
from deploy.local.runtime import Runtime
from deploy.local.settings import check_port
from deploy.local.tls import Tls
from service.control import Address, BrokerAway, Control

_MIB = 1 << 20
_PATIENCE = 30.0  # seconds
_CONFIGURATION = """\
# Written at each start.
listener {port} 127.0.0.1
allow_anonymous false
plugin {plugin}
plugin_opt_config_file {accounts}
persistence true
persistence_location {folder}/
autosave_interval 30
# A slow or absent collector must lose nothing. Not 0, although it means unlimited too: with it
# Mosquitto 2.0 cuts the connection after each publication that it refuses.
max_queued_messages 2000000000
max_queued_bytes 0
# A collector acknowledges after the commit, so many are under way at once.
max_inflight_messages 2000
# The largest document, with its topic and properties.
max_packet_size {limit}
set_tcp_nodelay true
log_dest stdout
log_type error
log_type warning
log_type notice
log_timestamp_format %Y-%m-%dT%H:%M:%S
"""
# MQTT 3.1.1: CONNECT without an account, which is answered by a refusal when the broker lives.
_CONNECT = b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x05\x00\x00"
_CONNACK = 0x20


@dataclass(slots=True)
class Broker:
    """One broker on 127.0.0.1:``port``; its accounts, log and store are in ``folder``."""

    programs: Runtime
    folder: Path
    port: int
    name: str = "mosquitto"
    tls: Tls | None = None
    _program: Program = field(init=False, repr=False)

    def __post_init__(self) -> None:
        command = privileges.lowered([self.programs.mosquitto, "-c", self._configuration])
        environment = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
        log = self.folder / f"{self.name}.log"
        self._program = Program(self.name, command, environment, log, self.folder)

    @property
    def log(self) -> Path:
        """The file that the broker writes its messages to."""
        return self._program.log

    @property
    def pid(self) -> int | None:
        """Its process number; None when it does not run."""
        return self._program.pid()

    @property
    def address(self) -> Address:
        """Where the broker is, and the account with which its accounts are changed."""
        return Address(f"127.0.0.1:{self.port}", SERVICE, self._own_password())

    def let_in(self, accounts: Mapping[str, str]) -> None:
        """Let these users in by their passwords, beside those who are; at once where it runs.

        A user may write its own readings and read its own outcomes and all alerts; the collector
        reads all readings.
        """
        for user, password in accounts.items():
            _check(user, password)
        if self.running():
            self._tell(accounts)
            return
        with explained("QINGYU_DATA"):
            self._prepare()
            text = dynamic_security.merged(self._accounts, accounts)
            part = self.folder / "accounts.part"
            _write(part, text)
            part.replace(self._accounts)

    def start(self) -> None:
        """Run the broker and return when it answers; one that runs is left alone.

        Raises Cannot when its port is taken or it does not start.
        """
        if self.running() and self.ready():
            return
        with explained("QINGYU_DATA"):
            self._program.stop()
            check_port("QINGYU_MQTT_PORT", self.port)
            self._prepare()
            self._configure()
            self._program.start()
        deadline = time.monotonic() + _PATIENCE
        while not self.ready():
            if not self.running() or time.monotonic() > deadline:
                self._program.stop()
                raise Cannot(f"Mosquitto did not start ({logs.last_line(self.log)}).")
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop the broker; it saves its sessions and queues first."""
        self._program.stop()

    def running(self) -> bool:
        """Return whether the broker runs, whoever started it."""
        return self._program.running()

    def ready(self) -> bool:
        """Return whether a broker answers at the port."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=2) as connection:
                connection.sendall(_CONNECT)
                return connection.recv(1)[:1] == bytes([_CONNACK])
        except OSError:
            return False

    @property
    def _configuration(self) -> Path:
        return self.folder / "mosquitto.conf"

    @property
    def _accounts(self) -> Path:
        return self.folder / "dynamic-security.json"

    def _own_password(self) -> str:
        """Return the password of the service's account, made when it is first asked for."""
        path = self.folder / "administrator"
        if not path.exists():
            self._prepare()
            _write(path, secrets.token_urlsafe(24))
        return path.read_text()

    def _configure(self) -> None:
        limit = 8 * _MIB + _MIB // 8
        plugin = self.programs.mosquitto_dynamic_security
        text = _CONFIGURATION.format(
            port=self.port, folder=self.folder, limit=limit, plugin=plugin, accounts=self._accounts
        )
        more = "" if self.tls is None else self.tls.configuration()
        _write(self._configuration, text + more)
        self.let_in({SERVICE: self._own_password()})

    def _tell(self, accounts: Mapping[str, str]) -> None:
        try:
            with Control.connected(self.address) as control:
                for user, password in accounts.items():
                    control.tell(_commands(user, password))
        except BrokerAway as away:
            raise Cannot(f"The broker cannot be told of an account: {away}.") from None

    def _prepare(self) -> None:
        privileges.make_open(self.folder)
        privileges.check_reach(self.folder, "QINGYU_DATA")
        privileges.give(self.folder)


def _commands(user: str, password: str) -> list[dict[str, Any]]:
    """Return what makes an account anew; complaints that it was or was not there do not matter."""
    role = dynamic_security.role(user)
    return [
        {"command": "createRole", **role},
        {"command": "deleteClient", "username": user},
        {
            "command": "createClient",
            "username": user,
            "password": password,
            "roles": [{"rolename": role["rolename"], "priority": 0}],
        },
    ]


def _check(user: str, password: str) -> None:
    if not user or set(user) & set(":+#/\n") or "\n" in password or not password:
        raise Cannot(f"{user!r} cannot be an account of the broker: use letters and digits.")


def _write(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)
    privileges.give(path)
