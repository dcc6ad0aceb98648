"""What gateways really send: compressed, in lines, in forms of their own; over HTTP and MQTT."""

import gzip
import json
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg
import pytest
import zstandard

from tests.end_to_end.conftest import Site
from tests.end_to_end.test_collectors import item, post, refused, stored, until
from tests.registry import Plant

NOW = datetime.now(UTC).replace(microsecond=0)
LOCAL = NOW.astimezone(ZoneInfo("Asia/Shanghai")).strftime("%Y-%m-%d %H:%M:%S")
TAGS = {
    "time": "epoch_s",
    "numbers": "text_allowed",
    "missing": ["--"],
    "mapping": {
        "items": "data",
        "device": "^sn",
        "at": "^ts",
        "value": "val",
        "quantity": "tag",
        "quantities": {"Ep": "electricity"},
    },
}


def document(*items: dict[str, Any]) -> bytes:
    return json.dumps({"readings": items}).encode()


def lines(*items: dict[str, Any]) -> bytes:
    return b"\n".join(json.dumps(each).encode() for each in items)


def tags(*values: Any) -> bytes:
    data = [{"tag": "Ep", "val": value} for value in values]
    return json.dumps({"sn": "M-01", "ts": NOW.timestamp(), "data": data}).encode()


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [
        pytest.param("gzip", gzip.compress, id="gzip"),
        pytest.param("zstd", zstandard.ZstdCompressor().compress, id="zstd"),
        pytest.param("identity", bytes, id="identity"),
        pytest.param(" ZSTD ", zstandard.ZstdCompressor().compress, id="in capitals"),
    ],
)
async def test_http_unpacks(site: Site, plant: Plant, encoding: str, pack: Any) -> None:
    answer = await post(
        site, plant.key, pack(document(item())), **{"Content-Encoding": encoding.strip()}
    )
    assert answer.json()["stored"] == 1


@pytest.mark.parametrize(
    ("encoding", "body", "status", "code"),
    [
        pytest.param("zstd", zstandard.ZstdCompressor().compress(b"{}")[:-2], 415, "bad_encoding",
                     id="cut zstd"),
        pytest.param("zstd", zstandard.ZstdCompressor().compress(bytes(65 << 20)), 413,
                     "too_large", id="a zstd bomb"),
    ],
)  # fmt: skip
async def test_http_refuses_what_cannot_be_unpacked(
    site: Site, plant: Plant, owner: asyncpg.Connection, encoding: str, body: bytes, status: int,
    code: str,
) -> None:  # fmt: skip
    answer = await post(site, plant.key, body, **{"Content-Encoding": encoding})
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    kept = [(row["reason"], row["payload"]) for row in await refused(owner, plant)]
    assert kept == ([("bad_encoding", body)] if code == "bad_encoding" else [])


async def test_http_takes_lines(site: Site, plant: Plant, owner: asyncpg.Connection) -> None:
    body = lines(item(), item(value="--")) + b"\n\nnonsense\n"
    answer = await post(site, plant.key, body, **{"Content-Type": "application/x-ndjson"})
    told = answer.json()
    assert (told["stored"], "id" in told) == (1, False)
    assert [(r["index"], r["code"]) for r in told["rejected"]] == [
        (1, "not_number"), (3, "malformed"),
    ]  # fmt: skip
    kept = {row["reason"]: row["payload"] for row in await refused(owner, plant)}
    assert kept.pop("malformed") == b"nonsense"
    assert kept == {"not_number": b'{"readings":[' + lines(item(value="--")) + b"]}"}


@pytest.mark.parametrize(
    ("media", "status"),
    [
        pytest.param("application/json; charset=utf-8", 200, id="JSON with a charset"),
        pytest.param("application/vnd.plant+json", 200, id="a JSON of somebody"),
        pytest.param("application/x-www-form-urlencoded", 200, id="what curl -d says"),
        pytest.param("text/plain", 200, id="text"),
        pytest.param("", 200, id="nothing"),
        pytest.param("text/csv", 415, id="CSV"),
        pytest.param("multipart/form-data; boundary=x", 415, id="a form with a file"),
    ],
)
async def test_a_content_type_that_can_mean_json_is_taken(
    site: Site, plant: Plant, media: str, status: int
) -> None:
    answer = await post(site, plant.key, document(item()), **{"Content-Type": media})
    assert answer.status_code == status
    if status == 415:
        assert answer.json()["code"] == "bad_type"
        assert "application/x-ndjson" in answer.json()["detail_zh"]


async def test_a_key_speaks_the_dialect_that_is_declared_for_it(
    site: Site, plant: Plant, owner: asyncpg.Connection
) -> None:
    assert (await post(site, plant.key, tags(1))).json()["code"] == "malformed"
    await declare(owner, "clients SET dialect", plant, TAGS)
    told = (await until_stored(site, plant, tags(1, "--", "x"))).json()
    assert (told["stored"], told["missing"]) == (1, 1)
    assert [(r["index"], r["code"]) for r in told["rejected"]] == [(2, "not_number")]
    kept = {row["reason"]: row["payload"] for row in await refused(owner, plant)}
    assert json.loads(kept["not_number"]) == json.loads(tags("x"))
    media = {"Content-Type": "application/x-ndjson"}
    several = (await post(site, plant.key, tags("2") + b"\n" + tags("3"), **media)).json()
    assert several["revised"] + several["duplicate"] == 2
    await declare(owner, "clients SET dialect", plant, {"time": "local"})
    local = document(item(at=LOCAL))
    assert (await until_stored(site, plant, local)).json()["revised"] == 1


async def test_an_mqtt_account_speaks_its_own(
    site: Site, plant: Plant, owner: asyncpg.Connection
) -> None:
    await declare(owner, "enterprises SET mqtt_dialect", plant, TAGS)
    topic = f"qingyu/v1/{plant.uscc}/readings"
    question = "SELECT true FROM readings WHERE channel_id = $1"
    for _ in range(100):  # until the collector knows of it
        assert site.mosquitto_pub(plant.uscc, topic, tags("7")).returncode == 0
        if await owner.fetchval(question, plant.channels[0]):
            break
    await until(owner, f"{question} AND value = 7", plant.channels[0])
    answer = await post(site, plant.key, document(item(at=NOW.isoformat())))
    assert answer.json()["revised"] == 1  # its key has no dialect


async def test_a_dialect_that_cannot_be_read_keeps_every_document(
    site: Site, plant: Plant, owner: asyncpg.Connection
) -> None:
    await declare(owner, "clients SET dialect", plant, {"time": "sundial"})
    for _ in range(100):
        answer = await post(site, plant.key, document(item()))
        if answer.status_code == 400:
            break
    assert answer.json()["code"] == "bad_dialect"
    [kept] = await refused(owner, plant)
    assert kept["payload"] == document(item())
    assert await stored(owner, plant) <= 1


async def declare(
    owner: asyncpg.Connection, what: str, plant: Plant, dialect: dict[str, Any]
) -> None:
    await owner.execute(
        f"UPDATE {what} = $1 WHERE enterprise_id = $2", json.dumps(dialect), plant.enterprise_id
    )


async def until_stored(site: Site, plant: Plant, body: bytes) -> Any:
    """Send until the collector knows the dialect, which it hears of by NOTIFY."""
    for _ in range(100):
        answer = await post(site, plant.key, body)
        if answer.status_code == 200 and answer.json()["stored"] + answer.json()["revised"]:
            return answer
    raise AssertionError(answer.text)
