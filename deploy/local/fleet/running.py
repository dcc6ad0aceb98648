"""The running fleet: all enterprises on the line, and how far they are."""

import asyncio
import logging
import signal
from collections.abc import Sequence
from pathlib import Path

from deploy.local.fleet import accounts, clock, episodes, history, notes, progress
from deploy.local.fleet.enterprises import enterprises
from deploy.local.fleet.gateway import Gateway, now
from deploy.local.fleet.notes import Notes
from deploy.local.fleet.progress import Progress
from deploy.local.fleet.variables import Variables
from deploy.local.sender.delivery import Delivery
from deploy.local.sender.forwarder import Forwarder
from deploy.local.sender.link import Account
from deploy.local.sender.spool import Spool

logger = logging.getLogger(__name__)

TICK_S = 0.5
# Not registered yet, perhaps: what is refused so is sent again.
_LATER = frozenset({"unknown_enterprise", "unknown_device", "unknown_quantity"})


async def run(variables: Variables) -> None:
    """Send history where it is missing, then live, until SIGTERM or SIGINT."""
    task = asyncio.current_task()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, lambda: task and task.cancel())
    home = variables.home
    begun = now()
    start = clock.midnight_of(history.first_day(home, variables.since, clock.day_of(begun)))
    kept = Notes(notes.folder_in(home) / "notes.sqlite")
    gateways: list[Gateway] = []
    try:
        made = accounts.load(home)
        for item in enterprises(variables.series):
            own = made[item.uscc]
            account = Account(variables.broker, own.uscc, own.user, own.password)
            delivery = Delivery(account, _LATER)
            spool = Spool(notes.folder_in(home) / item.uscc)
            forwarder = Forwarder(spool, delivery, lambda _outcome: None)
            known = episodes.load(home)
            gateways.append(Gateway(item, kept, spool, delivery, forwarder, start, known))
        _report(home, gateways, start, begun)
        async with asyncio.TaskGroup() as tasks:
            for gateway in gateways:
                tasks.create_task(gateway.run())
            tasks.create_task(_follow(home, gateways))
            tasks.create_task(_tell(home, gateways, start, begun))
    finally:
        for gateway in gateways:
            gateway.spool.close()
        kept.close()


async def _follow(home: Path, gateways: Sequence[Gateway]) -> None:
    """Let the gateways know of episodes as soon as they are written."""
    path, seen = episodes.path_in(home), 0
    while True:
        changed = path.stat().st_mtime_ns if path.exists() else 0
        if changed != seen:
            seen = changed
            known = episodes.load(home)
            for gateway in gateways:
                gateway.known = known
        await asyncio.sleep(TICK_S)


async def _tell(home: Path, gateways: Sequence[Gateway], start: int, begun: int) -> None:
    """Write how far the fleet is, often while it catches up and rarely while it is live."""
    was_live = False
    while True:
        is_live = all(gateway.live for gateway in gateways)
        if is_live and not was_live:
            logger.info("what was missing is stored; all enterprises are live")
        was_live = is_live
        _report(home, gateways, start, begun)
        await asyncio.sleep(10 * TICK_S if is_live else TICK_S)


def _report(home: Path, gateways: Sequence[Gateway], start: int, begun: int) -> None:
    reached = [gateway.reached for gateway in gateways]
    whole = max(begun - start, 1) * len(reached)
    live = all(gateway.live for gateway in gateways)
    share = sum(min(max(at - start, 0), begun - start) for at in reached) / whole
    progress.write(home, Progress(live, 1.0 if live else share), min(reached))
