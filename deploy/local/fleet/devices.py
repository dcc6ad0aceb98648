"""Meters and monitors as the registry document lists them."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

import numpy as np

from deploy.local.fleet.clock import HOUR, MINUTE, midnight_of
from deploy.local.fleet.enterprises import FACILITY, OUTLET, SPARE
from deploy.local.fleet.meters import Meter
from deploy.local.fleet.monitors import Monitor
from schemas.quantities import CATALOGUE
from service.domain.calendar import midnight

MAKER = "演示仪表厂（虚构）"
CALIBRATION_MONTHS = 24
SPARE_SINCE = date(2020, 1, 1)


def meters(items: Iterable[Meter], since: date) -> list[dict[str, Any]]:
    """Return meters with their registers, in service since a day; one may have several."""
    by_code: dict[str, list[Meter]] = {}
    for item in items:
        by_code.setdefault(item.device, []).append(item)
    return [_meter(registers, since) for registers in by_code.values()]


def _meter(registers: Sequence[Meter], since: date) -> dict[str, Any]:
    first, last = registers[0], registers[-1]
    name_zh, name_en = last.names or _names(first)
    return {
        "code": first.device,
        "name_zh": name_zh,
        "name_en": name_en,
        "kind": "meter",
        "metering_level": first.level,
        "parent": first.parent,
        "facility": FACILITY if first.at_facility else None,
        "maker": MAKER,
        "serial_no": f"YS-{first.device}",
        "accuracy_class": "0.5S" if first.quantity == "electricity" else "1.0",
        "calibration_months": CALIBRATION_MONTHS,
        "channels": [
            {
                **_register(item.quantity, item.role, since),
                "multiplier": float(item.multipliers(np.array([midnight_of(since)]))[0]),
                "width": item.width,
                "part": item.part,
            }
            for item in registers
        ],
    }


def _names(item: Meter) -> tuple[str, str]:
    quantity = CATALOGUE[item.quantity]
    level = "" if item.level is None else f"{item.level}级"
    level_en = "" if item.level is None else f", level {item.level}"
    return f"{level}{quantity.zh}表", f"{quantity.en.capitalize()} meter{level_en}"


def _register(quantity: str, role: str, since: date) -> dict[str, Any]:
    return {
        "quantity": quantity,
        "kind": "register",
        "role": role,
        "unit": CATALOGUE[quantity].unit,
        "expected_interval_s": HOUR,
        "in_service_from": midnight(since).isoformat(),
    }


def spare() -> dict[str, Any]:
    """Return the meter that the fleet never writes to."""
    return {
        "code": SPARE,
        "name_zh": "备用电能表（供试用）",
        "name_en": "Spare electricity meter, to try things with",
        "kind": "meter",
        "metering_level": 3,
        "channels": [_register("electricity", "check", SPARE_SINCE)],
    }


def monitor(item: Monitor, since: date) -> dict[str, Any]:
    """Return a VOC monitor with its hour and minute means, in service since a day."""
    return {
        "code": item.device,
        "name_zh": "挥发性有机物在线监测设备",
        "name_en": "VOC online monitor",
        "kind": "monitor",
        "mn": item.mn,
        "outlet": OUTLET,
        "channels": [
            _gauge(item.quantity, "hour.mean", "outlet", HOUR, since),
            _gauge("gas_flow", "hour.mean", "outlet", HOUR, since),
            # live only, so it is no part of the data due
            _gauge(item.quantity, "minute.mean", "check", MINUTE, since),
        ],
    }


def _gauge(
    quantity: str, statistic: str, role: str, interval_s: int, since: date
) -> dict[str, Any]:
    return {
        "quantity": quantity,
        "statistic": statistic,
        "kind": "gauge",
        "role": role,
        "unit": CATALOGUE[quantity].unit,
        "label": "start",
        "expected_interval_s": interval_s,
        "in_service_from": midnight(since).isoformat(),
    }
