"""Brings the broker's accounts up to the table: at a change, at its restart, and now and then."""

import asyncio
import contextlib
import logging
from collections.abc import Iterable, Mapping

import asyncpg
from sqlalchemy.exc import DBAPIError

from schemas.locks import Lock
from service import monitoring
from service.control import Address, BrokerAway, Control
from service.domain import sealing
from service.domain.broker_accounts import Account, plan
from service.settings import Settings
from service.store import mqtt_accounts
from service.store.engine import Connection, Engine, lock, scope
from service.watch import Watch

logger = logging.getLogger(__name__)

CHANNEL = "mqtt_accounts"
POLL_S = 60.0
AGAIN_AFTER_S = 2.0
AT_ONCE = 100  # commands in one message
LOST = "the password is sealed with another secret; give the enterprise a new one"


def address_of(settings: Settings) -> Address | None:
    """Return the broker that the settings name; None where they name none.

    Raises `ValueError` with what to do where they are not complete.
    """
    if settings.broker is None:
        return None
    if settings.broker_password_file is not None:
        try:
            password = settings.broker_password_file.read_text().strip()
        except OSError as error:
            raise ValueError(f"QINGYU_BROKER_PASSWORD_FILE cannot be read: {error}") from None
    elif settings.broker_password is not None:
        password = settings.broker_password.get_secret_value()
    else:
        raise ValueError(
            "QINGYU_BROKER needs QINGYU_BROKER_PASSWORD or QINGYU_BROKER_PASSWORD_FILE"
        )
    if not settings.broker.rpartition(":")[2].isdigit():
        raise ValueError("QINGYU_BROKER is no host:port")
    return Address(
        settings.broker,
        settings.broker_user,
        password,
        settings.broker_tls,
        settings.broker_certificate_authority,
        settings.broker_certificate,
        settings.broker_certificate_key,
    )


async def reconcile(engine: Engine, address: Address, reads_tables: bool) -> int:
    """Make the broker agree with the table; returns how many commands that took.

    Any number may be under way at once, one waits for the other. Raises `BrokerAway`.
    """
    async with engine.begin() as connection:
        await scope(connection, [""], None)
        await lock(connection, Lock.BROKER)
        return await _reconcile(connection, address, reads_tables)


async def _reconcile(connection: Connection, address: Address, reads_tables: bool) -> int:
    rows = await mqtt_accounts.wanted(connection)
    if reads_tables:
        await mqtt_accounts.note(connection, dict.fromkeys(row.user for row in rows))
        return 0
    accounts = [
        Account(
            row.user,
            row.uscc,
            None if row.revoked else sealing.unseal(address.password, row.user, row.sealed),
            row.disabled,
            row.revoked,
        )
        for row in rows
    ]
    problems, number = await asyncio.to_thread(_agree, address, accounts)
    await mqtt_accounts.note(connection, problems)
    return number


def _agree(address: Address, accounts: Iterable[Account]) -> tuple[Mapping[str, str | None], int]:
    """Tell the broker what it does not know; returns by user what it complains of."""
    accounts = list(accounts)
    with Control.connected(address) as control:
        made = plan(accounts, control.look())
        complaints: list[str | None] = []
        for start in range(0, len(made.commands), AT_ONCE):
            complaints += control.tell(made.commands[start : start + AT_ONCE])
    problems: dict[str, str | None] = {account.user: None for account in accounts}
    problems |= dict.fromkeys(made.lost, LOST)
    for command, user, complaint in zip(made.commands, made.users, complaints, strict=True):
        if complaint is not None:
            logger.error("the broker refuses %s: %s", command["command"], complaint)
            if user in problems:
                problems[user] = complaint
    if made.commands:
        logger.info("the broker was told %s changes of accounts", len(made.commands))
    return problems, len(made.commands)


async def run(engine: Engine, settings: Settings, address: Address) -> None:
    """Keep the broker's accounts up to the table until cancelled."""
    woken = asyncio.Event()
    watch = None if settings.broker_reads_tables else Watch(address, woken)
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_listen(settings.database, woken))
            tasks.create_task(_work(engine, settings, address, woken))
    finally:
        if watch is not None:
            watch.stop()


async def _work(engine: Engine, settings: Settings, address: Address, woken: asyncio.Event) -> None:
    told = ""
    while True:
        woken.clear()
        pause = POLL_S
        try:
            await reconcile(engine, address, settings.broker_reads_tables)
            told = ""
            pause = await _until_next(engine)
        except (BrokerAway, DBAPIError, OSError) as error:
            if str(error) != told:
                logger.warning("accounts wait to be told to the broker: %s", error)
            told = str(error)
            pause = AGAIN_AFTER_S
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await woken.wait()


async def _until_next(engine: Engine) -> float:
    """Return in how many seconds there is something to do, if nobody asks before."""
    async with engine.begin() as connection:
        await scope(connection, [""], None)
        monitoring.BROKER_ACCOUNTS_PENDING.set(await mqtt_accounts.pending(connection))
        left = await mqtt_accounts.until_next_revocation(connection)
    return POLL_S if left is None else min(POLL_S, max(0.1, left.total_seconds()))


async def _listen(database: str, woken: asyncio.Event) -> None:
    while True:
        try:
            connection = await asyncpg.connect(database, timeout=10)
            try:
                gone = asyncio.Event()
                connection.add_termination_listener(lambda _, gone=gone: gone.set())
                await connection.add_listener(CHANNEL, lambda *_: woken.set())
                woken.set()
                await gone.wait()
            finally:
                connection.terminate()
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
            logger.warning("changes of accounts are not heard of: %s", error)
        await asyncio.sleep(AGAIN_AFTER_S)
