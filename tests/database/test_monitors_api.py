"""Lines and bindings of monitors: who sees which, pages, what a binding becomes, no secrets."""

import csv
import io
import json
from typing import Any

import asyncpg
import pytest

from tests.database.caller import Caller
from tests.database.monitors import OTHER, SEEN, Station, add_station
from tests.registry import COUNTY, add_plant

SECRETS = ("Pw-12345", "00112233445566778899aabbccddeeff", "ffeeddccbbaa99887766554433221100")


@pytest.fixture
async def stations(owner: asyncpg.Connection) -> list[Station]:
    """Two monitors in two counties, the second of them never seen; and a plant with a meter."""
    await add_plant(owner, number=3)
    return [
        await add_station(owner, 1, version="2017"),
        await add_station(owner, 2, county=OTHER),
    ]


async def binding(owner: asyncpg.Connection, station: Station) -> dict[str, Any]:
    row = await owner.fetchrow(
        "SELECT * FROM monitor_bindings WHERE device_id = $1", station.device_id
    )
    return dict(row or {})


async def test_a_line_tells_what_its_collector_knows(
    caller: Caller, stations: list[Station]
) -> None:
    await caller.become("regulator")
    seen, unseen = await caller.items("/links")
    assert seen == {
        "enterprise": stations[0].uscc, "enterprise_name": "plant 1", "county": COUNTY,
        "device": "A-01", "mn": stations[0].mn, "outlet": "DA001", "collector": "hj212",
        "source": "10.0.0.7", "version": "2017", "connected": True,
        "connected_since": SEEN.isoformat().replace("+00:00", "Z"),
        "last_frame_at": SEEN.isoformat().replace("+00:00", "Z"), "last_heartbeat_at": None,
        "clock_skew_s": 1.5, "restarted_at": None, "verdict": "stored", "frames": 41,
        "incomplete_sets": 2, "binding": "learning",
    }  # fmt: skip
    assert (unseen["mn"], unseen["connected"], unseen["frames"]) == (stations[1].mn, False, 0)


@pytest.mark.parametrize(
    ("role", "region", "own", "seen"),
    [
        pytest.param("regulator", "", False, [0, 1], id="a regulator of all counties sees both"),
        pytest.param("regulator", OTHER, False, [1], id="one of a county sees its county's"),
        pytest.param("enterprise", "", True, [0], id="an enterprise sees its own"),
    ],
)
async def test_scope_bounds_what_is_seen(
    caller: Caller, stations: list[Station], role: str, region: str, own: bool, seen: list[int]
) -> None:
    await caller.become(role, region, stations[0].uscc if own else None)
    assert [item["mn"] for item in await caller.items("/links")] == [stations[n].mn for n in seen]
    for number, station in enumerate(stations):
        answer = await caller.get(f"/monitors/{station.mn}")
        assert answer.status_code == (200 if number in seen else 404)


@pytest.mark.parametrize(
    ("where", "seen"),
    [
        ({"county": COUNTY}, [0]),
        ({"county": "62"}, [0, 1]),
        ({"connected": "true"}, [0]),
        ({"connected": "false"}, [1]),
    ],
)
async def test_lines_are_filtered(
    caller: Caller, stations: list[Station], where: dict[str, str], seen: list[int]
) -> None:
    await caller.become("regulator")
    found = await caller.items("/links", **where)
    assert [item["mn"] for item in found] == [stations[n].mn for n in seen]
    [one] = await caller.items("/links", enterprise=stations[1].uscc)
    assert one["enterprise"] == stations[1].uscc


async def test_pages_of_lines_join_while_devices_are_added(
    caller: Caller, owner: asyncpg.Connection
) -> None:
    for number in range(1, 6):
        await add_station(owner, number)
    await caller.become("regulator")
    whole = [item["mn"] for item in await caller.items("/links")]
    seen, asked = [], {"limit": 2}
    while True:
        page = (await caller.get("/links", **asked)).json()
        seen += [item["mn"] for item in page["items"]]
        if page["next"] is None:
            break
        if len(seen) == 2:
            added = await add_station(owner, 9)
        asked = {"limit": 2, "cursor": page["next"]}
    assert seen == [*whole, added.mn]


async def test_lines_come_as_a_table(caller: Caller, stations: list[Station]) -> None:
    await caller.become("regulator")
    answer = await caller.get("/links", format="csv")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [row["mn"] for row in rows] == [station.mn for station in stations]


async def test_a_binding_is_set_kept_and_learnt_again(
    caller: Caller, stations: list[Station], owner: asyncpg.Connection
) -> None:
    await caller.become("administrator")
    path = f"/monitors/{stations[0].mn}/binding"
    bound = (await caller.put(path, {
        "locked": True, "password": SECRETS[0], "addresses": ["10.1.2.3", "2001:db8::1/64"],
        "cipher_key": SECRETS[1],
    })).json()["bound_to"]  # fmt: skip
    changed_at = bound.pop("changed_at")
    assert changed_at
    assert bound == {
        "state": "locked", "password_set": True, "learning_since": None,
        "addresses": ["10.1.2.3/32", "2001:db8::/64"],
        "cipher_key_set": True, "previous_cipher_key_set": False,
    }  # fmt: skip
    [line, _] = await caller.items("/links")
    assert line["binding"] == "locked"

    for _ in range(2):  # the same key again moves nothing
        await caller.put(path, {"cipher_key": SECRETS[2]})
    row = await binding(owner, stations[0])
    assert (row["password"], row["locked"]) == (SECRETS[0], True)
    assert [row["cipher_key"].hex(), row["previous_cipher_key"].hex()] == [SECRETS[2], SECRETS[1]]

    bound = (await caller.put(path, {"learn": True})).json()["bound_to"]
    assert (bound["state"], bound["password_set"], bound["addresses"]) == ("learning", False, [])
    assert bound["cipher_key_set"]
    bound = (await caller.put(path, {"cipher_key": None})).json()["bound_to"]
    assert not bound["cipher_key_set"]
    assert not bound["previous_cipher_key_set"]


async def test_one_that_is_unlocked_learns_anew_and_one_that_learns_goes_on(
    caller: Caller, stations: list[Station], owner: asyncpg.Connection
) -> None:
    await caller.become("administrator")
    await owner.execute(
        "INSERT INTO monitor_bindings (device_id, locked, learning_since, password)"
        " VALUES ($1, true, $3, 'a'), ($2, false, $3, NULL)",
        stations[0].device_id,
        stations[1].device_id,
        SEEN,
    )
    for station in stations:
        await caller.put(f"/monitors/{station.mn}/binding", {"locked": False})
    rows = [await binding(owner, station) for station in stations]
    assert [row["learning_since"] for row in rows] == [None, SEEN]
    assert rows[0]["password"] == "a"


async def test_secrets_never_come_back(
    caller: Caller, stations: list[Station], owner: asyncpg.Connection
) -> None:
    await caller.become("administrator")
    path = f"/monitors/{stations[0].mn}/binding"
    for document in (
        {"password": SECRETS[0], "cipher_key": SECRETS[1]},
        {"cipher_key": SECRETS[2]},
        {"password": SECRETS[0], "cipher_key": SECRETS[1][:-1]},  # refused: told without the key
        {"password": f"{SECRETS[0]};", "cipher_key": SECRETS[1]},
    ):
        told = (await caller.put(path, document)).text
        assert not any(secret in told for secret in SECRETS)
    for path in ("/links", f"/monitors/{stations[0].mn}"):
        told = (await caller.get(path)).text
        assert not any(secret in told for secret in SECRETS)
    noted = await owner.fetch("SELECT detail FROM audit_log ORDER BY entry_id")
    assert [json.loads(row["detail"]) for row in noted] == [
        {"mn": stations[0].mn, "password": "set", "cipher_key": "set"},
        {"mn": stations[0].mn, "cipher_key": "set"},
    ]


@pytest.mark.parametrize(
    "document",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"learn": True, "locked": True}, id="learning and locked"),
        pytest.param({"addresses": ["10.0.0.0/33"]}, id="no network"),
        pytest.param({"addresses": ["localhost"]}, id="no address"),
        pytest.param({"addresses": ["fe80::1%eth0"]}, id="an address with a zone"),
        pytest.param({"addresses": ["10.0.0.1"] * 65}, id="too many addresses"),
        pytest.param({"addresses": ["1" * 100_000]}, id="a long address"),
        pytest.param({"password": "a;MN=1"}, id="a separator in a password"),
        pytest.param({"password": "a\x00"}, id="NUL in a password"),
        pytest.param({"password": "x" * 65}, id="a long password"),
        pytest.param({"cipher_key": "0" * 31}, id="half a byte"),
        pytest.param({"cipher_key": "z" * 32}, id="no hexadecimal digits"),
        pytest.param({"password": {"a": [1]}}, id="nested"),
        pytest.param({"colour": "red"}, id="a field that is not there"),
    ],
)
async def test_a_wrong_binding_is_refused(
    caller: Caller, stations: list[Station], owner: asyncpg.Connection, document: dict[str, Any]
) -> None:
    await caller.become("administrator")
    answer = await caller.put(f"/monitors/{stations[0].mn}/binding", document)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert await binding(owner, stations[0]) == {}


async def test_who_may_bind(caller: Caller, stations: list[Station]) -> None:
    path = f"/monitors/{stations[0].mn}/binding"
    for role in ("regulator", "operator", "enterprise"):
        await caller.become(role, "", stations[0].uscc if role == "enterprise" else None)
        assert (await caller.put(path, {"locked": True})).status_code == 403
    await caller.become("administrator", OTHER)
    assert (await caller.put(path, {"locked": True})).status_code == 404


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/monitors/%00", 422),
        ("/monitors/" + "x" * 101, 422),
        ("/monitors/91'; DROP TABLE devices", 404),
        ("/links?county=abc", 422),
        ("/links?enterprise=" + "9" * 19, 422),
        ("/links?connected=perhaps", 422),
        ("/links?cursor=eyJhIjoxfQ==", 422),
        ("/links?cursor=WzEsMl0=", 422),
        ("/links?cursor=W10=", 422),
        ("/links?cursor=%F0%9F%98%80", 422),
    ],
)
async def test_hostile_questions_are_answered(
    caller: Caller, stations: list[Station], path: str, status: int
) -> None:
    await caller.become("administrator")
    answer = await caller.get(path)
    assert answer.status_code == status
    assert answer.json()["detail_zh"]


async def test_what_is_answered_is_committed(
    caller: Caller, stations: list[Station], owner: asyncpg.Connection
) -> None:
    """The transaction ends before the first byte of the answer."""
    await caller.become("administrator")
    seen: list[bool] = []

    async def watched(scope: Any, receive: Any, send: Any) -> None:
        async def look(message: Any) -> None:
            if message["type"] == "http.response.start":
                seen.append((await binding(owner, stations[0]))["locked"])
            await send(message)

        await app(scope, receive, look)

    transport: Any = caller.client._transport
    app, transport.app = transport.app, watched
    answer = await caller.put(f"/monitors/{stations[0].mn}/binding", {"locked": True})
    assert (answer.status_code, seen) == (200, [True])
