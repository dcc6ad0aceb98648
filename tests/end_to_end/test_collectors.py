"""Real clients against the real line: what is acknowledged is stored, what is refused is kept."""

import asyncio
import gzip
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest

from tests.end_to_end.conftest import Site
from tests.registry import Plant

NOW = datetime.now(UTC).replace(microsecond=0)


def item(**fields: Any) -> dict[str, Any]:
    return {
        "device": "M-01",
        "quantity": "electricity",
        "at": NOW.isoformat(),
        "value": 1.5,
        **fields,
    }


async def stored(owner: asyncpg.Connection, plant: Plant) -> int:
    return int(
        await owner.fetchval(
            "SELECT count(*) FROM readings WHERE channel_id = ANY($1)", plant.channels
        )
    )


async def refused(owner: asyncpg.Connection, plant: Plant) -> list[asyncpg.Record]:
    found: list[asyncpg.Record] = await owner.fetch(
        "SELECT sender, reason, occurrences, payload FROM rejected_payloads"
        " WHERE sender IN ($1, (SELECT name FROM clients WHERE enterprise_id = $2))"
        " ORDER BY reason",
        plant.uscc,
        plant.enterprise_id,
    )
    return found


async def until(owner: asyncpg.Connection, query: str, *arguments: Any) -> Any:
    for _ in range(200):
        if value := await owner.fetchval(query, *arguments):
            return value
        await asyncio.sleep(0.05)
    raise AssertionError(query)


async def post(site: Site, key: str, content: bytes, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient() as client:
        return await client.post(
            f"{site.ingest.url}/ingest/v1/readings",
            content=content,
            headers={"Authorization": f"Bearer {key}", **headers},
        )


async def test_http_stores_and_counts(site: Site, plant: Plant, owner: asyncpg.Connection) -> None:
    body = json.dumps({"id": "d1", "readings": [item(), item(device="M-99")]}).encode()
    answer = (await post(site, plant.key, body)).json()
    assert (answer["id"], answer["stored"], answer["duplicate"]) == ("d1", 1, 0)
    assert [(r["index"], r["code"]) for r in answer["rejected"]] == [(1, "unknown_device")]
    assert "M-99" in answer["rejected"][0]["detail_zh"]
    again = (await post(site, plant.key, body)).json()
    assert (again["stored"], again["duplicate"]) == (0, 1)
    assert await stored(owner, plant) == 1
    [kept] = await refused(owner, plant)
    assert (kept["reason"], kept["occurrences"]) == ("unknown_device", 2)
    assert json.loads(kept["payload"])["readings"] == [item(device="M-99")]


async def test_mqtt_stores_and_answers_on_the_outcomes_topic(
    site: Site, plant: Plant, owner: asyncpg.Connection
) -> None:
    listener = await asyncio.create_subprocess_exec(
        site.runtime.mosquitto_sub, "-V", "5", "-p", str(site.broker.port), "-u", plant.uscc,
        "-P", "secret", "-t", f"qingyu/v1/{plant.uscc}/outcomes", "-C", "1", "-W", "20",
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    await asyncio.sleep(0.5)
    body = json.dumps({"id": "d7", "readings": [item(), item(value="--")]}).encode()
    sent = site.mosquitto_pub(plant.uscc, f"qingyu/v1/{plant.uscc}/readings", body)
    assert sent.returncode == 0, sent.stderr
    outcome = json.loads((await listener.communicate())[0])
    assert (outcome["id"], outcome["stored"]) == ("d7", 1)
    assert outcome["rejected"][0]["code"] == "not_number"
    assert await stored(owner, plant) == 1


async def test_another_users_topic_is_refused_by_the_broker(
    site: Site, plant: Plant, owner: asyncpg.Connection
) -> None:
    sent = site.mosquitto_pub(
        plant.uscc, "qingyu/v1/91620602MA0000002X/readings", json.dumps([item()]).encode()
    )
    assert b"ot authorized" in sent.stderr
    assert await stored(owner, plant) == 0


DEEP = b'{"readings":' + b"[" * 200_000
FAR = (NOW + timedelta(hours=1)).isoformat()


@pytest.mark.parametrize(
    ("payload", "status", "code"),
    [
        pytest.param(b"not json", 400, "malformed", id="not JSON"),
        pytest.param(b"[]", 400, "malformed", id="not the document"),
        pytest.param(b"", 400, "malformed", id="empty"),
        pytest.param(DEEP, 400, "malformed", id="nested 200,000 deep"),
        pytest.param(b'{"readings":[{"device":"\xff"}]}', 400, "invalid_utf8", id="not UTF-8"),
        pytest.param(b'{"readings":[{"value":NaN}]}', 400, "malformed", id="NaN"),
        pytest.param(b'{"readings":[{"value":Infinity}]}', 400, "malformed", id="infinity"),
        pytest.param(b'{"readings":[],"pad":"' + b"x" * (10 << 20), 413, "too_large", id="10 MiB"),
        pytest.param(
            json.dumps({"enterprise": "91620602MA0000002X", "readings": []}).encode(),
            403, "not_owner", id="another enterprise",
        ),
    ],
)  # fmt: skip
async def test_http_refuses_a_document_with_a_code(
    site: Site, plant: Plant, owner: asyncpg.Connection, payload: bytes, status: int, code: str
) -> None:
    answer = await post(site, plant.key, payload)
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (status, code)
    assert problem["detail"]
    assert problem["detail_zh"]
    assert await stored(owner, plant) == 0
    assert (await post(site, plant.key, _document(item()))).json()["stored"] == 1


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        pytest.param({"at": "2026-11-22T08:00:00"}, "no_offset", id="time without an offset"),
        pytest.param({"at": "yesterday"}, "bad_time", id="no time at all"),
        pytest.param({"at": FAR}, "future_time", id="an hour ahead"),
        pytest.param({"at": "2010-01-01T00:00:00Z"}, "before_service", id="before service"),
        pytest.param({"value": "--"}, "not_number", id="a dash for a value"),
        pytest.param({"value": True}, "not_number", id="true for a value"),
        pytest.param({"value": 1e300}, "out_of_range", id="larger than anything measured"),
        pytest.param({"device": "M-01\x00"}, "unknown_device", id="NUL in a device"),
        pytest.param({"device": "M-01" * 10_000}, "unknown_device", id="a very long device"),
        pytest.param({"quantity": "coal"}, "unknown_quantity", id="a quantity it has not"),
        pytest.param({"statistic": "hour.mean"}, "unknown_quantity", id="a statistic it has not"),
        pytest.param({"quality": "fine"}, "bad_field", id="an unknown quality"),
        pytest.param({"device": 7}, "bad_field", id="a number for a device"),
    ],
)
async def test_an_item_is_refused_with_a_code_and_the_others_are_stored(
    site: Site, plant: Plant, owner: asyncpg.Connection, fields: dict[str, Any], code: str
) -> None:
    answer = await post(site, plant.key, _document(item(**fields), item()))
    assert answer.status_code == 200
    assert [(r["index"], r["code"]) for r in answer.json()["rejected"]] == [(0, code)]
    assert await stored(owner, plant) == 1
    [kept] = await refused(owner, plant)
    assert kept["reason"] == code
    assert json.loads(kept["payload"])["readings"] == [item(**fields)]


async def test_a_number_out_of_floating_range_is_refused_as_an_item(
    site: Site, plant: Plant, owner: asyncpg.Connection
) -> None:
    body = _document(item()).replace(b"1.5", b"1e999")
    assert (await post(site, plant.key, body)).json()["rejected"][0]["code"] == "not_finite"


async def test_mqtt_keeps_what_it_refuses_and_goes_on(
    site: Site, plant: Plant, owner: asyncpg.Connection
) -> None:
    topic = f"qingyu/v1/{plant.uscc}/readings"
    for payload in (b"garbage", b"\xff\xfe", DEEP, _document(item(value="--"))):
        assert site.mosquitto_pub(plant.uscc, topic, payload).returncode == 0
    assert site.mosquitto_pub(plant.uscc, topic, _document(item())).returncode == 0
    await until(owner, "SELECT true FROM readings WHERE channel_id = $1", plant.channels[0])
    assert [row["reason"] for row in await refused(owner, plant)] == [
        "invalid_utf8", "malformed", "malformed", "not_number",
    ]  # fmt: skip


async def test_an_account_without_an_enterprise_is_kept(
    site: Site, owner: asyncpg.Connection
) -> None:
    stranger = "91620602MA0000002X"
    site.open_account(stranger)
    await asyncio.sleep(0.2)
    site.mosquitto_pub(stranger, f"qingyu/v1/{stranger}/readings", _document(item()))
    kept = await until(owner, "SELECT reason FROM rejected_payloads WHERE sender = $1", stranger)
    assert kept == "unknown_enterprise"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({}, 401, id="no key"),
        pytest.param({"Authorization": "Bearer wrong"}, 401, id="a wrong key"),
        pytest.param({"Authorization": "Basic a2V5"}, 401, id="another scheme"),
        pytest.param({"Authorization": "Bearer \xff"}, 401, id="a key that is not ASCII"),
    ],
)
async def test_http_asks_for_a_key(site: Site, headers: dict[str, str], status: int) -> None:
    async with httpx.AsyncClient() as client:
        answer = await client.post(
            f"{site.ingest.url}/ingest/v1/readings",
            content=_document(item()),
            headers=httpx.Headers(headers, encoding="latin-1"),
        )
    assert (answer.status_code, answer.json()["code"]) == (status, "unauthorized")


@pytest.mark.parametrize(
    ("content", "encoding", "code"),
    [
        pytest.param(gzip.compress(b" " * (80 << 20)), "gzip", "too_large", id="a zip bomb"),
        pytest.param(b"not gzip", "gzip", "bad_encoding", id="no gzip"),
        pytest.param(gzip.compress(b"{}")[:-4], "gzip", "bad_encoding", id="cut gzip"),
        pytest.param(b"{}", "br", "bad_encoding", id="an unknown encoding"),
    ],
)
async def test_http_bounds_what_it_unpacks(
    site: Site, plant: Plant, content: bytes, encoding: str, code: str
) -> None:
    headers = {"Content-Encoding": encoding}
    assert (await post(site, plant.key, content, **headers)).json()["code"] == code


async def test_http_takes_gzip(site: Site, plant: Plant) -> None:
    body = gzip.compress(_document(item()))
    answer = await post(site, plant.key, body, **{"Content-Encoding": "gzip"})
    assert answer.json()["stored"] == 1


async def test_a_new_device_may_send_at_once(
    site: Site, plant: Plant, owner: asyncpg.Connection
) -> None:
    assert (await post(site, plant.key, _document(item(device="M-77")))).json()["rejected"]
    device = await owner.fetchval(
        "UPDATE devices SET code = 'M-77' WHERE enterprise_id = $1 RETURNING device_id",
        plant.enterprise_id,
    )  # the same meter under its new code
    assert device
    await asyncio.sleep(0.3)
    assert (await post(site, plant.key, _document(item(device="M-77")))).json()["stored"] == 1


async def test_a_revoked_key_is_refused(
    site: Site, plant: Plant, owner: asyncpg.Connection
) -> None:
    await owner.execute(
        "UPDATE clients SET revoked_at = now() WHERE enterprise_id = $1", plant.enterprise_id
    )
    await asyncio.sleep(0.3)
    assert (await post(site, plant.key, _document(item()))).status_code == 401


def _document(*items: dict[str, Any]) -> bytes:
    return json.dumps({"readings": items}).encode()
