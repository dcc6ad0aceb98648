"""A monitor is entered by the codes that it sends, and its packets find their channels."""

from typing import Any

import asyncpg
import pytest

from tests.database.caller import Caller
from tests.registry import COUNTY, uscc

FROM = "2026-01-01T00:00:00+08:00"
ALL = ["instant", "minute.mean", "minute.total", "hour.mean", "hour.mean_corrected", "hour.min",
       "day.mean", "day.total", "cycle"]  # fmt: skip


def document(**device: Any) -> dict[str, Any]:
    monitor = {
        "code": "A-01", "name_zh": "监测仪", "name_en": "monitor", "kind": "monitor",
        "mn": "0123456789ABCDEF00000001", "outlet": "DA001", **device,
    }  # fmt: skip
    return {
        "counties": [{"code": COUNTY, "name_zh": "天祝", "name_en": "Tianzhu"}],
        "enterprises": [{
            "uscc": uscc(7), "county": COUNTY, "name_zh": "七", "name_en": "Seven",
            "trade": "coating", "devices": [monitor],
            "outlets": [{"code": "DA001", "name_zh": "一", "name_en": "one"}],
        }],
    }  # fmt: skip


async def entered(owner: asyncpg.Connection) -> dict[tuple[str, str], tuple[Any, ...]]:
    rows = await owner.fetch(
        "SELECT c.*, s.unit FROM channels AS c JOIN channel_settings AS s USING (channel_id)"
        " ORDER BY channel_id"
    )
    return {
        (row["quantity"], row["statistic"]): (
            row["kind"], row["role"], row["unit"], row["expected_interval_s"], row["label"],
            row["basis"],
        )
        for row in rows
    }  # fmt: skip


CARBON = "dry, standard state, as carbon"
DRY = "dry, standard state"


async def test_a_template_is_expanded_into_channels(
    caller: Caller, owner: asyncpg.Connection
) -> None:
    await caller.become("administrator")
    template = {
        "factors": ["a24088", "a00000", "S01", "a05002"], "from": FROM, "statistics": ALL,
    }  # fmt: skip
    answer = await caller.post("/registry", document(template=template))
    channels = await entered(owner)
    assert answer.json()["channels"] == len(channels) == 9 + 8 + 6 + 9
    expected = {
        ("nmhc", "instant"): ("gauge", "check", "mg/m³", 60, "start", CARBON),
        ("nmhc", "minute.mean"): ("gauge", "check", "mg/m³", 600, "start", CARBON),
        ("nmhc", "hour.mean"): ("gauge", "outlet", "mg/m³", 3_600, "start", CARBON),
        ("nmhc", "hour.mean_corrected"): ("gauge", "outlet", "mg/m³", 3_600, "start", CARBON),
        ("nmhc", "hour.min"): ("gauge", "check", "mg/m³", 3_600, "start", CARBON),
        ("nmhc_mass", "day.total"): ("amount", "check", "kg", 86_400, "start", CARBON),
        ("methane_mass", "minute.total"): ("amount", "check", "g", 600, "start", DRY),
        ("gas_volume", "day.total"): ("amount", "check", "m³", 86_400, "start", DRY),
        ("gas_flow", "hour.mean"): ("gauge", "outlet", "m³/s", 3_600, "start", DRY),
        ("nmhc", "cycle"): ("gauge", "check", "mg/m³", 3_600, "start", CARBON),
        ("oxygen", "hour.mean"): ("gauge", "condition", "%", 3_600, "start", None),
    }
    assert expected.items() <= channels.items()
    assert ("oxygen", "hour.mean_corrected") not in channels
    assert ("gas_flow", "hour.mean_corrected") not in channels


async def test_a_listed_channel_replaces_that_of_the_template(
    caller: Caller, owner: asyncpg.Connection
) -> None:
    await caller.become("administrator")
    listed = {
        "quantity": "methane", "statistic": "instant", "kind": "gauge", "role": "check",
        "unit": "mg/m³", "expected_interval_s": 30, "in_service_from": FROM,
    }  # fmt: skip
    template = {"factors": ["a05002"], "from": FROM, "minute_s": 300}
    assert (await caller.post("/registry", document(template=template, channels=[listed]))).json()[
        "channels"
    ] == 3
    channels = await entered(owner)
    assert channels["methane", "instant"][2:4] == ("mg/m³", 30)
    assert channels["methane", "minute.mean"][2:4] == ("ng/m³", 300)


@pytest.mark.parametrize(
    ("device", "where"),
    [
        pytest.param({"template": {"factors": ["a99999"], "from": FROM}}, "factor",
                     id="a factor that is not known"),
        pytest.param({"template": {"factors": [], "from": FROM}}, "factors", id="no factors"),
        pytest.param({"template": {"factors": ["a24088"] * 201, "from": FROM}}, "factors",
                     id="too many factors"),
        pytest.param({"template": {"factors": ["\x00"], "from": FROM}}, "factor", id="NUL"),
        pytest.param({"template": {"factors": [["a24088"]], "from": FROM}}, "factors",
                     id="nested"),
        pytest.param({"template": {"factors": ["a24088"], "from": "2026-01-01T00:00:00"}},
                     "offset", id="a time without offset"),
        pytest.param({"template": {"factors": ["a24088"], "from": FROM,
                                   "statistics": ["month.mean"]}}, "statistic",
                     id="a statistic that HJ 212 does not send"),
        pytest.param({"template": {"factors": ["a24088"], "from": FROM, "minute_s": 90}},
                     "minute_s", id="no whole minutes"),
        pytest.param({"template": {"factors": ["a24088"], "from": FROM}, "mn": None}, "mn",
                     id="a device without an MN"),
        pytest.param({}, "channels", id="neither channels nor a template"),
    ],
)  # fmt: skip
async def test_a_wrong_template_is_refused(
    caller: Caller, owner: asyncpg.Connection, device: dict[str, Any], where: str
) -> None:
    await caller.become("administrator")
    answer = await caller.post("/registry", document(**device))
    assert answer.status_code == 422
    assert where in answer.text
    assert await owner.fetchval("SELECT count(*) FROM devices") == 0
