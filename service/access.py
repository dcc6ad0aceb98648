"""Who calls, what they may do, and a connection that sees no more than that."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request

from schemas.access import ROLES, Domain, Grant, Verb
from service.feed import Feed
from service.problems import forbidden, unauthorized
from service.settings import Settings
from service.store import clients
from service.store.clients import Client
from service.store.engine import Connection, Engine, scope

COOKIE = "qingyu_key"


@dataclass(frozen=True, slots=True)
class State:
    """What the application holds for its routes."""

    settings: Settings
    engine: Engine
    feed: Feed
    official_indicators: list[str]  # that rest on official figures
    labels: dict[str, dict[int, str]]  # of levels, by rule set


@dataclass(frozen=True, slots=True)
class Permit:
    """Over which regions the caller may do what the route is for."""

    client: Client
    regions: list[str]

    @property
    def enterprise_id(self) -> int | None:
        """Return the enterprise that the caller is bound to, if it is bound to one."""
        return self.client.enterprise_id


@dataclass(frozen=True, slots=True)
class Session:
    """A connection inside a transaction that sees what the permit covers."""

    connection: Connection
    permit: Permit


def state_of(request: Request) -> State:
    """Return what the application holds."""
    state: State = request.app.state.qingyu
    return state


async def caller(request: Request) -> Client:
    """Return who calls: by the key in the header or the console's cookie, or as a guest."""
    state = state_of(request)
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if not key or scheme.lower() != "bearer":
        key = request.cookies.get(COOKIE, "")
    if key:
        async with state.engine.connect() as connection:
            client = await clients.find(connection, key.strip())
        if client is None:
            raise unauthorized()
        return client
    if state.settings.guest_region is None:
        raise unauthorized()
    return _guest(state.settings.guest_region)


def _guest(region: str) -> Client:
    return Client(
        "guest", None, tuple(Grant(region, domain, verb) for domain, verb in ROLES["regulator"])
    )


def permits(*wanted: tuple[Domain, Verb]) -> Callable[..., Awaitable[Permit]]:
    """Return a dependency that asks for any of some grants."""

    async def permit(client: Annotated[Client, Depends(caller)]) -> Permit:
        regions = sorted({r for domain, verb in wanted for r in client.regions(domain, verb)})
        if not regions:
            domain, verb = wanted[0]
            raise forbidden(f"{domain}:{verb}")
        return Permit(client, regions)

    return permit


@asynccontextmanager
async def session(state: State, permit: Permit) -> AsyncIterator[Session]:
    """Open a transaction that sees what a permit covers."""
    async with state.engine.begin() as connection:
        await scope(connection, permit.regions, permit.enterprise_id)
        yield Session(connection, permit)


def sessions(*wanted: tuple[Domain, Verb]) -> Any:
    """Return a dependency that opens a session for a caller with any of some grants."""

    async def open_session(
        request: Request, permit: Annotated[Permit, Depends(permits(*wanted))]
    ) -> AsyncIterator[Session]:
        async with session(state_of(request), permit) as opened:
            yield opened

    # the transaction ends before the answer goes out: what is answered is committed
    return Depends(open_session, scope="function")


ReadEnergy = Annotated[Session, sessions((Domain.ENERGY, Verb.READ))]
ReadEnvironment = Annotated[Session, sessions((Domain.ENVIRONMENT, Verb.READ))]
ReadMetering = Annotated[Session, sessions((Domain.METERING, Verb.READ))]
ReadDevices = Annotated[
    Session, sessions((Domain.METERING, Verb.READ), (Domain.ENVIRONMENT, Verb.READ))
]
ReadAny = Annotated[Session, sessions((Domain.ENERGY, Verb.READ), (Domain.ENVIRONMENT, Verb.READ))]
ReadFigures = Annotated[
    Session, sessions((Domain.ENERGY, Verb.READ), (Domain.STATISTICS, Verb.READ))
]
EnterFigures = Annotated[Session, sessions((Domain.STATISTICS, Verb.ENTER))]
EnterTargets = Annotated[
    Session, sessions((Domain.ENERGY, Verb.ENTER), (Domain.STATISTICS, Verb.ENTER))
]
EnterFactors = Annotated[Session, sessions((Domain.ENERGY, Verb.ENTER))]
EnterMetering = Annotated[Session, sessions((Domain.METERING, Verb.ENTER))]
ReadPlatform = Annotated[Session, sessions((Domain.PLATFORM, Verb.READ))]
Administer = Annotated[Session, sessions((Domain.PLATFORM, Verb.ADMINISTER))]
ReadCommands = Annotated[
    Session, sessions((Domain.PLATFORM, Verb.READ), (Domain.PLATFORM, Verb.ADMINISTER))
]
