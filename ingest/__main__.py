"""`python -m ingest`: wires the pool, the writer and one task per configured collector."""

import argparse
import asyncio
import contextlib
import importlib
import logging
import pkgutil
import signal
import sys
from datetime import timedelta
from typing import Any

import asyncpg
import uvloop

from ingest import collectors as collector_modules
from ingest import settings as configuration
from ingest.commit import prepare
from ingest.directory import Directory
from ingest.errors import NotDrained, SlotTaken
from ingest.intake import Intake
from ingest.keeper import Keeper
from ingest.limits import Limits
from ingest.replay import Replay, Replayer
from ingest.slots import Slot
from ingest.writer import Writer

logger = logging.getLogger("ingest")


def main() -> None:
    """Collect until SIGINT or SIGTERM, or drain a slot."""
    arguments = _arguments()
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    settings = configuration.load()
    slot: str | None = arguments.slot if arguments.command == "drain" else None
    collectors = [
        _find(table if slot is None else {**table, "slot": slot})
        for table in settings.collectors
        if slot is None or "slot" in table
    ]
    refusal: BaseException | None = None
    try:
        with contextlib.suppress(asyncio.CancelledError):
            uvloop.run(_run(settings, collectors, drains=slot is not None))
    except* (SlotTaken, NotDrained) as refusals:
        refusal = _first(refusals)
    if refusal is not None:
        sys.exit(str(refusal))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m ingest", description=__doc__)
    commands = parser.add_subparsers(dest="command")
    drain = commands.add_parser("drain", help="empty a slot of the MQTT collector and remove it")
    drain.add_argument("--slot", required=True)
    return parser.parse_args()


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    first = group.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first


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


def _replayers() -> dict[str, Replayer]:
    """Return what tries payloads again, by collector: of all that exist, configured here or not."""
    names = [module.name for module in pkgutil.iter_modules(collector_modules.__path__)]
    modules = {name: importlib.import_module(f"ingest.collectors.{name}") for name in names}
    return {name: module.replay for name, module in modules.items() if hasattr(module, "replay")}


async def _run(
    settings: configuration.Settings, collectors: list[tuple[Any, Any]], *, drains: bool
) -> None:
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
    intake = Intake(directory, writer, Keeper(pool), pool, settings.bytes_in_flight)
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(directory.run())
            tasks.create_task(writer.run())
            if drains:
                for module, its_settings in collectors:
                    await _drain(module, its_settings, intake, settings.database)
                raise asyncio.CancelledError  # ends the tasks beside
            tasks.create_task(Replay(settings.database, pool, directory, _replayers()).run())
            for module, its_settings in collectors:
                tasks.create_task(_collect(module, its_settings, intake, settings.database))
    finally:
        pool.terminate()
        logger.info("stopped")


async def _collect(module: Any, settings: Any, intake: Intake, database: str) -> None:
    """Run a collector; one with a slot holds it meanwhile."""
    if not hasattr(settings, "slot"):
        await module.run(settings, intake)
        return
    slot = Slot(database, settings.broker, settings.slot)
    await slot.claim()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(slot.keep())
        tasks.create_task(module.run(settings, intake))


async def _drain(module: Any, settings: Any, intake: Intake, database: str) -> None:
    slot = Slot(database, settings.broker, settings.slot)
    await slot.claim()
    try:
        number = await module.drain(settings, intake)
        await slot.note_drained()
    finally:
        slot.release()
    logger.info("slot %s is drained: %s messages waited, all are stored", settings.slot, number)


if __name__ == "__main__":
    main()
