"""A cursor that none of our lists gave is refused by every one of them, never a failure of ours."""

import base64
import json
from typing import Any

import pytest

from tests.database.caller import Caller

STRETCH = {"from": "2026-11-22T00:00:00Z", "to": "2026-11-23T00:00:00Z"}
HOSTILE: dict[str, Any] = {
    "no list": {"a": 1},
    "nothing": [],
    "too many parts": ["a"] * 9,
    "other kinds": [None, None, None, None],
    "a number beyond the database's": [2**70],
    "NUL": ["\0"],
    "nested": [[[[]]]],
}


@pytest.mark.parametrize("kind", HOSTILE)
async def test_a_cursor_that_is_none_is_refused(caller: Caller, kind: str) -> None:
    await caller.become("administrator")
    cursor = base64.urlsafe_b64encode(json.dumps(HOSTILE[kind]).encode()).decode()
    paths = (await caller.get("/openapi.json")).json()["paths"]
    lists = [
        path
        for path, methods in paths.items()
        if "{" not in path
        and any(item["name"] == "cursor" for item in methods.get("get", {}).get("parameters", ()))
    ]
    assert len(lists) > 10
    for path in lists:
        stretch = {} if path.endswith("/statistics") else STRETCH  # whose from and to are months
        wanted = {"cursor": cursor, "enterprise": "x", "mn": "x", **stretch}
        answer = await caller.get(path.removeprefix("/api/v1"), **wanted)
        assert answer.status_code != 500, (path, answer.text)
        assert answer.status_code in (400, 404, 422, 501), (path, answer.text)
