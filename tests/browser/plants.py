"""Invented plants of the four counties, and what their meters and monitors send."""

import math
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from tests.registry import uscc

DAYS = 45  # that meters and monitors have sent
SINCE = "2024-01-01T00:00:00+08:00"
FURNACES, KILN, COATING, CARBIDE, SILENT = (uscc(number) for number in range(1, 6))
HOSTILE = "<script>alert(1)</script>"  # a part of a name, which is to be shown as it is


def _channel(quantity: str, unit: str, role: str = "consumption", **more: Any) -> dict[str, Any]:
    return {
        "quantity": quantity, "unit": unit, "role": role, "kind": "register",
        "expected_interval_s": 3600, "in_service_from": SINCE, **more,
    }  # fmt: skip


def _device(code: str, channel: dict[str, Any], level: int | None = None, **more: Any) -> Any:
    return {
        "code": code, "name_zh": code, "name_en": code, "kind": "meter", "metering_level": level,
        "channels": [channel], **more,
    }  # fmt: skip


def _plant(code: str, county: str, zh: str, en: str, **more: Any) -> dict[str, Any]:
    return {
        "uscc": code, "county": county, "name_zh": zh, "name_en": en, "trade": "ferroalloy", **more
    }  # fmt: skip


def _furnace(code: str, zh: str, en: str) -> dict[str, Any]:
    return {
        "code": code, "name_zh": zh, "name_en": en, "kind": "production", "product": "ferrosilicon"
    }  # fmt: skip


METER = _channel("electricity", "kWh")
LISTED = _channel("electricity", "kWh", part="single_listed")
RENEWABLE = _channel("electricity", "kWh", part="renewable")  # of 2020 nothing is on record
CALIBRATED_FOR = 24  # months


def _calibrated() -> dict[str, Any]:
    return {
        "calibration_months": CALIBRATED_FOR, "accuracy_class": "0.5S", "maker": "演示仪表厂",
        "serial_no": "YS-001",
    }  # fmt: skip


def registered() -> list[dict[str, Any]]:
    """Return the plants as they are entered."""
    output = _channel("ferrosilicon", "t", "output")
    nmhc = _channel(
        "nmhc", "mg/m³", "outlet", kind="gauge", statistic="hour.mean", label="start", hold_s=3600
    )
    limit = {"quantity": "nmhc", "value": 60, "valid_from": "2024-01-01", "source": "演示限值"}
    return [
        _plant(
            FURNACES, "620623",
            f"祁连铁合金（演示）{HOSTILE}", f"Qilian Ferroalloy, demo {HOSTILE}",
            facilities=[
                _furnace("F1", "1号矿热炉", "furnace 1"), _furnace("F2", "2号矿热炉", "furnace 2")
            ],
            devices=[
                _device("M-01", METER, 1, **_calibrated()),
                _device("M-11", LISTED, 2, facility="F1", parent="M-01", **_calibrated()),
                _device("M-12", RENEWABLE, 2, facility="F2", parent="M-01", **_calibrated()),
                _device("P-11", output, facility="F1"),
                _device("P-12", output, facility="F2"),
            ],
        ),
        _plant(
            KILN, "620602", "凉州熟料（演示）", "Liangzhou Clinker, demo",
            devices=[
                _device("M-01", METER, 1), _device("P-01", _channel("clinker", "t", "output")),
            ],
        ),
        _plant(
            COATING, "620602", "凉州涂装（演示）", "Liangzhou Coating, demo",
            outlets=[{"code": "DA001", "name_zh": "喷漆废气排放口", "name_en": "paint shop stack",
                      "limits": [limit]}],
            devices=[_device("M-01", METER, 1),
                     _device("V-01", nmhc, outlet="DA001") | {"kind": "monitor"}],
        ),
        _plant(
            CARBIDE, "620622", "古浪碳化硅（演示）", "Gulang Carbide, demo",
            devices=[_device("M-01", METER, 1),
                     _device("P-01", _channel("silicon_carbide", "t", "output"))],
        ),
        _plant(SILENT, "620621", "民勤热电（演示）", "Minqin Heat, demo",
               devices=[_device("M-01", METER, 1)]),
    ]  # fmt: skip


def events(now: datetime) -> list[dict[str, Any]]:
    """Return calibrations of the furnaces' meters: one valid, one overdue, one due soon."""
    return [
        {
            "enterprise": FURNACES, "device": device, "kind": "calibration",
            "at": (now - timedelta(days=age)).isoformat(), "result": "passed",
            "certificate": f"演示 {device}", "organisation": "演示计量所",
        }
        for device, age in (("M-01", 100), ("M-11", 800), ("M-12", 720))
    ]  # fmt: skip


def replacement(now: datetime) -> dict[str, Any]:
    """Return that the kiln got a new meter which went on where the old one stopped."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    hours = [hour - timedelta(hours=number) for number in range(24 * DAYS, -1, -1)]
    shown = list(dial(KILN, "M-01", hours, now))
    between = (shown[-51] + shown[-50]) / 2
    return {
        "enterprise": KILN, "device": "M-01", "kind": "replacement",
        "at": (hours[-51] + timedelta(minutes=30)).isoformat(), "closing": between,
        "opening": between, "note": "演示换表",
    }  # fmt: skip


def setting(now: datetime) -> dict[str, Any]:
    """Return that the carbide plant's meter is read as one of another width."""
    return {
        "enterprise": CARBIDE, "device": "M-01", "quantity": "electricity", "width": 1e9,
        "valid_from": (now - timedelta(days=10)).isoformat(), "note": "演示变更",
    }  # fmt: skip


# plant, device, mean per hour; the dials of a plant's furnaces add up to its own
DIALS = {
    (FURNACES, "M-11"): 9_000.0,
    (FURNACES, "M-12"): 11_000.0,
    (FURNACES, "M-01"): 20_000.0,
    (FURNACES, "P-11"): 1.02,
    (FURNACES, "P-12"): 1.25,
    (KILN, "M-01"): 6_500.0,
    (KILN, "P-01"): 100.0,
    (COATING, "M-01"): 900.0,
    (CARBIDE, "M-01"): 12_000.0,
    (CARBIDE, "P-01"): 1.6,
}
MONITOR = (COATING, "V-01")


def rate(plant: str, device: str, at: datetime, now: datetime) -> float:
    """Return what a dial moves by in the hour that ends at an instant.

    Energy grows by 3 % a year and swings by 1 % with the day; in the last hours the second
    furnace burns a good third more.
    """
    base = DIALS[plant, device]
    age_h = (now - at).total_seconds() / 3600
    swing = 1 + 0.01 * math.sin(at.timestamp() / 86_400 * 2 * math.pi)
    noise = 1 + 0.006 * math.sin(at.timestamp() / 86_400 * 1.7 + len(device) + base)
    if device.startswith("P"):
        return base * noise
    more = 0.03 * age_h / 8_766
    factor = swing * (1 - more)
    if plant == FURNACES and age_h < 20 and device in ("M-12", "M-01"):
        factor *= 1.45 if device == "M-12" else 1 + 0.45 * 11_000 / 20_000
    return base * factor


def dial(plant: str, device: str, hours: list[datetime], now: datetime) -> Iterator[float]:
    """Yield what a dial shows at each hour."""
    shown = 0.0
    for at in hours:
        shown += rate(plant, device, at, now)
        yield shown


def concentration(at: datetime, now: datetime) -> float:
    """Return an hour mean of the monitor, in mg/m³; the newest hours lie above the limit."""
    age_h = (now - at).total_seconds() / 3600
    usual = 22 + 9 * math.sin(at.timestamp() / 86_400 * 2 * math.pi) + 5 * math.sin(age_h)
    return usual + (60 if age_h < 4 else 0)
