"""The running fleet: all enterprises on the line, and how far they are."""

import asyncio
import logging
import signal
from collections.abc import Sequence
from pathlib import Path

from deploy.local.fleet import accounts, clock, episodes, history, outbox, progress
from deploy.local.fleet.delivery import Delivery
from deploy.local.fleet.enterprises import enterprises
from deploy.local.fleet.outbox import Outbox
from deploy.local.fleet.progress import Progress
from deploy.local.fleet.sender import Sender, now
from deploy.local.fleet.variables import Variables

logger = logging.getLogger(__name__)

TICK_S = 0.5


async def run(variables: Variables) -> None:
    """Send history where it is missing, then live, until SIGTERM or SIGINT."""
    task = asyncio.current_task()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, lambda: task and task.cancel())
    home = variables.home
    begun = now()
    start = clock.midnight_of(history.first_day(home, variables.since, clock.day_of(begun)))
    kept = Outbox(outbox.path_in(home))
    try:
        known = accounts.load(home)
        senders = []
        for item in enterprises(variables.series):
            delivery = Delivery(variables.broker, known[item.uscc])
            senders.append(Sender(item, kept, delivery, start, episodes.load(home)))
        _report(home, senders, start, begun)
        async with asyncio.TaskGroup() as tasks:
            for sender in senders:
                tasks.create_task(sender.delivery.run())
                tasks.create_task(sender.run())
            tasks.create_task(_follow(home, senders))
            tasks.create_task(_tell(home, senders, start, begun))
    finally:
        kept.close()


async def _follow(home: Path, senders: Sequence[Sender]) -> None:
    """Let the senders know of episodes as soon as they are written."""
    path, seen = episodes.path_in(home), 0
    while True:
        changed = path.stat().st_mtime_ns if path.exists() else 0
        if changed != seen:
            seen = changed
            known = episodes.load(home)
            for sender in senders:
                sender.known = known
        await asyncio.sleep(TICK_S)


async def _tell(home: Path, senders: Sequence[Sender], start: int, begun: int) -> None:
    """Write how far the fleet is, often while it catches up and rarely while it is live."""
    was_live = False
    while True:
        is_live = all(sender.live for sender in senders)
        if is_live and not was_live:
            logger.info("what was missing is stored; all enterprises are live")
        was_live = is_live
        _report(home, senders, start, begun)
        await asyncio.sleep(10 * TICK_S if is_live else TICK_S)


def _report(home: Path, senders: Sequence[Sender], start: int, begun: int) -> None:
    reached = [sender.reached for sender in senders]
    whole = max(begun - start, 1) * len(reached)
    live = all(sender.live for sender in senders)
    share = sum(min(max(at - start, 0), begun - start) for at in reached) / whole
    progress.write(home, Progress(live, 1.0 if live else share), min(reached))
