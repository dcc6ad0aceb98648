"""The routes: who may see what, pages, formats, errors that say what to do."""

import csv
import io
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import openpyxl
import pytest

from deploy.local.database import Database
from ingest.commit import commit
from schemas.access import ROLES, Grant
from service import evaluator, rollup
from service.analyzers import find
from service.app import make_app
from service.settings import Settings
from service.store import clients
from service.store.engine import Engine
from tests.registry import COUNTY, Plant, Spec, add_plant, uscc
from tests.series import START, batch, grouped

OTHER = "620602"
NOW = datetime.fromtimestamp(START, UTC)


class Api:
    """A client for the application, with a key for each role."""

    def __init__(self, app: Any, engine: Engine) -> None:
        transport = httpx.ASGITransport(app=app)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://qingyu")
        self.engine = engine
        self.key = ""

    async def become(self, role: str, region: str = "", enterprise: str | None = None) -> None:
        grants = [Grant(region, domain, verb) for domain, verb in ROLES[role]]
        async with self.engine.begin() as connection:
            name = f"{role} {region} {enterprise}"
            self.key = await clients.create(connection, name, enterprise, grants)

    async def get(self, path: str, **parameters: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        return await self.client.get(f"/api/v1{path}", params=parameters, headers=headers)

    async def post(self, path: str, body: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.key}"}
        return await self.client.post(f"/api/v1{path}", json=body, headers=headers)


@pytest.fixture
async def api(db: Database, engine: Engine) -> AsyncIterator[Api]:
    app = make_app(Settings(database=db.service))
    async with app.router.lifespan_context(app):
        yield Api(app, engine)


@pytest.fixture
async def plants(owner: asyncpg.Connection, pool: asyncpg.Pool, engine: Engine) -> list[Plant]:
    """Two plants in two counties, each with ten hourly readings of a meter and an output."""
    plants = []
    for number, county in ((1, COUNTY), (2, OTHER)):
        output = Spec(quantity="ferrosilicon", role="output", unit="t", device="M-01", level=None)
        plant = await add_plant(
            owner, [Spec(expected_interval_s=3600), output], number=number, county=county
        )
        rows = [(3600.0 * hour, 100.0 * hour, 0) for hour in range(10)]
        async with pool.acquire() as connection:
            for channel in plant.channels:
                await commit(connection, grouped([batch(plant.enterprise_id, channel, rows)]))
        plants.append(plant)
    analyzers = find()
    ever = datetime(2000, 1, 1, tzinfo=UTC)
    await rollup.roll_up_each(engine, [analyzer.name for analyzer in analyzers], ever)
    await evaluator.evaluate_all(engine, analyzers, NOW + timedelta(days=2))
    return plants


STRETCH = {"from": NOW.isoformat(), "to": (NOW + timedelta(days=1)).isoformat()}


@pytest.mark.parametrize(
    "path",
    [
        "/counties",
        "/readings",
        "/usage",
        "/emissions",
        "/alerts",
        "/alerts/events",
        "/alerts/feed",
        "/enterprises",
    ],
)
async def test_every_route_asks_for_a_key(api: Api, path: str) -> None:
    answer = await api.get(path, enterprise=uscc(1))
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
    api.key = "wrong"
    assert (await api.get(path, enterprise=uscc(1))).status_code == 401


@pytest.mark.parametrize(
    ("role", "path", "status"),
    [
        pytest.param("gateway", "/counties", 403, id="a gateway reads nothing"),
        pytest.param("regulator", "/counties", 200, id="a regulator reads"),
        pytest.param("regulator", "/rejected-payloads", 403, id="but not the platform's own"),
        pytest.param("operator", "/rejected-payloads", 200, id="an operator does"),
    ],
)
async def test_a_route_needs_its_grant(api: Api, role: str, path: str, status: int) -> None:
    await api.become(role)
    assert (await api.get(path)).status_code == status


async def test_a_guest_reads_where_it_is_allowed(db: Database, plants: list[Plant]) -> None:
    app = make_app(Settings(database=db.service, guest_region=OTHER))
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://qingyu") as client:
            counties = (await client.get("/api/v1/counties")).json()["items"]
            assert [county["code"] for county in counties] == [OTHER]
            answer = await client.post("/api/v1/statistics", json={"figures": []})
            assert answer.status_code == 403


async def test_a_region_bounds_what_is_seen(api: Api, plants: list[Plant]) -> None:
    await api.become("regulator", OTHER)
    counties = (await api.get("/counties")).json()["items"]
    assert [county["code"] for county in counties] == [OTHER]
    enterprises = (await api.get("/enterprises")).json()["items"]
    assert [enterprise["uscc"] for enterprise in enterprises] == [plants[1].uscc]
    for path in ("/readings", "/usage", "/emissions", "/indicators"):
        answer = await api.get(path, enterprise=plants[0].uscc, **STRETCH)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    answer = await api.get(f"/counties/{COUNTY}/indicators")
    assert answer.status_code == 404


async def test_an_enterprise_sees_itself_only(api: Api, plants: list[Plant]) -> None:
    await api.become("enterprise", "", plants[0].uscc)
    answer = await api.get("/readings", enterprise=plants[0].uscc, **STRETCH)
    assert len(answer.json()["items"]) == 20
    answer = await api.get("/readings", enterprise=plants[1].uscc, **STRETCH)
    assert answer.status_code == 404
    values = (await api.get(f"/counties/{COUNTY}/indicators")).json()["items"]
    assert values == []


async def test_readings_come_as_sent_in_pages(api: Api, plants: list[Plant]) -> None:
    await api.become("regulator")
    where = {"enterprise": plants[0].uscc, "device": "M-01", "quantity": "electricity", **STRETCH}
    seen: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    for _ in range(4):
        page = (await api.get("/readings", limit=3, **where, **cursor)).json()
        seen += page["items"]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert [row["value"] for row in seen] == [100.0 * hour for hour in range(10)]
    assert seen[1] == {
        "device": "M-01",
        "quantity": "electricity",
        "statistic": "instant",
        "at": (NOW + timedelta(hours=1)).isoformat().replace("+00:00", "Z"),
        "value": 100.0,
        "unit": "kWh",
        "quality": "good",
    }


@pytest.mark.parametrize(
    ("step", "count", "amount", "seconds"),
    [("15m", 36, 25.0, 900), ("1h", 9, 100.0, 3600), ("1d", 1, 900.0, 86400), ("1mo", 1, 900.0, 0)],
)
async def test_usage_is_summed_by_the_step(
    api: Api, plants: list[Plant], step: str, count: int, amount: float, seconds: int
) -> None:
    await api.become("regulator")
    where = {"enterprise": plants[0].uscc, "quantity": "electricity", **STRETCH}
    items = (await api.get("/usage", step=step, **where)).json()["items"]
    assert len(items) == count
    assert items[0]["amount"] == pytest.approx(amount)
    assert items[0]["tce"] == pytest.approx(amount * 0.1229 / 1000)
    assert (items[0]["unit"], items[0]["estimated"]) == ("kWh", 0.0)
    if step != "1mo":
        assert items[0]["completeness"] == pytest.approx(min(1.0, 9 * 3600 / seconds))
    none = (await api.get("/usage", step=step, basis="coal_consumption", **where)).json()
    assert none["items"][0]["tce"] is None  # the operator has entered no value


async def test_pages_of_usage_join(api: Api, plants: list[Plant]) -> None:
    await api.become("regulator")
    where = {"enterprise": plants[0].uscc, "step": "1h", **STRETCH}
    whole = (await api.get("/usage", **where)).json()["items"]
    cursor: dict[str, str] = {}
    seen = []
    for _ in range(10):
        page = (await api.get("/usage", limit=4, **where, **cursor)).json()
        seen += page["items"]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert seen == whole


async def test_events_come_newest_first_in_pages(api: Api, owner: asyncpg.Connection) -> None:
    await owner.execute(
        "INSERT INTO alert_events (county_code, kind, as_of, body)"
        " SELECT $1, 'change', now(), '{}' FROM generate_series(1, 5)",
        COUNTY,
    )
    await api.become("regulator")
    first = (await api.get("/alerts/events", limit=3)).json()
    rest = (await api.get("/alerts/events", limit=3, cursor=first["next"])).json()
    ids = [event["id"] for event in [*first["items"], *rest["items"]]]
    assert ids == sorted(ids, reverse=True)
    assert (len(set(ids)), rest["next"]) == (5, None)


async def test_lists_come_as_tables(api: Api, plants: list[Plant]) -> None:
    await api.become("regulator")
    where = {"enterprise": plants[0].uscc, "quantity": "electricity", **STRETCH}
    answer = await api.get("/readings", format="csv", **where)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert (len(rows), rows[1]["value"]) == (10, "100.0")
    answer = await api.get("/readings", format="xlsx", **where)
    sheet = openpyxl.load_workbook(io.BytesIO(answer.content)).worksheets[0]
    assert [cell.value for cell in sheet[1]][:2] == ["device", "quantity"]
    assert sheet.max_row == 11


async def test_a_county_without_official_figures_is_not_rated(
    api: Api, plants: list[Plant]
) -> None:
    await api.become("regulator")
    [county] = [c for c in (await api.get("/counties")).json()["items"] if c["code"] == COUNTY]
    assert (county["level"], county["as_of"]) == (None, None)
    assert {result["stage"] for result in county["results"]} == {"lead"}
    assert all(result["level"] is None for result in county["results"])


async def enter(api: Api, **figure: Any) -> httpx.Response:
    row = {
        "county": COUNTY,
        "series": "intensity_reduction",
        "period": "2026-01..2026-03",
        "value": "2.60",
        "state": "preliminary",
        "source": "test",
        **figure,
    }
    return await api.post("/statistics", {"figures": [row]})


async def test_official_figures_give_a_county_its_level(
    api: Api, plants: list[Plant], engine: Engine
) -> None:
    await api.become("statistics")
    target = {"county": COUNTY, "indicator": "intensity_reduction", "source": "test",
              "period": "2026-01..2026-12", "value": "2.80"}  # fmt: skip
    assert (await api.post("/targets", {"targets": [target]})).json()["entered"] == 1
    assert (await enter(api)).json() == {"entered": 1, "revised": 0}
    await evaluator.evaluate_all(engine, find(), NOW + timedelta(days=2))
    [county] = [c for c in (await api.get("/counties")).json()["items"] if c["code"] == COUNTY]
    assert county["level"] == "yellow"
    [official] = [r for r in county["results"] if r["stage"] == "official"]
    assert (official["dimension"], official["label"], official["rule_set"]) == (
        "intensity", "二级", "ndrc_2020_gap10",
    )  # fmt: skip
    assert (official["value"], official["target"], official["gap"]) == (2.6, 2.8, -0.2)
    assert (await enter(api, value="2.80")).json() == {"entered": 1, "revised": 1}
    await evaluator.evaluate_all(engine, find(), NOW + timedelta(days=2))
    values = (await api.get(f"/counties/{COUNTY}/indicators", stage="official")).json()["items"]
    assert [(v["level"], v["revision"], v["inputs"]["actual"]) for v in values] == [
        ("green", 2, "2.80")
    ]
    [figure] = (await api.get("/statistics", county=COUNTY)).json()["items"]
    assert (figure["value"], figure["revision"]) == ("2.80", 2)


@pytest.mark.parametrize(
    ("figure", "code"),
    [
        pytest.param({"county": "110101"}, "unknown_county", id="a county that is not there"),
        pytest.param({"series": "gpd"}, "unknown_series", id="a series that is not there"),
        pytest.param({"period": "2026-03..2026-01"}, "bad_period", id="months in reverse"),
        pytest.param({"period": "2026-13..2026-14"}, "bad_period", id="no months"),
        pytest.param(
            {"series": "gdp_growth", "price_base": "current"}, "current_prices",
            id="growth of GDP at current prices",
        ),
        pytest.param({"series": "gdp_growth"}, "current_prices", id="of GDP at unknown prices"),
    ],
)  # fmt: skip
async def test_figures_are_refused_row_by_row(
    api: Api, plants: list[Plant], owner: asyncpg.Connection, figure: dict[str, Any], code: str
) -> None:
    await api.become("statistics")
    answer = await enter(api, **figure)
    assert answer.status_code == 422
    [row] = answer.json()["rows"]
    assert (row["row"], row["code"]) == (0, code)
    assert row["detail_zh"]
    assert await owner.fetchval("SELECT count(*) FROM statistics") == 0


async def test_three_rates_that_contradict_each_other_are_refused(
    api: Api, plants: list[Plant]
) -> None:
    await api.become("statistics")
    common = {"county": COUNTY, "period": "2026-01..2026-03", "state": "verified", "source": "x"}
    rows = [
        {**common, "series": "intensity_reduction", "value": "2.0"},
        {**common, "series": "energy_growth", "value": "3.7"},
        {**common, "series": "gdp_growth", "value": "3.9", "price_base": "constant"},
    ]
    answer = await api.post("/statistics", {"figures": rows})
    assert [row["code"] for row in answer.json()["rows"]] == ["contradiction"]
    rows[0]["value"] = "0.20"  # Gansu 2020: -0.20, +3.7, hence +3.91
    assert (await api.post("/statistics", {"figures": rows})).json()["entered"] == 3


async def test_only_the_statistics_office_enters_figures(api: Api, plants: list[Plant]) -> None:
    for role in ("regulator", "operator", "administrator", "enterprise"):
        await api.become(role)
        assert (await enter(api)).status_code == 403


@pytest.mark.parametrize(
    ("path", "parameters", "code"),
    [
        pytest.param("/readings", {}, "invalid", id="no enterprise"),
        pytest.param("/readings", {"from": "2026-01-01T00:00:00"}, "bad_parameter", id="no offset"),
        pytest.param("/readings", {"limit": 0}, "invalid", id="a page of nothing"),
        pytest.param("/readings", {"cursor": "💥"}, "bad_parameter", id="no cursor"),
        pytest.param("/usage", {"step": "7m"}, "invalid", id="a step that is not there"),
        pytest.param("/counties/abc/indicators", {}, "invalid", id="no county code"),
        pytest.param("/readings", {"device": "\x00"}, "bad_value", id="NUL in a device"),
    ],
)
async def test_errors_say_what_to_do(
    api: Api, plants: list[Plant], path: str, parameters: dict[str, Any], code: str
) -> None:
    await api.become("regulator")
    if code != "invalid":
        parameters = {"enterprise": plants[0].uscc, **parameters}
    answer = await api.get(path, **parameters)
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["code"], problem["status"]) == (code, answer.status_code)
    assert problem["detail_zh"]


REGISTRY: dict[str, Any] = {
    "counties": [{"code": COUNTY, "name_zh": "天祝", "name_en": "Tianzhu"}],
    "enterprises": [
        {
            "uscc": uscc(7), "county": COUNTY, "name_zh": "七", "name_en": "Seven",
            "trade": "ferroalloy",
            "facilities": [{"code": "F1", "name_zh": "炉", "name_en": "furnace",
                            "kind": "production", "product": "ferrosilicon"}],
            "devices": [{
                "code": "M-01", "name_zh": "表", "name_en": "meter", "kind": "meter",
                "metering_level": 1, "facility": "F1",
                "channels": [{"quantity": "electricity", "kind": "register",
                              "role": "consumption", "unit": "万kWh", "expected_interval_s": 900,
                              "in_service_from": "2026-01-01T00:00:00+08:00", "width": 1e6}],
            }],
        }
    ],
}  # fmt: skip


async def test_the_registry_is_entered_as_one_document(api: Api, owner: asyncpg.Connection) -> None:
    await api.become("administrator")
    answer = await api.post("/registry", REGISTRY)
    assert answer.json() == {
        "counties": 1, "parks": 0, "enterprises": 1, "channels": 1, "coefficients": 0,
    }  # fmt: skip
    assert await owner.fetchval("SELECT scale FROM channel_settings") == 10_000
    again = await api.post("/registry", REGISTRY)
    assert again.status_code == 200
    assert await owner.fetchval("SELECT count(*) FROM channels") == 1
    [enterprise] = (await api.get("/enterprises", uscc=uscc(7))).json()["items"]
    assert enterprise["devices"][0]["quantities"][0]["unit"] == "万kWh"
    entry = json.loads(
        await owner.fetchval("SELECT detail FROM audit_log ORDER BY entry_id LIMIT 1")
    )
    assert entry["channels"] == 1


@pytest.mark.parametrize(
    ("change", "where"),
    [
        pytest.param({"uscc": uscc(7)[:-1] + "0"}, "uscc", id="a wrong check digit"),
        pytest.param({"county": "110101"}, "county 110101", id="a county that is not there"),
        pytest.param({"trade": "a\x00b"}, "trade", id="NUL in a text"),
        pytest.param({"colour": "red"}, "colour", id="a field that is not there"),
    ],
)
async def test_a_wrong_registry_is_refused_whole(
    api: Api, owner: asyncpg.Connection, change: dict[str, Any], where: str
) -> None:
    await api.become("administrator")
    document = {**REGISTRY, "enterprises": [{**REGISTRY["enterprises"][0], **change}]}
    answer = await api.post("/registry", document)
    assert answer.status_code == 422
    assert where in answer.text
    assert await owner.fetchval("SELECT count(*) FROM counties") == 0


async def test_monitoring_and_description_need_no_key(api: Api) -> None:
    for path in ("/healthz", "/metrics", "/api/v1/openapi.json"):
        assert (await api.client.get(path)).status_code == 200
    described = (await api.client.get("/api/v1/openapi.json")).json()["paths"]
    assert "/api/v1/counties/{code}/indicators" in described
