"""Rejected payloads: who sees which, filters, counts, replays, purges."""

import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import httpx
import pytest

from deploy.local.database import Database
from schemas.access import ROLES, Grant
from service.app import make_app
from service.settings import Settings
from service.store import clients
from service.store.engine import Engine
from tests.registry import COUNTY, Plant, add_plant

OTHER = "620602"
STRANGER = "91620602MA0000002X"


class Api:
    """A client for the application, with a key for each role."""

    def __init__(self, app: Any, engine: Engine) -> None:
        transport = httpx.ASGITransport(app=app)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://qingyu/api/v1")
        self.engine = engine

    async def become(self, role: str, region: str = "", enterprise: str | None = None) -> None:
        grants = [Grant(region, domain, verb) for domain, verb in ROLES[role]]
        async with self.engine.begin() as connection:
            name = f"{role} {region} {enterprise}"
            key = await clients.create(connection, name, enterprise, grants)
        self.client.headers["Authorization"] = f"Bearer {key}"

    async def list(self, path: str = "", **asked: Any) -> list[dict[str, Any]]:
        answer = await self.client.get(f"/rejected-payloads{path}", params=asked)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["items"]
        return found


@pytest.fixture
async def api(db: Database, engine: Engine) -> AsyncIterator[Api]:
    app = make_app(Settings(database=db.service))
    async with app.router.lifespan_context(app):
        yield Api(app, engine)


ROWS = [
    # collector, sender, reason, payload, age in days
    ("mqtt", 1, "unknown_device", b'{"device":"M-77"}', 3),
    ("http", "gateway 1", "malformed", b"\xff\x00garbage", 2),
    ("mqtt", 2, "unknown_device", b'{"device":"M-78"}', 2),
    ("mqtt", STRANGER, "unknown_enterprise", b'{"device":"M-79"}', 1),
]


@pytest.fixture
async def plants(owner: asyncpg.Connection) -> list[Plant]:
    """Two plants in two counties, with payloads of theirs and of a stranger."""
    plants = [await add_plant(owner, number=1), await add_plant(owner, number=2, county=OTHER)]
    for place, (collector, sender, reason, payload, age) in enumerate(ROWS):
        name = plants[sender - 1].uscc if isinstance(sender, int) else sender
        await owner.execute(
            "INSERT INTO rejected_payloads (collector, sender, reason, detail, payload,"
            " payload_bytes, digest, occurrences, first_received_at, last_received_at)"
            " VALUES ($1, $2, $3, 'of ' || $3, $4, $5, $6, $7,"
            " now() - make_interval(days => 10), now() - make_interval(days => $8))",
            collector, name, reason, payload, len(payload), bytes([place]), place + 1, age,
        )  # fmt: skip
    return plants


@pytest.mark.parametrize(
    ("role", "region", "enterprise", "seen"),
    [
        pytest.param("operator", "", None, [4, 3, 2, 1], id="the platform's operator sees all"),
        pytest.param("operator", COUNTY, None, [4, 2, 1], id="of one county: its own, and unknown"),
        pytest.param("enterprise", "", 1, [2, 1], id="an enterprise its own, of key and account"),
        pytest.param("enterprise", "", 2, [3], id="and the other one its own"),
    ],
)
async def test_who_sees_which(
    api: Api, plants: list[Plant], role: str, region: str, enterprise: int | None, seen: list[int]
) -> None:
    uscc = None if enterprise is None else plants[enterprise - 1].uscc
    await api.become(role, region, uscc)
    assert [item["id"] for item in await api.list()] == seen
    assert sum(item["payloads"] for item in await api.list("/counts")) == len(seen)
    for number in range(1, 5):
        answer = await api.client.get(f"/rejected-payloads/{number}")
        assert answer.status_code == (200 if number in seen else 404)


@pytest.mark.parametrize("role", ["regulator", "gateway", "statistics"])
async def test_others_see_none(api: Api, plants: list[Plant], role: str) -> None:
    await api.become(role)
    for path in ("", "/counts", "/1", "/replays", "/replays/1"):
        answer = await api.client.get(f"/rejected-payloads{path}")
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        pytest.param({"reason": "unknown_device"}, [3, 1], id="reason"),
        pytest.param({"collector": "http"}, [2], id="collector"),
        pytest.param({"sender": "gateway 1"}, [2], id="sender"),
        pytest.param({"enterprise": 1}, [2, 1], id="enterprise, whoever sent"),
        pytest.param({"enterprise": STRANGER}, [], id="an enterprise that is not there"),
        pytest.param({"text": "M-78"}, [3], id="text of the payload"),
        pytest.param({"text": "of unknown_ent"}, [4], id="text of the detail"),
        pytest.param({"text": "%"}, [], id="no wildcard"),
        pytest.param({"reason": "unknown_device", "text": "M-77"}, [1], id="both"),
    ],
)
async def test_filters(
    api: Api, plants: list[Plant], asked: dict[str, Any], found: list[int]
) -> None:
    await api.become("operator")
    if isinstance(asked.get("enterprise"), int):
        asked = {**asked, "enterprise": plants[asked["enterprise"] - 1].uscc}
    assert [item["id"] for item in await api.list(**asked)] == found


async def test_times_bound_when_it_was_received_last(
    api: Api, plants: list[Plant], owner: asyncpg.Connection
) -> None:
    await api.become("operator")
    at = await owner.fetch("SELECT last_received_at FROM rejected_payloads ORDER BY payload_id")
    stretch = {"from": at[1][0].isoformat(), "to": at[3][0].isoformat()}
    assert [item["id"] for item in await api.list(**stretch)] == [3, 2]
    answer = await api.client.get("/rejected-payloads", params={"from": "2026-01-01T00:00:00"})
    assert answer.json()["code"] == "bad_parameter"


async def test_pages_follow_each_other(api: Api, plants: list[Plant]) -> None:
    await api.become("operator")
    seen: list[int] = []
    cursor: dict[str, str] = {}
    while True:
        answer = await api.client.get("/rejected-payloads", params={"limit": 3, **cursor})
        seen += [item["id"] for item in answer.json()["items"]]
        if (following := answer.json()["next"]) is None:
            break
        cursor = {"cursor": following}
    assert seen == [4, 3, 2, 1]


async def test_counts_by_reason_and_collector(api: Api, plants: list[Plant]) -> None:
    await api.become("operator")
    found = await api.list("/counts")
    assert [
        (item["reason"], item["collector"], item["payloads"], item["occurrences"]) for item in found
    ] == [
        ("unknown_device", "mqtt", 2, 4),
        ("unknown_enterprise", "mqtt", 1, 4),
        ("malformed", "http", 1, 2),
    ]
    assert found[0]["first_received_at"] < found[0]["last_received_at"]


async def test_a_payload_is_shown_whole(
    api: Api, plants: list[Plant], owner: asyncpg.Connection
) -> None:
    await api.become("operator")
    long = b'"' + "晴".encode() * 10_000 + b'"'
    await owner.execute(
        "UPDATE rejected_payloads SET payload = $1, payload_bytes = $2 WHERE payload_id = 1",
        long, len(long) + 1,
    )  # fmt: skip
    shown = (await api.client.get("/rejected-payloads/1")).json()
    assert (shown["payload"], shown["payload_encoding"]) == (long.decode(), "utf-8")
    assert not shown["complete"]
    assert shown["enterprise"] == plants[0].uscc
    raw = (await api.client.get("/rejected-payloads/2")).json()
    assert raw["payload_encoding"] == "base64"
    assert base64.b64decode(raw["payload"]) == ROWS[1][3]
    assert raw["complete"]


@pytest.mark.parametrize(
    "path", ["/0", "/99999999999999999999", "/replays/0", "/replays/99999999999999999999"]
)
async def test_ids_out_of_range_are_refused(api: Api, plants: list[Plant], path: str) -> None:
    await api.become("operator")
    answer = await api.client.get(f"/rejected-payloads{path}")
    assert answer.status_code == 422


async def test_a_purge_is_counted_and_audited(
    api: Api, plants: list[Plant], owner: asyncpg.Connection
) -> None:
    await api.become("administrator")
    answer = await api.client.delete("/rejected-payloads", params={"reason": "unknown_device"})
    assert answer.json() == {"deleted": 2, "reasons": {"unknown_device": 2}}
    assert [item["id"] for item in await api.list()] == [4, 2]
    entry = await owner.fetchrow(
        "SELECT actor, detail FROM audit_log WHERE action = 'purge_rejected'"
    )
    assert entry["actor"].startswith("administrator")
    assert json.loads(entry["detail"]) == {
        "deleted": 2,
        "reasons": {"unknown_device": 2},
        "filter": {"reason": "unknown_device"},
    }


async def test_a_purge_reaches_no_further_than_the_caller_sees(
    api: Api, plants: list[Plant]
) -> None:
    await api.become("administrator", COUNTY)
    answer = await api.client.delete("/rejected-payloads", params={"collector": "mqtt"})
    assert answer.json()["deleted"] == 2
    await api.become("operator")
    assert [item["id"] for item in await api.list()] == [3, 2]


@pytest.mark.parametrize("asked", [{}, {"text": ""}])
async def test_a_purge_of_everything_is_refused(
    api: Api, plants: list[Plant], asked: dict[str, str]
) -> None:
    await api.become("administrator")
    answer = await api.client.delete("/rejected-payloads", params=asked)
    assert (answer.status_code, answer.json()["code"]) == (422, "empty_filter")
    assert len(await api.list()) == 4


@pytest.mark.parametrize("role", ["operator", "enterprise"])
async def test_purging_and_replaying_need_an_administrator(
    api: Api, plants: list[Plant], role: str
) -> None:
    await api.become(role, enterprise=plants[0].uscc if role == "enterprise" else None)
    purge = await api.client.delete("/rejected-payloads", params={"reason": "malformed"})
    replay = await api.client.post("/rejected-payloads/replay", json={"ids": [1]})
    assert (purge.status_code, replay.status_code) == (403, 403)


async def test_a_replay_is_requested_newest_first(
    api: Api, plants: list[Plant], owner: asyncpg.Connection
) -> None:
    await api.become("administrator")
    answer = await api.client.post(
        "/rejected-payloads/replay", json={"filter": {"collector": "mqtt"}}
    )
    replay = answer.json()
    assert (answer.status_code, replay["state"], replay["payloads"]) == (202, "waiting", 3)
    assert replay["wanted"] == {"collector": "mqtt"}
    places = await owner.fetch("SELECT payload_id FROM replay_payloads ORDER BY place")
    assert [row[0] for row in places] == [4, 3, 1]
    shown = (await api.client.get(f"/rejected-payloads/replays/{replay['id']}")).json()
    assert shown == replay
    assert await api.list("/replays") == [replay]
    assert await owner.fetchval("SELECT count(*) FROM audit_log WHERE action = 'replay_rejected'")


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"filter": {}}, id="an empty filter"),
        pytest.param({"filter": {"text": ""}}, id="an empty text"),
        pytest.param({"filter": {"reasons": "x"}}, id="a filter that is not known"),
        pytest.param({"ids": [0]}, id="no id"),
        pytest.param({"ids": list(range(1, 10_002))}, id="too many ids"),
        pytest.param({"filter": {"from": "2026-01-01T00:00:00"}}, id="a time without an offset"),
        pytest.param({"filter": {"sender": "a\x00b"}}, id="NUL"),
    ],
)
async def test_a_replay_of_everything_or_nonsense_is_refused(
    api: Api, plants: list[Plant], owner: asyncpg.Connection, body: dict[str, Any]
) -> None:
    await api.become("administrator")
    answer = await api.client.post("/rejected-payloads/replay", json=body)
    assert answer.status_code == 422, answer.text
    assert not await owner.fetchval("SELECT count(*) FROM replays")
