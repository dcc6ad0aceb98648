"""`python -m ingest`: wires the pool, the writer and one task per configured collector."""

import asyncio
import contextlib
import importlib
import logging
import signal
from datetime import timedelta
from typing import Any

import asyncpg
import uvloop

from ingest import settings as configuration
from ingest.commit import prepare
from ingest.directory import Directory
from ingest.intake import Intake
from ingest.keeper import Keeper
from ingest.limits import Limits
from ingest.writer import Writer

logger = logging.getLogger("ingest")


def main() -> None:
    """Run until SIGINT or SIGTERM."""
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    settings = configuration.load()
    collectors = [_find(table) for table in settings.collectors]
    with contextlib.suppress(asyncio.CancelledError):
        uvloop.run(_run(settings, collectors))


def _find(table: dict[str, Any]) -> tuple[Any, Any]:
    """Return the module that the table's `kind` names, and its settings."""
    kind = table.get("kind")
    try:
        module = importlib.import_module(f"ingest.collectors.{kind}")
        return module, module.Settings.model_validate(table)
    except ModuleNotFoundError:
        raise SystemExit(f"There is no collector of kind {kind!r}.") from None
    except ValueError as error:
        raise SystemExit(f"The collector {kind!r} is not configured well: {error}") from None


async def _run(settings: configuration.Settings, collectors: list[tuple[Any, Any]]) -> None:
    task = asyncio.current_task()
    if task is not None:
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    pool = await asyncpg.create_pool(
        settings.database,
        min_size=0,
        max_size=8,
        command_timeout=settings.store_timeout_s,
        timeout=10,
        init=prepare,
        server_settings={"jit": "off", "application_name": "qingyu-ingest"},
    )
    retention, limits = timedelta(days=settings.retention_days), Limits(settings.limits)
    directory = Directory(settings.database, retention, limits)
    writer = Writer(pool, settings.rows_in_flight)
    intake = Intake(directory, writer, Keeper(pool), settings.bytes_in_flight)
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(directory.run())
            tasks.create_task(writer.run())
            for module, its_settings in collectors:
                tasks.create_task(module.run(its_settings, intake))
    finally:
        pool.terminate()
        logger.info("stopped")


if __name__ == "__main__":
    main()
