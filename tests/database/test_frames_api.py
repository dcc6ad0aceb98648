"""Raw frames, condition marks, factors: who sees which, pages, bounds, what is no text."""

import base64
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from schemas.factors import FACTORS
from tests.database.caller import Caller
from tests.database.monitors import OTHER, SEEN, Station, add_station

FRAME = (
    b"##0142QN=20260105080030000;ST=31;CN=2011;PW=123456;MN=%b;Flag=9;"
    b"CP=&&DataTime=20260105080030;a24088-Rtd=12.345,a24088-Flag=N&&8EC1\r\n"
)
WHEN = {"from": SEEN.isoformat(), "to": (SEEN + timedelta(days=1)).isoformat()}


@pytest.fixture
async def stations(owner: asyncpg.Connection) -> list[Station]:
    """Two monitors in two counties with three frames and three marks each, two at one instant."""
    stations = [await add_station(owner, 1), await add_station(owner, 2, county=OTHER)]
    for station in stations:
        for minute, code in ((0, "p99101"), (0, "p99102"), (1, "p99101")):
            at = SEEN + timedelta(minutes=minute)
            await add_frame(owner, station.mn, FRAME % station.mn.encode(), minute)
            await owner.execute(
                "INSERT INTO condition_marks (device_id, wire_code, at, mark)"
                " VALUES ($1, $2, $3, 'St')",
                station.device_id,
                code,
                at,
            )
    return stations


async def add_frame(owner: asyncpg.Connection, mn: str, frame: bytes, minute: int) -> None:
    await owner.execute(
        "INSERT INTO accepted_frames (received_at, mn, source, frame)"
        " VALUES ($1, $2, '10.0.0.7', $3)",
        SEEN + timedelta(minutes=minute),
        mn,
        frame,
    )


async def test_a_frame_is_shown_as_it_came_but_for_its_password(
    caller: Caller, stations: list[Station]
) -> None:
    await caller.become("regulator")
    frames = await caller.items("/frames", mn=stations[0].mn, **WHEN)
    assert len(frames) == 3
    came = FRAME % stations[0].mn.encode()
    assert frames[0]["text"] == came.decode().replace("PW=123456", "PW=******")
    assert (frames[0]["bytes"], frames[0]["base64"]) == (len(came), None)
    assert [frame["received_at"] for frame in frames] == [
        "2026-11-22T04:01:00Z", "2026-11-22T04:00:00Z", "2026-11-22T04:00:00Z",
    ]  # fmt: skip


async def test_a_frame_that_is_no_text_is_shown_in_base64(
    caller: Caller, owner: asyncpg.Connection, stations: list[Station]
) -> None:
    await caller.become("regulator")
    sealed = b"##0060CN=2011;PW=secret;MN=x;Flag=9;CP=&&\xff\x00PW=\xfe&&1C80\r\n"
    await add_frame(owner, stations[0].mn, sealed, 5)
    [frame, *_] = await caller.items("/frames", mn=stations[0].mn, **WHEN)
    assert base64.b64decode(frame["base64"]) == sealed.replace(b"secret", b"******")
    assert "\ufffd" in frame["text"]
    answer = await caller.get("/frames", mn=stations[0].mn, format="xlsx", **WHEN)
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("role", "region", "own", "seen"),
    [
        pytest.param("regulator", "", False, [0, 1], id="a regulator of all counties sees both"),
        pytest.param("regulator", OTHER, False, [1], id="one of a county sees its county's"),
        pytest.param("enterprise", "", True, [0], id="an enterprise sees its own"),
    ],
)
async def test_scope_bounds_frames_and_marks(
    caller: Caller, stations: list[Station], role: str, region: str, own: bool, seen: list[int]
) -> None:
    await caller.become(role, region, stations[0].uscc if own else None)
    for number, station in enumerate(stations):
        answer = await caller.get("/frames", mn=station.mn, **WHEN)
        assert answer.status_code == (200 if number in seen else 404)
        marks = await caller.items("/condition-marks", mn=station.mn, **WHEN)
        assert len(marks) == (3 if number in seen else 0)
    whole = await caller.items("/condition-marks", **WHEN)
    assert {mark["mn"] for mark in whole} == {stations[number].mn for number in seen}


async def test_frames_of_a_monitor_that_is_not_registered_are_reached_by_nobody(
    caller: Caller, owner: asyncpg.Connection, stations: list[Station]
) -> None:
    await add_frame(owner, "stranger", FRAME % b"stranger", 0)
    await caller.become("administrator")
    assert (await caller.get("/frames", mn="stranger", **WHEN)).status_code == 404


@pytest.mark.parametrize("path", ["/frames", "/condition-marks"])
async def test_pages_join_while_others_arrive(
    caller: Caller, owner: asyncpg.Connection, stations: list[Station], path: str
) -> None:
    await caller.become("regulator")
    asked = {"mn": stations[0].mn, **WHEN}
    whole = await caller.items(path, **asked)
    page = (await caller.get(path, limit=1, **asked)).json()
    seen = page["items"]
    await add_frame(owner, stations[0].mn, FRAME % stations[0].mn.encode(), 9)
    await owner.execute(
        "INSERT INTO condition_marks (device_id, wire_code, at, mark) VALUES ($1, 'p1', $2, 'N')",
        stations[0].device_id,
        SEEN + timedelta(minutes=9),
    )
    while page["next"] is not None:
        page = (await caller.get(path, limit=1, cursor=page["next"], **asked)).json()
        seen += page["items"]
    assert seen == whole


async def test_a_mark_tells_of_which_device_it_is(caller: Caller, stations: list[Station]) -> None:
    await caller.become("regulator")
    [newest, *_] = await caller.items("/condition-marks", enterprise=stations[0].uscc, **WHEN)
    assert newest == {
        "enterprise": stations[0].uscc, "device": "A-01", "mn": stations[0].mn,
        "outlet": "DA001", "code": "p99101", "at": "2026-11-22T04:01:00Z", "mark": "St",
    }  # fmt: skip


@pytest.mark.parametrize("path", ["/frames", "/condition-marks"])
@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"from": None}, id="no beginning"),
        pytest.param({"to": None}, id="no end"),
        pytest.param({"to": "2027-01-22T00:00:00Z"}, id="more than 31 days"),
        pytest.param({"to": "2026-11-22T04:00:00Z"}, id="nothing between"),
        pytest.param({"from": "2026-11-22T04:00:00"}, id="no offset"),
        pytest.param(
            {"from": "0001-01-01T00:00:00+08:00", "to": "0001-01-02T00:00:00+08:00"},
            id="a time before all times",
        ),
        pytest.param({"mn": "\x00"}, id="NUL in an MN"),
        pytest.param({"mn": "9" * 101}, id="a long MN"),
        pytest.param({"cursor": "WyIyMDI2LTExLTIyVDA0OjAwOjAwWiJd"}, id="a cursor too short"),
        pytest.param({"cursor": "WyIwMDAxLTAxLTAxVDAwOjAwOjAwKzA4OjAwIiwxXQ=="}, id="before all"),
        pytest.param({"cursor": "W1tbW1tb"}, id="no cursor"),
        pytest.param({"limit": 0}, id="no limit"),
    ],
)
async def test_wrong_questions_are_answered(
    caller: Caller, stations: list[Station], path: str, change: dict[str, Any]
) -> None:
    await caller.become("regulator")
    asked = {"mn": stations[0].mn, **WHEN, **change}
    answer = await caller.get(path, **{k: v for k, v in asked.items() if v is not None})
    assert answer.status_code == 422
    assert answer.json()["detail_zh"]


async def test_factors_are_listed_with_their_source(caller: Caller) -> None:
    await caller.become("regulator")
    factors = {item["code"]: item for item in await caller.items("/factors")}
    assert factors.keys() == FACTORS.keys()
    assert factors["a24087"] == {
        "code": "a24087", "code_2005": "25", "quantity": "hydrocarbons", "name": "总烃",
        "name_en": "total hydrocarbons", "unit": "mg/m³", "basis": "dry, standard state",
        "total_unit": "kg", "source": "HJ 212-2017, table B.2",
    }  # fmt: skip


@pytest.mark.parametrize(
    "path",
    ["/links", "/monitors/x", "/commands", "/commands/catalogue", "/factors",
     f"/frames?mn=x&from={SEEN:%Y-%m-%d}&to=x", "/condition-marks"],
)  # fmt: skip
async def test_every_one_of_these_routes_asks_for_a_key(caller: Caller, path: str) -> None:
    answer = await caller.get(path)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
