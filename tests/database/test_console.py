"""The pages as the application renders them: scope, health, sources, cookies, headers."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import asyncpg
import httpx
import pytest
from fastapi import FastAPI

from deploy.local.database import Database
from ingest.commit import commit
from schemas.access import ROLES, Grant
from service.app import make_app
from service.settings import Settings
from service.store import clients, health, provenance
from service.store.engine import Engine
from tests.registry import COUNTY, Plant, Spec, add_plant
from tests.series import START, batch, grouped

OTHER = "620602"
HOURLY = Spec(expected_interval_s=3600)


@pytest.fixture
async def app(db: Database) -> AsyncIterator[FastAPI]:
    app = make_app(Settings(database=db.service))
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
async def visitor(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A browser without cookies and scripts."""
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="https://qingyu") as client:
        client.cookies.set("qingyu_language", "en")
        yield client


@pytest.fixture
async def plants(owner: asyncpg.Connection, pool: asyncpg.Pool) -> list[Plant]:
    """Two plants in two counties: of the first one channel of two reports, the second is silent."""
    plants = [
        await add_plant(owner, [HOURLY, HOURLY], number=1),
        await add_plant(owner, [HOURLY], number=2, county=OTHER),
    ]
    first, second = plants
    now = datetime.now(UTC).replace(microsecond=0)
    await _send(pool, first, first.channels[0], now - timedelta(hours=1))
    await _send(pool, second, second.channels[0], now - timedelta(hours=30))
    return plants


async def _send(pool: asyncpg.Pool, plant: Plant, channel: int, last: datetime) -> None:
    async with pool.acquire() as connection:
        rows = [(last.timestamp() - START, 1.0, 0)]
        await commit(connection, grouped([batch(plant.enterprise_id, channel, rows)]))


async def key_of(engine: Engine, role: str, region: str = "", enterprise: str | None = None) -> str:
    grants = [Grant(region, domain, verb) for domain, verb in ROLES[role]]
    async with engine.begin() as connection:
        return await clients.create(connection, f"{role} {region}", enterprise, grants)


async def enter(visitor: httpx.AsyncClient, key: str, **headers: str) -> httpx.Response:
    return await visitor.post("/enter", data={"key": key}, headers=headers)


async def look(visitor: httpx.AsyncClient, path: str = "/") -> str:
    """Return a page, its blanks folded."""
    answer = await visitor.get(path)
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", answer.text)


async def test_without_a_key_nothing_is_told(
    visitor: httpx.AsyncClient, plants: list[Plant]
) -> None:
    for path in ("/", "/console/counties", "/console/entries", "/console/health"):
        answer = await visitor.get(path)
        assert answer.status_code == 401
        assert "county" not in answer.text.lower().replace("counties", "")


async def test_a_key_is_kept_where_no_script_reads_it(
    visitor: httpx.AsyncClient, engine: Engine
) -> None:
    answer = await enter(visitor, f"  {await key_of(engine, 'regulator')}\n")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"].lower()
    for attribute in ("httponly", "secure", "samesite=strict", "path=/"):
        assert attribute in cookie
    assert "max-age" not in cookie  # it is forgotten when the browser is closed
    assert (await visitor.get("/")).status_code == 200
    await visitor.post("/leave")
    assert (await visitor.get("/")).status_code == 401


@pytest.mark.parametrize(
    ("role", "headers", "status", "words"),
    [
        pytest.param(None, {}, 401, "This key is not valid", id="a wrong key"),
        pytest.param("gateway", {}, 403, "only submits readings", id="a key that reads nothing"),
        pytest.param(
            "regulator",
            {"Sec-Fetch-Site": "cross-site"},
            401,
            "not valid",
            id="another site's form",
        ),
    ],
)
async def test_a_key_that_opens_nothing_is_told_why(
    visitor: httpx.AsyncClient,
    engine: Engine,
    role: str | None,
    headers: dict[str, str],
    status: int,
    words: str,
) -> None:
    key = "wrong" if role is None else await key_of(engine, role)
    answer = await enter(visitor, key, **headers)
    assert (answer.status_code, words in answer.text) == (status, True)
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("key", ["", "x" * 3_000, "\x00", "%ff"])
async def test_a_form_that_holds_no_key_is_refused(visitor: httpx.AsyncClient, key: str) -> None:
    assert (await enter(visitor, key)).status_code == 401


async def test_another_site_cannot_sign_a_visitor_out(
    visitor: httpx.AsyncClient, engine: Engine
) -> None:
    await enter(visitor, await key_of(engine, "regulator"))
    await visitor.post("/leave", headers={"Sec-Fetch-Site": "cross-site"})
    assert (await visitor.get("/")).status_code == 200


async def test_a_region_sees_its_counties_only(
    visitor: httpx.AsyncClient, engine: Engine, plants: list[Plant]
) -> None:
    await enter(visitor, await key_of(engine, "regulator", region=OTHER))
    text = await look(visitor)
    assert f"row-{OTHER}" in text
    assert COUNTY not in text


async def test_an_enterprise_gets_no_counties(
    visitor: httpx.AsyncClient, engine: Engine, plants: list[Plant]
) -> None:
    first, second = plants
    await enter(visitor, await key_of(engine, "enterprise", enterprise=first.uscc))
    text = await look(visitor)
    assert "plant 1" in text
    assert "plant 2" not in text
    assert second.uscc not in text
    assert "row-62" not in text
    assert (await visitor.get("/console/counties")).status_code == 204


async def test_health_counts_what_is_silent(
    visitor: httpx.AsyncClient, engine: Engine, plants: list[Plant]
) -> None:
    await enter(visitor, await key_of(engine, "operator"))
    text = re.sub(r"<[^>]+>", " ", await look(visitor, "/console/health"))
    words = re.sub(r"\s+", " ", text)
    assert "Channels in time 33.3% 1 of 3" in words
    assert "Silent channels 2" in words
    assert "Waiting for rollup 2" in words
    assert f"county {COUNTY} 50.0% 1 / 2 0 / 1" in words
    assert f"county {OTHER} 0.0% 1 / 1 1 / 1" in words


async def test_a_channel_out_of_service_is_not_silent(
    engine: Engine, owner: asyncpg.Connection, plants: list[Plant]
) -> None:
    now = datetime.now(UTC)
    await owner.execute("UPDATE channels SET in_service_to = $1", now - timedelta(days=1))
    async with engine.connect() as connection:
        assert await health.reporting(connection, now) == []


async def test_refused_payloads_are_for_operators(
    visitor: httpx.AsyncClient, engine: Engine, plants: list[Plant]
) -> None:
    await enter(visitor, await key_of(engine, "regulator"))
    assert "Refused payloads are shown" in await look(visitor)
    await enter(visitor, await key_of(engine, "operator"))
    assert "No payload was refused" in await look(visitor)


async def test_a_coefficient_counts_while_a_channel_needs_it_and_nobody_confirmed_it(
    owner: asyncpg.Connection, engine: Engine, plants: list[Plant]
) -> None:
    async def unconfirmed() -> list[tuple[str, float, str]]:
        async with engine.connect() as connection:
            found = await provenance.unconfirmed_coefficients(connection)
        return [(it.quantity, it.kgce_per_unit, it.valid_from.isoformat()) for it in found]

    await owner.execute("UPDATE coefficients SET confirmed = true")
    for quantity, confirmed in (("electricity", False), ("natural_gas", False)):
        await owner.execute(
            "INSERT INTO coefficients (quantity, method, kgce_per_unit, valid_from, source,"
            " confirmed) VALUES ($1, 'coal_consumption', 0.3, '2020-02-01', 'x', $2)",
            quantity,
            confirmed,
        )
    assert await unconfirmed() == [("electricity", 0.3, "2020-02-01")]
    await owner.execute("UPDATE coefficients SET confirmed = true")
    assert await unconfirmed() == []


async def test_names_are_text_wherever_they_stand(
    visitor: httpx.AsyncClient, engine: Engine, owner: asyncpg.Connection, plants: list[Plant]
) -> None:
    hostile = "</script><img src=x onerror=alert(1)>"
    await owner.execute("UPDATE counties SET name_en = $1", hostile)
    await enter(visitor, await key_of(engine, "regulator"))
    text = await look(visitor)
    assert "<img src=x" not in text
    assert "&lt;/script&gt;&lt;img" in text  # in the page
    assert "\\u003c/script\\u003e\\u003cimg" in text  # in what the scripts are given


async def test_an_empty_platform_says_what_to_do(
    visitor: httpx.AsyncClient, engine: Engine
) -> None:
    await enter(visitor, await key_of(engine, "administrator"))
    text = await look(visitor)
    assert "No county is registered yet" in text
    assert "POST /api/v1/registry" in text


@pytest.mark.parametrize(
    ("query", "status"),
    [("?county=620623", 200), ("?county=", 200), ("?county=999999", 200), ("?county=x", 422)],
)
async def test_an_address_may_name_a_county(
    visitor: httpx.AsyncClient, engine: Engine, plants: list[Plant], query: str, status: int
) -> None:
    await enter(visitor, await key_of(engine, "regulator"))
    assert (await visitor.get(f"/{query}")).status_code == status


async def test_files_are_kept_by_their_version_only(visitor: httpx.AsyncClient) -> None:
    page = (await visitor.get("/")).text
    [version] = set(re.findall(r"/static/([0-9a-f]{12})/", page))
    kept = await visitor.get(f"/static/{version}/base.css")
    assert "immutable" in kept.headers["cache-control"]
    other = await visitor.get("/static/000000000000/base.css")
    assert (other.status_code, other.headers["cache-control"]) == (200, "no-cache")
    for path in ("nothing.css", "%2e%2e/pages.py"):
        assert (await visitor.get(f"/static/{version}/{path}")).status_code == 404
