"""Watches the slots of MQTT collectors: a session without a process is dealt readings that wait."""

import asyncio
import logging

from service.monitoring import SLOTS_AWAY
from service.store import collector_slots
from service.store.engine import LOST, Engine

logger = logging.getLogger(__name__)

EVERY_S = 10.0


async def run(engine: Engine) -> None:
    """Say which slots are away, whenever that changes, until cancelled."""
    told: set[str] = set()
    while True:
        try:
            async with engine.begin() as connection:
                away = set(await collector_slots.away(connection))
        except LOST as error:
            logger.warning("slots of collectors cannot be read: %s", error)
        else:
            SLOTS_AWAY.set(len(away))
            if away - told:
                logger.warning(
                    "no process holds these slots of MQTT collectors, and what is dealt to them"
                    " waits: %s; start one for each, or drain it",
                    ", ".join(sorted(away)),
                )
            told = away
        await asyncio.sleep(EVERY_S)
