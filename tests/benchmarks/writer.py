"""The write path alone, where a share of each group is in the table already."""

import asyncio
import time
from datetime import datetime, timedelta

import asyncpg

from ingest.commit import prepare
from ingest.merge import COLUMNS
from ingest.registry import Batch
from ingest.writer import Writer
from tests.benchmarks.ceilings import GROUP, GROUPS, group
from tests.benchmarks.line import Line

DOCUMENT = 200  # readings
SHARES = (0, 1, 10, 100)  # percent


def duplicates(line: Line, percent: int) -> float:
    """Return readings/s where so many percent of each group of 10,000 came before."""
    start = line.fresh_week()
    groups = [group(line, start, number) for number in range(GROUPS)]
    if percent:
        asyncio.run(_copy_before(line, groups, 100 // percent))
        line.checkpoint()
    rate = asyncio.run(_write(line, [_documents(whole) for whole in groups]))
    assert line.count(start) == GROUPS * GROUP
    return rate


async def _copy_before(line: Line, groups: list[Batch], every: int) -> None:
    connection = await asyncpg.connect(line.db.ingest)
    for whole in groups:
        part = _part(whole, slice(None, None, every))
        await connection.copy_records_to_table("readings", records=_records(part), columns=COLUMNS)
    await connection.close()


def _records(batch: Batch) -> list[tuple[datetime, float, int, int]]:
    epoch = datetime.fromisoformat("1970-01-01T00:00:00Z")
    return [
        (epoch + timedelta(microseconds=at), value, channel, quality)
        for channel, at, value, quality in zip(
            batch.channels, batch.instants, batch.values, batch.qualities, strict=True
        )
    ]


def _documents(whole: Batch) -> list[Batch]:
    return [_part(whole, slice(n, n + DOCUMENT)) for n in range(0, len(whole), DOCUMENT)]


def _part(whole: Batch, places: slice) -> Batch:
    return Batch(
        whole.sender,
        whole.channels[places],
        whole.instants[places],
        whole.values[places],
        whole.qualities[places],
    )


async def _write(line: Line, groups: list[list[Batch]]) -> float:
    """Write by two submitters in turns, so that a group always waits for its transaction."""
    async with asyncpg.create_pool(line.db.ingest, min_size=1, max_size=2, init=prepare) as pool:
        writer = Writer(pool, rows_in_flight=10 * GROUP)
        running = asyncio.create_task(writer.run())

        async def submit(mine: list[list[Batch]]) -> None:
            for batches in mine:
                await writer.write(batches)

        began = time.perf_counter()
        await asyncio.gather(submit(groups[0::2]), submit(groups[1::2]))
        spent = time.perf_counter() - began
        running.cancel()
        await asyncio.wait([running])
    return len(groups) * GROUP / spent
