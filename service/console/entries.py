"""Events and standing alerts as lines of the feed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from schemas.alerts import EventKind
from schemas.indicators import Level
from service.analyzers import find
from service.console.visitors import Visitor
from service.console.words import Words
from service.store.alert_list import ListedAlert
from service.store.events import Event

LATE = timedelta(minutes=10)  # what becomes known later than this tells so
OUTLET_INDICATOR = "hour_mean"
OFFICIAL_INDICATOR = "official_intensity"
ANALYZERS = {analyzer.name: analyzer for analyzer in find()}


@dataclass(frozen=True, slots=True)
class Entry:
    """One line; ``tone`` is how its chip looks, ``known_at`` is set where it came late."""

    number: str
    kind: str
    county: str
    place: str
    uscc: str
    who: str
    chip: str
    tone: str
    phase: str
    what: str
    at: datetime | None
    known_at: datetime | None


BLANK = Entry("", "", "", "", "", "", "", "", "", "", None, None)  # which the scripts fill in


def labels(words: Words) -> dict[str, dict[str, str]]:
    """Return what is printed for the levels of each indicator."""
    return {
        name: {
            level.name.lower(): words.level(
                analyzer.rule_set.name, level.name.lower(), analyzer.rule_set.labels.get(level)
            )
            for level in Level
            if level in analyzer.rule_set.labels
        }
        for name, analyzer in ANALYZERS.items()
        if analyzer.rule_set is not None
    }


def of_event(event: Event, visitor: Visitor) -> Entry:
    """Return the line of an event."""
    body, words = event.body, visitor.words
    late = event.recorded_at - event.as_of > LATE
    digest = event.kind == EventKind.DIGEST.value
    chip, tone = ("", "") if digest else _chip(body, visitor)
    return Entry(
        str(event.event_id),
        event.kind,
        event.county_code,
        _name(body.get("county_name"), words),
        str(body.get("enterprise") or ""),
        _who(body, words),
        chip,
        tone,
        "" if digest else str(body.get("phase", "")),
        _digest(body, visitor) if digest else _reason(body, words),
        event.as_of,
        event.recorded_at if late else None,
    )


def of_alert(alert: ListedAlert, place: str, visitor: Visitor) -> Entry:
    """Return the line of an alert that stands."""
    words = visitor.words
    body = {
        "indicator": alert.indicator, "level": Level(alert.level).name.lower(),
        "phase": alert.phase, "value": alert.value, "target": alert.target,
        "reason": alert.reason, "reason_zh": alert.reason_zh,
    }  # fmt: skip
    chip, tone = _chip(body, visitor)
    enterprise = "" if alert.uscc is None else words.name(alert.name_zh or "", alert.name_en or "")
    who = " · ".join(filter(None, (enterprise, alert.facility or alert.outlet)))
    return Entry(
        "", "standing", alert.county_code, place, alert.uscc or "", who, chip, tone, alert.phase,
        _reason(body, words), alert.since, None,
    )  # fmt: skip


def _chip(body: Mapping[str, Any], visitor: Visitor) -> tuple[str, str]:
    """Return what a level is called here, and the tone of its chip."""
    indicator, level = str(body.get("indicator", "")), str(body.get("level", ""))
    text = labels(visitor.words).get(indicator, {}).get(level, level)
    if indicator == OUTLET_INDICATOR:
        return visitor.figures.suspected(text, body.get("value"), body.get("target")), "outlet"
    return text, f"{'official' if indicator == OFFICIAL_INDICATOR else 'lead'}-{level}"


def _digest(body: Mapping[str, Any], visitor: Visitor) -> str:
    words, figures = visitor.words, visitor.figures
    indicator = str(body.get("indicator", ""))
    is_official = indicator == OFFICIAL_INDICATOR
    last = _instant(body.get("last"))
    return words(
        "entry.official_digest" if is_official else "entry.digest",
        indicator=words.find(f"indicator.{indicator}", indicator),
        count=body.get("count", 0),
        first=figures.clock(_instant(body.get("first"))),
        last=figures.month_ended(last) if is_official else figures.clock(last),
    )


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _reason(body: Mapping[str, Any], words: Words) -> str:
    return words.name(str(body.get("reason_zh") or ""), str(body.get("reason") or ""))


def _who(body: Mapping[str, Any], words: Words) -> str:
    """Return the enterprise, and what of it where it is not all of it."""
    if body.get("enterprise") is None:
        return ""
    enterprise = _name(body.get("enterprise_name"), words)
    subject = _name(body.get("subject_name"), words)
    return enterprise if subject in ("", enterprise) else f"{enterprise} · {subject}"


def _name(names: Mapping[str, str | None] | None, words: Words) -> str:
    names = names or {}
    return words.name(names.get("zh") or "", names.get("en") or "")
