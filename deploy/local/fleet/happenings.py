"""What happened to the demo's meters: calibrations, a replacement, another ratio; all invented."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

from deploy.local.fleet import clock
from deploy.local.fleet.api import Api
from deploy.local.fleet.enterprises import Enterprise, enterprises
from service.domain.calendar import midnight

OFFICE = "演示计量检定所（虚构） / demo office of metrology, invented"
LABORATORY = "演示煤质检测中心（虚构）"
NOTE = "演示（虚构） / invented for the demo"
USUAL_DAYS = 600  # since a calibration at most, which holds for 24 months


def enter(api: Api, today: date, since: date) -> int:
    """Enter what happened, unless something was entered before; returns how many entries."""
    if api.get("/device-events?limit=1")["items"]:
        return 0
    happened = list(events(today, since))
    for event in happened:
        api.post("/device-events", event)
    changed = list(settings(since))
    for setting in changed:
        api.post("/channel-settings", setting)
    values = list(heating_values(since))
    api.post("/heating-values", {"heating_values": values})
    return len(happened) + len(changed) + len(values)


def events(today: date, since: date) -> Iterator[dict[str, Any]]:
    """Yield calibrations of the meters that make totals, and replacements within the history."""
    for number, item in enumerate(enterprises(None)):
        codes = dict.fromkeys(meter.device for meter in item.meters if meter.level is not None)
        for place, device in enumerate(codes):
            days = 60 + (97 * number + 41 * place) % USUAL_DAYS
            if place == 0 and item.entry.calibrated_days_ago is not None:
                days = item.entry.calibrated_days_ago
            yield _calibration(item, device, midnight(today - timedelta(days=days)))
        if (new := item.entry.replacement) is not None and new.at > midnight(since):
            yield {
                "kind": "replacement", "enterprise": item.uscc, "device": item.meters[0].device,
                "at": new.at.isoformat(), "closing": item.meters[0].closing(),
                "opening": new.opening, "note": NOTE,
            }  # fmt: skip


def settings(since: date) -> Iterator[dict[str, Any]]:
    """Yield ratios that changed within the history."""
    for item in enterprises(None):
        change = item.entry.ratio_change
        if change is not None and change.since > midnight(since):
            yield {
                "enterprise": item.uscc, "device": item.meters[0].device,
                "quantity": item.meters[0].quantity, "valid_from": change.since.isoformat(),
                "ct": change.multiplier, "pt": 1, "note": NOTE,
            }  # fmt: skip


def heating_values(since: date) -> Iterator[dict[str, Any]]:
    """Yield measured heating values, in force since the history begins."""
    for item in enterprises(None):
        if (value := item.entry.heating_value) is not None:
            yield {
                "enterprise": item.uscc, "quantity": value.quantity, "value": value.value,
                "unit": value.unit, "valid_from": since.isoformat(), "report": value.report,
                "laboratory": LABORATORY, "source": NOTE,
            }  # fmt: skip


def _calibration(item: Enterprise, device: str, at: datetime) -> dict[str, Any]:
    return {
        "kind": "calibration", "enterprise": item.uscc, "device": device,
        "at": (at + timedelta(hours=10)).isoformat(), "result": "passed",
        "certificate": f"YS-{clock.day_of(clock.seconds(at)):%Y%m%d}-{device}",
        "organisation": OFFICE, "note": NOTE,
    }  # fmt: skip
