"""`python -m service api | analyze | create-client`: arguments, settings and wiring."""

import argparse
import asyncio
import contextlib
import logging
import signal
from collections.abc import Iterator
from datetime import timedelta
from socket import socket

import uvicorn
import uvloop
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.types import ASGIApp

from schemas.access import ROLES, Grant
from service import certificates, evaluator, monitoring, provisioning, retention, rollup, slots
from service.analyzers import find
from service.app import make_app
from service.settings import Settings
from service.store import audit, clients
from service.store.engine import EVERYWHERE, ROLLUP_SETTINGS, make_engine


def main() -> None:
    """Run what the arguments ask for."""
    arguments = _arguments()
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    try:
        settings = Settings()
    except ValidationError as error:
        names = ", ".join(f"QINGYU_{str(item['loc'][0]).upper()}" for item in error.errors())
        raise SystemExit(f"These variables are missing or wrong: {names}.") from None
    try:
        provisioning.address_of(settings)
    except ValueError as error:
        raise SystemExit(f"{error}.") from None
    match arguments.command:
        case "api":
            run = _serve_until_signal(settings)
        case "analyze":
            run = _analyze(settings)
        case _:
            run = _create_client(settings, arguments)
    with contextlib.suppress(asyncio.CancelledError):
        uvloop.run(run)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m service", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("api", help="serve the API, the live feed and the console")
    commands.add_parser("analyze", help="roll up, evaluate, drop what is too old")
    client = commands.add_parser("create-client", help="create a client and print its key once")
    client.add_argument("name")
    client.add_argument("--role", choices=sorted(ROLES), required=True)
    client.add_argument("--region", default="", help="prefix of county codes; all by default")
    client.add_argument("--enterprise", metavar="USCC", help="bind it to one enterprise")
    return parser.parse_args()


async def _analyze(settings: Settings) -> None:
    """Run the workers until a signal; each of them waits for a database that is away."""
    task = asyncio.current_task()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, lambda: task and task.cancel())
    analyzers = find()
    indicators = [analyzer.name for analyzer in analyzers]
    kept = timedelta(days=settings.retention_days)
    rolling = make_engine(
        settings.database,
        "qingyu-rollup",
        region=EVERYWHERE,
        size=settings.rollup_workers,
        settings=ROLLUP_SETTINGS,
    )
    engine = make_engine(settings.database, "qingyu-analyze", region=EVERYWHERE)
    routes = monitoring.routes(lambda: True)
    broker = provisioning.address_of(settings)
    async with asyncio.TaskGroup() as tasks:
        for _ in range(settings.rollup_workers):
            tasks.create_task(rollup.run(rolling, indicators, kept))
        tasks.create_task(evaluator.run(engine, analyzers))
        tasks.create_task(retention.run(engine, settings))
        tasks.create_task(slots.run(engine))
        if broker is not None:
            tasks.create_task(provisioning.run(engine, settings, broker))
        server = _server(Starlette(routes=routes), settings.analyze_bind, settings)
        tasks.create_task(server.serve())


async def _serve_until_signal(settings: Settings) -> None:
    server = _server(make_app(settings), settings.api_bind, settings)
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, server.stop)
    await server.serve()


def _server(app: ASGIApp, bind: str, settings: Settings) -> "_Server":
    host, _, port = bind.rpartition(":")
    config = uvicorn.Config(
        app,
        host=host,
        port=int(port),
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=3,  # the feed never ends by itself
        ssl_certfile=settings.certificate,
        ssl_keyfile=settings.certificate_key,
    )
    return _Server(config)


async def _create_client(settings: Settings, arguments: argparse.Namespace) -> None:
    grants = [Grant(arguments.region, domain, verb) for domain, verb in ROLES[arguments.role]]
    engine = make_engine(settings.database, "qingyu-create-client", region=EVERYWHERE)
    try:
        async with engine.begin() as connection:
            key = await clients.create(connection, arguments.name, arguments.enterprise, grants)
            detail = {"name": arguments.name, "role": arguments.role, "region": arguments.region}
            await audit.append(connection, "command line", "create_client", detail)
    except LookupError as error:
        raise SystemExit(f"No client was created: {error}.") from None
    finally:
        await engine.dispose()
    print(key)


class _Server(uvicorn.Server):
    """A server that leaves signals to whoever started it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def serve(self, sockets: list[socket] | None = None) -> None:
        """Serve until stopped, with a renewed certificate as soon as there is one."""
        self.config.load()
        async with certificates.followed(
            self.config.ssl, self.config.ssl_certfile, self.config.ssl_keyfile
        ):
            await super().serve(sockets)

    def stop(self) -> None:
        """Answer what is under way and end."""
        self.should_exit = True


if __name__ == "__main__":
    main()
