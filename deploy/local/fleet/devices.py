"""Meters and monitors as the registry document lists them."""

from datetime import date
from typing import Any

from deploy.local.fleet.clock import HOUR, MINUTE
from deploy.local.fleet.enterprises import FACILITY, OUTLET, SPARE
from deploy.local.fleet.meters import Meter
from deploy.local.fleet.monitors import Monitor
from schemas.quantities import CATALOGUE
from service.domain.calendar import midnight

SPARE_SINCE = date(2020, 1, 1)


def meter(item: Meter, since: date) -> dict[str, Any]:
    """Return a meter with its register, in service since a day."""
    quantity = CATALOGUE[item.quantity]
    level = "" if item.level is None else f"{item.level}级"
    level_en = "" if item.level is None else f", level {item.level}"
    return {
        "code": item.device,
        "name_zh": f"{level}{quantity.zh}表",
        "name_en": f"{quantity.en.capitalize()} meter{level_en}",
        "kind": "meter",
        "metering_level": item.level,
        "facility": FACILITY if item.at_facility else None,
        "channels": [
            {
                **_register(item.quantity, item.role, since),
                "multiplier": item.multiplier,
                "width": item.width,
            }
        ],
    }


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
