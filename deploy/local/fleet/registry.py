"""The registry document of the demo: counties, parks, enterprises and coefficients."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from deploy.local.fleet import coefficients, devices
from deploy.local.fleet.enterprises import (
    FACILITY,
    OUTLET,
    SPARE,
    TREATMENT,
    Enterprise,
    enterprises,
    unsent,
)
from deploy.local.fleet.monitors import Monitor
from deploy.local.settings import CHECKOUT

REGION = CHECKOUT / "deploy" / "regions" / "wuwei.json"
LIMIT_SOURCE = "演示限值（虚构，待运行单位确认）"


@dataclass(frozen=True, slots=True)
class Demo:
    """Whom a newcomer tries things with: a spare meter that the fleet never writes to, a monitor.

    ``uscc`` and ``device`` belong to one enterprise, the others to one with a VOC monitor.
    """

    uscc: str
    device: str
    voc_uscc: str
    mn: str


def region() -> dict[str, Any]:
    """Return counties and parks as they are entered."""
    found = json.loads(REGION.read_text(encoding="utf-8"))
    return {"counties": found["counties"], "parks": found["parks"]}


def document(today: date, since: date) -> dict[str, Any]:
    """Return the body of ``POST /api/v1/registry``; everything is in service since a day."""
    return {
        **region(),
        "coefficients": coefficients.rows(today),
        "enterprises": [_enterprise(item, since) for item in enterprises(None)],
    }


def demo() -> Demo:
    """Return what a newcomer needs to know of the document."""
    [spare] = [item.uscc for item in enterprises(None) if item.entry.demo]
    [(voc, mn)] = [
        (item.uscc, item.monitor.mn)
        for item in enterprises(None)
        if item.entry.demo_voc and item.monitor is not None
    ]
    return Demo(spare, SPARE, voc, mn)


def _enterprise(item: Enterprise, since: date) -> dict[str, Any]:
    entry = item.entry
    standing = devices.meters([*item.meters, *unsent(item)], since)
    if entry.demo:
        standing.append(devices.spare())
    if item.monitor is not None:
        standing.append(devices.monitor(item.monitor, since))
    return {
        "uscc": item.uscc,
        "county": entry.county,
        "park": entry.park,
        "name_zh": entry.name_zh,
        "name_en": entry.name_en,
        "trade": item.recipe.trade,
        "outlets": [] if item.monitor is None else [_outlet(item, item.monitor, since)],
        "facilities": list(_facilities(item)),
        "devices": standing,
    }


def _facilities(item: Enterprise) -> Iterator[dict[str, Any]]:
    recipe = item.recipe
    yield {
        "code": FACILITY,
        "name_zh": recipe.facility_zh,
        "name_en": recipe.facility_en,
        "kind": "production",
        "product": recipe.product,
        "cleaned_by": [] if item.monitor is None else [TREATMENT],
    }
    if item.monitor is not None:
        yield {
            "code": TREATMENT,
            "name_zh": recipe.treatment_zh,
            "name_en": recipe.treatment_en,
            "kind": "treatment",
        }


def _outlet(item: Enterprise, monitor: Monitor, since: date) -> dict[str, Any]:
    return {
        "code": OUTLET,
        "name_zh": "工艺废气排放口",
        "name_en": "Process gas outlet",
        "permit_code": f"{item.uscc}001Q",
        "limits": [
            {
                "quantity": monitor.quantity,
                "value": monitor.limit,
                "valid_from": since.isoformat(),
                "source": LIMIT_SOURCE,
                "confirmed": False,
            }
        ],
    }
