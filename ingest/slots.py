"""Slots of MQTT collectors: each is a session in the broker, and one process's at a time.

Two processes on one slot would take the session from each other for ever, so a process holds an
advisory lock for as long as it lives; it goes with its connection.
"""

import asyncio
import hashlib
import logging
import os
import socket
import time

import asyncpg

from ingest.errors import SlotTaken
from ingest.outage import LOST
from schemas.locks import Lock

logger = logging.getLogger(__name__)

PATIENCE_S = 5.0  # a process that was killed may seem to live on for a moment
LOOK_EVERY_S = 0.2
CONNECT_AGAIN_AFTER_S = 2.0
# a machine that is gone lets its slots go within half a minute
KEEPALIVE = {
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}

_TRY = "SELECT pg_try_advisory_lock($1, $2)"
_HOLDER = "SELECT claimed_by FROM collector_slots WHERE broker = $1 AND slot = $2"
_CLAIM = """
    INSERT INTO collector_slots (broker, slot, lock_key, claimed_by) VALUES ($1, $2, $3, $4)
    ON CONFLICT (broker, slot) DO UPDATE
    SET lock_key = excluded.lock_key, claimed_by = excluded.claimed_by, claimed_at = now(),
        drained_at = NULL
"""
_DRAINED = "UPDATE collector_slots SET drained_at = now() WHERE broker = $1 AND slot = $2"


class Slot:
    """One slot at one broker."""

    def __init__(self, database: str, broker: str, slot: str) -> None:
        self._database = database
        self._broker, self._slot = broker, slot
        digest = hashlib.sha256(f"{broker}\0{slot}".encode()).digest()
        self._key = int.from_bytes(digest[:4]) >> 1
        self._connection: asyncpg.Connection | None = None
        self._lost = asyncio.Event()

    async def claim(self) -> None:
        """Take the slot, waiting for the database; raises `SlotTaken` where it is another's."""
        while self._connection is None or self._connection.is_closed():
            try:
                await self._connect()
            except LOST as error:
                logger.warning("slot %s cannot be claimed: %s", self._slot, error)
                self.release()
                await asyncio.sleep(CONNECT_AGAIN_AFTER_S)

    async def keep(self) -> None:
        """Claim the slot again whenever the database was away, until cancelled."""
        try:
            while True:
                await self._lost.wait()
                await self.claim()
        finally:
            self.release()

    async def note_drained(self) -> None:
        """Note that the broker keeps no session for the slot any more."""
        if self._connection is not None:
            await self._connection.execute(_DRAINED, self._broker, self._slot)

    def release(self) -> None:
        """Let the slot go."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    async def _connect(self) -> None:
        self.release()
        self._lost.clear()
        connection = await asyncpg.connect(
            self._database,
            timeout=10,
            command_timeout=30,
            server_settings={**KEEPALIVE, "application_name": "qingyu-slot"},
        )
        connection.add_termination_listener(lambda _: self._lost.set())
        self._connection = connection
        deadline = time.monotonic() + PATIENCE_S
        while not await connection.fetchval(_TRY, int(Lock.SLOT), self._key):
            if time.monotonic() > deadline:
                holder = await connection.fetchval(_HOLDER, self._broker, self._slot)
                self.release()
                raise SlotTaken(
                    f"Slot {self._slot} at {self._broker} is held by {holder or 'another process'}:"
                    " give each process a slot of its own, or end that one first."
                )
            await asyncio.sleep(LOOK_EVERY_S)
        holder = f"process {os.getpid()} on {socket.gethostname()}"
        await connection.execute(_CLAIM, self._broker, self._slot, self._key, holder)
