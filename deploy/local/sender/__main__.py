"""`python -m deploy.local.sender`: readings from stdin or a folder, kept until they are stored."""

import asyncio
import json
import logging
import signal
import sys
from collections import Counter
from collections.abc import Sequence

from deploy.local.errors import Cannot, explain
from deploy.local.sender import arguments
from deploy.local.sender.arguments import Arguments
from deploy.local.sender.delivery import Delivery
from deploy.local.sender.feed import Feed
from deploy.local.sender.forwarder import Forwarder
from deploy.local.sender.outcome import Outcome
from deploy.local.sender.spool import Spool

logger = logging.getLogger("sender")


def main(words: Sequence[str] | None = None) -> None:
    """Send until the input ends and all is answered, or SIGTERM; a refusal is one sentence."""
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    try:
        asked = arguments.parse(words)
        spool = Spool(asked.folder)
        try:
            asyncio.run(_run(asked, spool))
        finally:
            spool.close()
    except Cannot as refusal:
        sys.exit(str(refusal))
    except OSError as error:
        sys.exit(str(explain(error)))


async def _run(asked: Arguments, spool: Spool) -> None:
    events = _Events(printing=asked.events)
    delivery = Delivery(asked.account, later=frozenset())
    forwarder = Forwarder(spool, delivery, events.answered)

    def kept(lines: int) -> None:
        forwarder.wake()
        events.kept(lines)

    feed = Feed(spool, asked.account.uscc, asked.batch, asked.age_s, asked.room, kept)
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, feed.stop)
    logger.info("%d documents wait in %s", spool.count, asked.folder)
    failed: Cannot | OSError | None = None
    async with asyncio.TaskGroup() as tasks:
        working = [tasks.create_task(delivery.run()), tasks.create_task(forwarder.run())]
        try:
            await _feed(asked, feed)
        except (Cannot, OSError) as error:
            failed = error
            feed.stop()
        ends = [tasks.create_task(forwarder.drained()), tasks.create_task(feed.stopped.wait())]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for task in (*working, *ends):
            task.cancel()
    logger.info("%s; %d documents wait", events, spool.count)
    if failed is not None:
        raise failed


async def _feed(asked: Arguments, feed: Feed) -> None:
    if asked.incoming is None:
        await feed.read(sys.stdin.fileno())
    else:
        await feed.read_files(asked.incoming, once=asked.once)


class _Events:
    """What became of the readings: counted, and told on stdout to whoever asked for it."""

    def __init__(self, *, printing: bool) -> None:
        self._printing = printing
        self._counts: Counter[str] = Counter()

    def __str__(self) -> str:
        names = ("documents", "stored", "duplicate", "revised", "rejected")
        return ", ".join(f"{name}: {self._counts[name]}" for name in names)

    def kept(self, lines: int) -> None:
        """Tell how many lines of the input are on disk."""
        self._tell({"kept": lines})

    def answered(self, outcome: Outcome) -> None:
        """Tell what became of a document."""
        counts = {
            "stored": outcome.stored or 0,
            "duplicate": outcome.duplicate,
            "revised": outcome.revised,
            "rejected": len(outcome.refusals),
        }
        self._counts.update(counts)
        self._counts["documents"] += 1
        self._tell({"id": outcome.id, **counts})

    def _tell(self, event: dict[str, object]) -> None:
        try:
            if self._printing:
                print(json.dumps(event), flush=True)
        except BrokenPipeError:  # nobody listens any more
            self._printing = False


if __name__ == "__main__":
    main()
