"""The registry document of the demo is one that the service takes, and hangs together."""

import stat
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from deploy.local.fleet import accounts, happenings, registry
from deploy.local.fleet.enterprises import EVERY, enterprises
from service.api.channel_setting_rows import SettingIn
from service.api.device_event_rows import EventIn
from service.api.device_rows import DeviceIn
from service.api.factor_rows import HeatingValueIn
from service.api.registry import EnterpriseIn, RegistryIn
from service.domain import uscc

TODAY, SINCE = date(2026, 11, 23), date(2025, 1, 1)
COUNTIES = {"620602", "620621", "620622", "620623"}


@pytest.fixture(scope="module")
def document() -> RegistryIn:
    return RegistryIn.model_validate(registry.document(TODAY, SINCE))


def devices(document: RegistryIn) -> list[tuple[EnterpriseIn, DeviceIn]]:
    return [(item, device) for item in document.enterprises for device in item.devices]


def test_each_county_has_four_enterprises_or_more(document: RegistryIn) -> None:
    counted = Counter(item.county for item in document.enterprises)
    assert set(counted) == {county.code for county in document.counties} == COUNTIES
    assert min(counted.values()) >= 4


def test_codes_are_valid_and_differ(document: RegistryIn) -> None:
    codes = [item.uscc for item in document.enterprises]
    assert all(uscc.is_valid(code) for code in codes)
    assert all(
        code[2:8] == item.county for code, item in zip(codes, document.enterprises, strict=True)
    )
    assert len(set(codes)) == len(codes)


def test_names_say_that_they_are_invented(document: RegistryIn) -> None:
    assert all("（演示）" in item.name_zh for item in document.enterprises)
    assert all("(demo)" in item.name_en for item in document.enterprises)


def test_parks_lie_in_the_county_of_their_enterprises(document: RegistryIn) -> None:
    county_of = {park.code: park.county for park in document.parks}
    for item in document.enterprises:
        assert item.park is None or county_of[item.park] == item.county


def test_the_trades_of_the_plan_are_there(document: RegistryIn) -> None:
    assert {item.trade for item in document.enterprises} >= {
        "ferroalloy", "silicon_carbide", "cement", "chemicals", "coking", "heating", "coating",
        "printing",
    }  # fmt: skip


def test_channels_stay_few(document: RegistryIn) -> None:
    assert sum(len(device.channels) for _, device in devices(document)) == 78


def test_every_enterprise_meters_what_comes_in_and_what_it_makes(document: RegistryIn) -> None:
    for item in document.enterprises:
        channels = [(d, c) for d in item.devices for c in d.channels]
        assert any(d.metering_level == 1 and c.quantity == "electricity" for d, c in channels)
        [product] = {c.quantity for _, c in channels if c.role == "output"}
        assert [f.product for f in item.facilities if f.product] == [product]
        at_facility = [d for d, c in channels if d.facility and c.role == "consumption"]
        assert at_facility


def test_channels_are_in_service_since_the_first_day(document: RegistryIn) -> None:
    since = {
        c.in_service_from.isoformat()
        for _, device in devices(document)
        for c in device.channels
        if c.role != "check"
    }
    assert since == {"2025-01-01T00:00:00+08:00"}


def test_voc_outlets_stand_in_three_counties_and_have_limits(document: RegistryIn) -> None:
    with_outlets = [item for item in document.enterprises if item.outlets]
    assert {item.county for item in with_outlets} == {"620602", "620621", "620622"}
    for item in with_outlets:
        [outlet] = item.outlets
        [monitor] = [device for device in item.devices if device.outlet]
        assert monitor.mn
        statistics = {(c.quantity, c.statistic) for c in monitor.channels}
        [limit] = outlet.limits
        assert statistics == {
            (limit.quantity, "hour.mean"), ("gas_flow", "hour.mean"),
            (limit.quantity, "minute.mean"),
        }  # fmt: skip
        assert not limit.confirmed
        assert "演示" in limit.source


def test_the_spare_meter_is_never_written_to(document: RegistryIn) -> None:
    demo = registry.demo()
    [(owner, spare)] = [(i, d) for i, d in devices(document) if d.code == demo.device]
    assert owner.uscc == demo.uscc
    [channel] = spare.channels
    assert (spare.metering_level, channel.role, channel.kind) == (3, "check", "register")
    assert channel.in_service_from.isoformat() == "2020-01-01T00:00:00+08:00"
    assert demo.device not in {m.device for item in enterprises(None) for m in item.meters}


def test_the_demo_names_a_monitor(document: RegistryIn) -> None:
    demo = registry.demo()
    [owner] = [item for item in document.enterprises if item.uscc == demo.voc_uscc]
    [monitor] = [device for device in owner.devices if device.mn == demo.mn]
    assert monitor.outlet in {outlet.code for outlet in owner.outlets}


def test_enterprises_take_turns_within_a_slot() -> None:
    offsets = [item.offset for item in enterprises(None)]
    assert min(offsets) == 0
    assert max(offsets) < EVERY
    assert len(set(offsets)) >= 12


def test_electricity_by_coal_consumption_is_said_to_be_invented(document: RegistryIn) -> None:
    yearly = [c for c in document.coefficients if c.method == "coal_consumption"]
    assert [c.valid_from.year for c in yearly] == [2025, 2026]
    assert all(0.27 < c.kgce_per_unit < 0.32 and "虚构" in c.source for c in yearly)
    assert not any(c.confirmed for c in document.coefficients)


def test_the_drawing_looks_like_one_piece(document: RegistryIn) -> None:
    outlines = {c.code: (c.schematic or {})["outline"] for c in document.counties}
    for outline in outlines.values():
        assert 8 <= len(outline) <= 14
        assert all(0 <= x <= 100 and 0 <= y <= 100 for x, y in outline)
    edges = {
        code: {frozenset([tuple(a), tuple(b)]) for a, b in zip(o, o[1:] + o[:1], strict=True)}
        for code, o in outlines.items()
    }
    neighbours = [
        ("620602", "620621"),
        ("620602", "620622"),
        ("620602", "620623"),
        ("620622", "620623"),
    ]
    for one, other in neighbours:
        assert len(edges[one] & edges[other]) >= 2, (one, other)


class Product:
    """An API that keeps accounts as the product does."""

    def __init__(self) -> None:
        self.accounts: list[dict[str, str]] = []

    def get(self, path: str) -> dict[str, Any]:
        assert path.startswith("/mqtt-accounts")
        return {"items": self.accounts}

    def post(self, path: str, body: dict[str, Any]) -> dict[str, str]:
        uscc = body.get("enterprise") or path.split("/")[2][:18]
        earlier = [item for item in self.accounts if item["enterprise"] == uscc]
        for item in earlier:
            item["state"] = "revoked"
        user = uscc if not earlier else f"{uscc}-{len(earlier) + 1}"
        self.accounts.append({"user": user, "enterprise": uscc, "state": "active"})
        return {"user": user, "password": f"of {user}"}


def test_accounts_are_made_once_and_kept_for_their_user_only(tmp_path: Path) -> None:
    product = Product()
    usccs = [item.uscc for item in enterprises(None)]
    assert accounts.ensure(tmp_path, product, usccs) == len(usccs)
    made = accounts.load(tmp_path)
    path = tmp_path / "fleet" / "accounts.json"
    assert {uscc: account.user for uscc, account in made.items()} == {u: u for u in usccs}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert accounts.ensure(tmp_path, product, usccs) == 0
    assert accounts.load(tmp_path) == made


def test_an_account_whose_password_was_lost_gets_a_new_one(tmp_path: Path) -> None:
    product = Product()
    accounts.ensure(tmp_path, product, ["91620623QY00000149"])
    (tmp_path / "fleet" / "accounts.json").unlink()
    assert accounts.ensure(tmp_path, product, ["91620623QY00000149"]) == 1
    [account] = accounts.load(tmp_path).values()
    assert (account.uscc, account.user) == ("91620623QY00000149", "91620623QY00000149-2")


def test_an_account_of_another_database_is_made_anew(tmp_path: Path) -> None:
    accounts.ensure(tmp_path, Product(), ["91620623QY00000149"])
    assert accounts.ensure(tmp_path, Product(), ["91620623QY00000149"]) == 1


def test_meters_stand_under_each_other_and_one_never_sends(document: RegistryIn) -> None:
    for item in document.enterprises:
        levels = {device.code: device.metering_level for device in item.devices}
        for device in item.devices:
            if device.parent is not None:
                assert (levels[device.parent] or 9) < (device.metering_level or 0)
    sent = {(i.uscc, m.device) for i in enterprises(None) for m in i.meters}
    silent = [d.code for i, d in devices(document) if d.kind == "meter"
              and (i.uscc, d.code) not in sent]  # fmt: skip
    assert sorted(silent) == ["E-22", registry.demo().device]
    assert {c.part for _, d in devices(document) for c in d.channels} == {
        "feedstock", "renewable", None
    }  # fmt: skip
    [both] = [d for _, d in devices(document) if len(d.channels) == 2 and d.kind == "meter"]
    assert [c.role for c in both.channels] == ["consumption", "export"]


def test_what_happened_to_meters_is_invented_and_within_the_history() -> None:
    found = list(happenings.events(TODAY, SINCE))
    for row in found:
        TypeAdapter(EventIn).validate_python(row)
    assert all("演示" in row["note"] for row in found)
    [replaced] = [row for row in found if row["kind"] == "replacement"]
    assert replaced["at"] > SINCE.isoformat()
    [setting] = [SettingIn.model_validate(row) for row in happenings.settings(SINCE)]
    assert setting.ct == 120
    [value] = happenings.heating_values(SINCE)
    HeatingValueIn.model_validate(value)
    assert not [*happenings.settings(TODAY)]


def test_calibrations_are_overdue_due_soon_and_valid() -> None:
    ages = sorted(
        (TODAY - date.fromisoformat(row["at"][:10])).days
        for row in happenings.events(TODAY, SINCE)
        if row["kind"] == "calibration"
    )
    assert sum(age > 731 for age in ages) == 1
    assert sum(700 < age < 731 for age in ages) == 1
