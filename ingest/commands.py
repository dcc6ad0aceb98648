"""Commands of the upper machine to HJ 212 monitors, from their table to the device and back.

A request is answered by 9011 (taken or not) and 9012 (carried out or not), a notice by 9013
(HJ 212-2017, 6.1). One at a time for each device, in the order of asking.
"""

import asyncio
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

from ingest.directory import Directory
from ingest.outage import LOST
from ingest.protocols.hj212 import Packet, Version
from ingest.protocols.hj212_request import request, whole
from ingest.registry import Monitor
from schemas.commands import COMMANDS, Kind, State, masked, render
from schemas.host_commands import PARAMETERS

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 0.5
TRIES = 3  # HJ 212-2017, 6.2
SET_CLOCK = "1012"
SET_CLOCK_AGAIN = timedelta(minutes=10)  # at the earliest, however often it is asked for
SECRETS = [name for name, parameter in PARAMETERS.items() if parameter.secret]
MAX_REPLY = 100  # items that are kept of what a device answers
SHANGHAI = timedelta(hours=8)

_CLAIM = """
    SELECT command_id, device_id, cn, parameters FROM device_commands AS c
    WHERE state = 'waiting' AND finished_at IS NULL AND expires_at > now()
      AND device_id = ANY($1)
      AND NOT EXISTS (
          SELECT FROM device_commands AS earlier
          WHERE earlier.device_id = c.device_id AND earlier.finished_at IS NULL
            AND earlier.command_id < c.command_id AND earlier.expires_at > now()
      )
    ORDER BY command_id FOR UPDATE SKIP LOCKED
"""
_SENT = """
    UPDATE device_commands SET state = 'sent', qn = $2, attempts = attempts + 1, sent_at = now()
    WHERE command_id = $1
"""
_AGAIN = """
    UPDATE device_commands SET attempts = attempts + 1, sent_at = now() WHERE command_id = $1
"""
_ANSWERED = """
    UPDATE device_commands SET state = $2, answered_at = now(), request_return = $3
    WHERE command_id = $1
"""
_FINISHED = """
    UPDATE device_commands
    SET state = $2, finished_at = now(), execution_return = $3, reply = $4::jsonb,
        parameters = $5::jsonb
    WHERE command_id = $1
"""
# what nobody was connected for, and what a collector that is gone had sent
_EXPIRE = """
    UPDATE device_commands
    SET state = CASE state WHEN 'waiting' THEN 'expired' ELSE 'timed_out' END,
        finished_at = now(), parameters = parameters - $2::text[]
    WHERE finished_at IS NULL
      AND (state = 'waiting' AND expires_at <= now()
           OR state <> 'waiting' AND sent_at < now() - make_interval(secs => $1))
"""
_SET_CLOCK = """
    INSERT INTO device_commands (device_id, cn, parameters, requested_by, expires_at)
    SELECT $1, '1012', '{}', 'device', now() + INTERVAL '10 minutes'
    WHERE NOT EXISTS (
        SELECT FROM device_commands
        WHERE device_id = $1 AND cn = '1012' AND requested_at > now() - $2::interval
    )
"""
_CHANGE_PW = """
    UPDATE monitor_bindings SET password = $2, recorded_at = now() WHERE device_id = $1
"""
_CHANGE_KEY = """
    UPDATE monitor_bindings
    SET previous_cipher_key = cipher_key, cipher_key = $2, recorded_at = now()
    WHERE device_id = $1
"""

Send = Callable[[bytes], None]
Statement = tuple[str, tuple[Any, ...]]


@dataclass(slots=True)
class _Exchange:
    """A command that is under way; ``due`` is when the next answer is overdue."""

    command_id: int
    cn: str
    parameters: dict[str, int | str]
    frame: bytes
    qn: str
    due: datetime
    tries: int = 1
    is_accepted: bool = False
    reply: list[tuple[str, str, str]] | None = None


@dataclass(slots=True)
class _Device:
    monitor: Monitor
    send: Send
    is_connected: bool = True
    st: str = "31"
    pw: str = ""
    version: Version = Version.V2017
    exchange: _Exchange | None = None


class Commander:
    """Sends commands to the devices that are connected here, and follows their answers."""

    def __init__(
        self, pool: asyncpg.Pool, directory: Directory, answer_s: float, execute_s: float
    ) -> None:
        self._pool = pool
        self._directory = directory
        self._answer = timedelta(seconds=answer_s)
        self._execute = timedelta(seconds=execute_s)
        self._devices: dict[int, _Device] = {}
        self._statements: list[Statement] = []
        self._last_qn = datetime.now(UTC)

    def attach(self, monitor: Monitor, send: Send) -> None:
        """A device is reached by this from now on; its newest connection counts."""
        known = self._devices.get(monitor.device_id)
        if known is None:
            self._devices[monitor.device_id] = _Device(monitor, send)
        else:
            known.monitor, known.send, known.is_connected = monitor, send, True

    def detach(self, device_id: int, send: Send) -> None:
        """A connection is gone; what it had under way runs into its time-out."""
        known = self._devices.get(device_id)
        if known is not None and known.send == send:
            known.is_connected = False
            if known.exchange is None:
                del self._devices[device_id]

    def set_clock(self, monitor: Monitor) -> None:
        """A device asks for the time (1013)."""
        self._statements.append((_SET_CLOCK, (monitor.device_id, SET_CLOCK_AGAIN)))

    def note(self, monitor: Monitor, packet: Packet) -> None:
        """Take what a device sends, as far as it belongs to a command."""
        device = self._devices.get(monitor.device_id)
        if device is None:
            return
        if packet.st != "91":
            device.st = packet.st
        device.version, device.pw = packet.version, packet.pw
        exchange = device.exchange
        if exchange is None or packet.qn != exchange.qn:
            return
        items = {name: text for name, suffix, text in packet.items if not suffix}
        match packet.cn:
            case "9011":
                self._note_answer(device, exchange, whole(items.get("QnRtn")))
            case "9012":
                code = whole(items.get("ExeRtn"))
                self._finish(device, exchange, State.DONE if code == 1 else State.FAILED, code)
            case "9013" if COMMANDS[exchange.cn].kind is Kind.NOTICE:
                self._finish(device, exchange, State.DONE, None)
            case exchange.cn if packet.content:
                exchange.reply = packet.items[:MAX_REPLY]

    def _note_answer(self, device: _Device, exchange: _Exchange, code: int | None) -> None:
        state = State.ACCEPTED if code == 1 else State.REFUSED
        self._statements.append((_ANSWERED, (exchange.command_id, state, code)))
        if state is State.REFUSED:
            self._finish(device, exchange, State.REFUSED, None)
        else:
            exchange.is_accepted = True
            exchange.due = datetime.now(UTC) + self._execute

    def _finish(self, device: _Device, exchange: _Exchange, state: State, code: int | None) -> None:
        device.exchange = None
        if not device.is_connected:
            self._devices.pop(device.monitor.device_id, None)
        reply = None
        if exchange.reply is not None:
            reply = json.dumps(
                {
                    f"{name}-{suffix}" if suffix else name: text
                    for name, suffix, text in exchange.reply
                }
            )
        shown = json.dumps(masked(exchange.parameters))
        self._statements.append((_FINISHED, (exchange.command_id, state, code, reply, shown)))
        if state is State.DONE and exchange.cn == "1072":
            password = exchange.parameters["NewPW"]
            self._statements.append((_CHANGE_PW, (device.monitor.device_id, password)))
        if state is State.DONE and exchange.cn == "1014":
            key = str(exchange.parameters["NewSK"]).encode()
            self._statements.append((_CHANGE_KEY, (device.monitor.device_id, key)))

    async def run(self) -> None:
        """Send what waits and record what was answered, until cancelled."""
        while True:
            try:
                await self._record()
                self._overdue(datetime.now(UTC))
                await self._send_waiting()
            except LOST as error:
                logger.warning("commands cannot be read or recorded now: %s", error)
            await asyncio.sleep(LOOK_EVERY_S)

    async def _record(self) -> None:
        statements, self._statements = self._statements, []
        try:
            async with self._pool.acquire() as connection, connection.transaction():
                for statement, arguments in statements:
                    await connection.execute(statement, *arguments)
                longest = (TRIES * self._answer + self._execute).total_seconds() * 2
                await connection.execute(_EXPIRE, longest, SECRETS)
        except LOST:
            self._statements = statements + self._statements
            raise

    def _overdue(self, now: datetime) -> None:
        for device in list(self._devices.values()):
            exchange = device.exchange
            if exchange is None or now < exchange.due:
                continue
            if exchange.is_accepted or exchange.tries >= TRIES:
                self._finish(device, exchange, State.TIMED_OUT, None)
            else:
                exchange.tries += 1
                exchange.due = now + self._answer
                self._statements.append((_AGAIN, (exchange.command_id,)))
                device.send(exchange.frame)

    async def _send_waiting(self) -> None:
        idle = [
            number
            for number, device in self._devices.items()
            if device.is_connected and device.exchange is None
        ]
        if not idle:
            return
        claimed: list[tuple[_Device, _Exchange]] = []
        async with self._pool.acquire() as connection, connection.transaction():
            for row in await connection.fetch(_CLAIM, idle):
                device = self._devices[row["device_id"]]
                exchange = self._exchange(device, row)
                await connection.execute(_SENT, exchange.command_id, exchange.qn)
                claimed.append((device, exchange))
        for device, exchange in claimed:
            device.exchange = exchange
            device.send(exchange.frame)

    def _exchange(self, device: _Device, row: asyncpg.Record) -> _Exchange:
        now = datetime.now(UTC)
        self._last_qn = max(now, self._last_qn + timedelta(milliseconds=1))
        local = self._last_qn + SHANGHAI
        qn = f"{local:%Y%m%d%H%M%S}{local.microsecond // 1000:03}"
        parameters = json.loads(row["parameters"])
        if row["cn"] == SET_CLOCK:
            parameters.setdefault("SystemTime", qn[:14])
        monitor = self._directory.monitors.get(device.monitor.mn, device.monitor)
        frame = request(
            qn,
            device.st,
            row["cn"],
            device.pw,
            monitor.mn,
            device.version,
            render(row["cn"], parameters),
            monitor.cipher_keys[0] if monitor.cipher_keys else None,
        )
        return _Exchange(row["command_id"], row["cn"], parameters, frame, qn, now + self._answer)
