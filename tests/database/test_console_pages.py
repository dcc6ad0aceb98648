"""Pages about one enterprise, one figure and one channel: what they say, and to whom."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest
from fastapi import FastAPI

from deploy.local.database import Database
from schemas.access import ROLES, Domain, Grant, Verb
from service.app import make_app
from service.console.figures import Figures
from service.console.words import words_of
from service.settings import Settings
from service.store import clients
from service.store.engine import Engine
from tests.database.test_accounts import a_works, days, enter_coal_consumption
from tests.database.world import World
from tests.registry import COUNTY, Plant, Spec, add_plant

NOW = datetime(2024, 12, 31, 16, 10, tzinfo=UTC)  # ten minutes into 2025 in Shanghai
YEAR = "2024-01..2024-12"
OTHER = "620602"
PRINT = Figures(words_of("en"), 2024)


@pytest.fixture
async def app(db: Database) -> AsyncIterator[FastAPI]:
    app = make_app(Settings(database=db.service))
    async with app.router.lifespan_context(app):
        yield app


class Visitor:
    """A browser without scripts, with a key of its own."""

    def __init__(self, client: httpx.AsyncClient, engine: Engine) -> None:
        self.client, self.engine = client, engine

    async def become(self, grants: list[Grant], enterprise: str | None = None) -> None:
        async with self.engine.begin() as connection:
            key = await clients.create(connection, f"{grants}", enterprise, grants)
        self.client.cookies.set("qingyu_key", key)

    async def be(self, role: str, region: str = "", enterprise: str | None = None) -> None:
        await self.become([Grant(region, *grant) for grant in ROLES[role]], enterprise)

    async def look(self, path: str, status: int = 200) -> str:
        """Return a page as it is read, its blanks folded."""
        answer = await self.client.get(path)
        assert answer.status_code == status, answer.text
        return answer.text

    async def read(self, path: str) -> str:
        """Return the text of a page."""
        return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", await self.look(path)))

    async def api(self, path: str, **asked: str) -> dict[str, Any]:
        answer = await self.client.get(f"/api/v1{path}", params=asked)
        assert answer.is_success, answer.text
        found: dict[str, Any] = answer.json()
        return found


@pytest.fixture
async def visitor(app: FastAPI, engine: Engine) -> AsyncIterator[Visitor]:
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="https://qingyu") as client:
        client.cookies.set("qingyu_language", "en")
        yield Visitor(client, engine)


@pytest.fixture
async def works(world: World) -> Plant:
    plant = await a_works(world)
    await enter_coal_consumption(world)
    await world.evaluate(NOW, "energy_consumption", "metered_energy")
    return plant


async def test_every_basis_stands_on_the_page_as_the_api_has_it(
    visitor: Visitor, works: Plant
) -> None:
    await visitor.be("regulator")
    page = await visitor.look(f"/enterprises/{works.uscc}")
    asked = {"enterprise": works.uscc, "indicator": "energy_consumption", "period": YEAR}
    found = (await visitor.api("/indicators", **asked))["items"]
    assert len(found) == 10
    for item in found:
        [link] = re.findall(rf'<a href="/figures/{item["id"]}"[^>]*>([^<]*)</a>', page)
        assert link == PRINT.amount(item["value"])


def link(page: str, within: str) -> str:
    """Return where the last link leads whose address begins so, as a reader follows it."""
    found: list[str] = re.findall(rf'href="({within}[^"]*)"', page)
    return found[-1].replace("&amp;", "&")


async def test_links_lead_from_a_county_down_to_a_reading(visitor: Visitor, works: Plant) -> None:
    await visitor.be("regulator", COUNTY)
    asked = {"indicator": "metered_energy", "period": YEAR, "basis": "calorific"}
    [county] = (await visitor.api(f"/counties/{COUNTY}/indicators", **asked))["items"]
    page = await visitor.look(f"/figures/{county['id']}")
    assert 'id="value">93,090.00<' in page
    parts = page[page.index('id="parts"') :]
    own = await visitor.look(link(parts, "/figures/"))
    channels = own[own.index('id="channels"') :]
    [coal] = re.findall(r'href="([^"]*)">M-04<', channels)
    year = await visitor.look(coal.replace("&amp;", "&"))
    assert "9,836.07" in year  # of the 31 days of January
    january = await visitor.look(
        f"/enterprises/{works.uscc}/measurements" + link(year, r"\?device=[^\"]*first=2024-01-01")
    )
    day = await visitor.look(
        f"/enterprises/{works.uscc}/measurements"
        + link(january, r"\?device=[^\"]*first=2024-01-02")
    )
    assert "327.868" in day
    assert "00:00:00" in day


async def test_a_month_without_data_is_a_dash_and_never_a_zero(
    visitor: Visitor, world: World
) -> None:
    plant = await add_plant(
        world.owner,
        [Spec(statistic="day.total", kind="amount", label="start", expected_interval_s=86_400)],
    )
    await world.write(plant, 0, [row for row in days(2024, 366.0) if row[0] < 0][:244])
    await world.evaluate(NOW, "energy_consumption")
    await visitor.be("regulator")
    page = await visitor.look(f"/enterprises/{plant.uscc}")
    august, november = (
        page[page.index(f'id="month-2024-{m}"') :].partition("</tr>")[0] for m in ("08", "11")
    )
    assert "100.0%" in august
    assert re.sub(r"<[^>]+>", "", november).count("—") >= 3
    assert not re.search(r">0(\.00)?<", november)


@pytest.mark.parametrize(
    ("domain", "there", "away"),
    [
        (Domain.ENERGY, "Every basis side by side", "Register of meters"),
        (Domain.ENVIRONMENT, "plant 1", "Every basis side by side"),
    ],
)
async def test_a_grant_opens_its_own_part_of_the_page(
    visitor: Visitor, works: Plant, domain: Domain, there: str, away: str
) -> None:
    await visitor.become([Grant("", domain, Verb.READ)])
    page = await visitor.read(f"/enterprises/{works.uscc}")
    assert there in page
    assert away not in page


@pytest.mark.parametrize(
    "query",
    [
        "first=2024-02-01&stop=2024-02-01",
        "first=2000-01-01&stop=2024-01-01",
        "first=x&stop=2024-01-01",
        "first=0001-01-01&stop=0001-01-02",
        "first=9999-12-30&stop=9999-12-31&device=%00",
    ],
)
async def test_days_that_cannot_be_shown_are_refused(
    visitor: Visitor, works: Plant, query: str
) -> None:
    await visitor.be("regulator")
    await visitor.look(
        f"/enterprises/{works.uscc}/measurements?quantity=raw_coal&statistic=day.total&device=M-04&{query}",
        422,
    )


async def test_the_last_day_of_all_can_be_shown(visitor: Visitor, works: Plant) -> None:
    await visitor.be("regulator")
    path = (
        f"/enterprises/{works.uscc}/measurements?quantity=raw_coal&statistic=day.total&device=M-04"
    )
    await visitor.look(f"{path}&first=9999-12-30&stop=9999-12-31", 422)
    assert "There is no reading of this day" in await visitor.look(
        f"{path}&first=2199-12-30&stop=2199-12-31"
    )


async def figure(world: World, basis: str, condition: str = "superseded_at IS NULL") -> int:
    """Return the id of the works' figure of the year on a basis."""
    found: int = await world.owner.fetchval(
        "SELECT value_id FROM indicator_values WHERE indicator = 'energy_consumption'"
        f" AND period = $1 AND basis = $2 AND {condition}",
        YEAR,
        basis,
    )
    return found


async def test_scope_of_the_pages(visitor: Visitor, works: Plant, world: World) -> None:
    county = await world.owner.fetchval(
        "SELECT min(value_id) FROM indicator_values WHERE enterprise_id IS NULL"
    )
    other = await add_plant(world.owner, number=2)
    own = f"/enterprises/{works.uscc}"
    january = "first=2024-01-01&stop=2024-02-01"
    pages = (
        own,
        f"/figures/{await figure(world, 'calorific')}",
        f"{own}/measurements?device=M-04&quantity=raw_coal&statistic=day.total&{january}",
    )
    missing = ("/figures/0", "/figures/-1", f"/figures/{2**70}", f"/enterprises/{'9' * 18}")
    for path in pages:
        await visitor.look(path, 401)
    await visitor.be("regulator", OTHER)
    for path in (*pages, f"/figures/{county}", *missing):
        assert "no such page" in await visitor.look(path, 404)
    await visitor.be("enterprise", enterprise=other.uscc)
    for path in (*pages, f"/figures/{county}"):
        await visitor.look(path, 404)
    await visitor.be("enterprise", enterprise=works.uscc)
    for path in pages:
        await visitor.look(path)
    await visitor.look(f"/figures/{county}", 404)
    await visitor.be("gateway")
    await visitor.look(own, 403)


async def test_a_replaced_figure_names_the_one_that_stands(
    visitor: Visitor, works: Plant, world: World
) -> None:
    await world.write(works, 3, list(days(2024, 60_000.0)))
    await world.evaluate(NOW, "energy_consumption")
    old = await figure(world, "calorific", "superseded_at IS NOT NULL")
    await visitor.be("regulator")
    page = await visitor.look(f"/figures/{old}")
    assert "This figure was replaced" in page
    newest = await visitor.look(re.findall(r'href="(/figures/\d+)">See revision 2<', page)[0])
    assert "50,232.00" in newest
    assert f'href="/figures/{old}"' in newest


async def test_a_figure_names_basis_documents_and_coefficients(
    visitor: Visitor, works: Plant, world: World
) -> None:
    await visitor.be("regulator")
    value = await figure(world, "coal_consumption.less_non_fossil")
    page = await visitor.read(f"/figures/{value}")
    assert "coal-consumption method, less feedstock and non-fossil energy" in page
    assert "发改环资〔2024〕113号" in page
    assert "assessed: intensity" in page
    gross = await visitor.read(f"/enterprises/{works.uscc}?period=rolling")
    for text in ("GB/T 2589-2020", "714.3 kgce/t", "to be confirmed", "no coefficient of raw coal"):
        assert text in gross


async def test_what_happened_to_a_meter_is_told(
    visitor: Visitor, works: Plant, owner: asyncpg.Connection
) -> None:
    channel, before = works.channels[0], datetime.now(UTC) - timedelta(days=800)
    device = await owner.fetchval("SELECT device_id FROM channels WHERE channel_id = $1", channel)
    await owner.execute("UPDATE devices SET calibration_months = 12 WHERE device_id = $1", device)
    await owner.execute(
        "INSERT INTO device_events (device_id, kind, at, certificate, organisation, result,"
        " recorded_by) VALUES ($1, 'calibration', $2, 'C-1', 'office', 'passed', 'tester')",
        device,
        before,
    )
    await owner.execute(
        "INSERT INTO device_events (device_id, channel_id, kind, at, closing_value, opening_value,"
        " recorded_by) VALUES ($1, $2, 'replacement', $3, 900, 5, 'tester')",
        device,
        channel,
        before,
    )
    await owner.execute(
        "INSERT INTO channel_settings (channel_id, valid_from, unit, scale, multiplier, ct,"
        " recorded_by) VALUES ($1, $2, 'kWh', 1, 120, 120, 'tester')",
        channel,
        before,
    )
    await visitor.be("regulator")
    page = await visitor.read(f"/enterprises/{works.uscc}")
    assert "old dial closed at 900.00, new one opened at 5.00" in page
    assert "multiplier 1 → 120 (CT 120 × PT 1)" in page
    assert re.search(r"overdue \d{4}-\d\d-\d\d · \d+ days overdue", page)
    assert "C-1 · office" in page
    assert "voided" not in page
    await owner.execute("DELETE FROM device_events WHERE kind = 'replacement'")
    assert "voided" in await visitor.read(f"/enterprises/{works.uscc}")


@pytest.mark.parametrize(
    ("page", "leads"),
    [
        pytest.param("/figures/12", "/figures/12", id="a figure"),
        pytest.param(f"/enterprises/{'9' * 18}", f"/enterprises/{'9' * 18}", id="an enterprise"),
        pytest.param("//elsewhere.example/", "/", id="another site"),
        pytest.param("/figures/12\n/x", "/", id="a line break"),
        pytest.param("", "/", id="nothing"),
    ],
)
async def test_a_key_leads_back_to_the_page_that_asked_for_it(
    visitor: Visitor, engine: Engine, page: str, leads: str
) -> None:
    async with engine.begin() as connection:
        grants = [Grant("", *grant) for grant in ROLES["regulator"]]
        key = await clients.create(connection, "regulator", None, grants)
    answer = await visitor.client.post("/enter", data={"key": key, "page": page})
    assert (answer.status_code, answer.headers["location"]) == (303, leads)
    asked = await visitor.client.post("/enter", data={"key": "wrong", "page": "/figures/12"})
    assert 'name="page" value="/figures/12"' in asked.text
