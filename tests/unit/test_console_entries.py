"""Lines of the feed, and what is chosen of a county's results."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from schemas.access import Domain, Grant, Verb
from service.access import Permit
from service.console import county_rows
from service.console.conditions import Conditions
from service.console.county_rows import Official, Row
from service.console.entries import Entry, of_event
from service.console.visitors import Visitor
from service.console.words import words_of
from service.store.clients import Client
from service.store.counties import Result
from service.store.events import Event
from service.store.health import Reporting

AT = datetime(2020, 10, 1, tzinfo=UTC)
BODY: dict[str, Any] = {
    "indicator": "hour_mean", "level": "yellow", "phase": "firing", "value": 82.0, "target": 60.0,
    "reason": "because", "reason_zh": "因为", "county_name": {"zh": "凉州区", "en": "Liangzhou"},
    "enterprise": "91620623MA00000014", "enterprise_name": {"zh": "甲厂", "en": None},
    "subject_name": {"zh": "一号排放口", "en": "outlet 1"},
}  # fmt: skip


def visitor(language: str = "en") -> Visitor:
    client = Client("someone", None, (Grant("62", Domain.ENERGY, Verb.READ),))
    return Visitor(Permit(client, ["62"]), words_of(language), is_guest=True)


def line(language: str = "en", kind: str = "change", minutes: int = 1, **body: Any) -> Entry:
    known = AT + timedelta(minutes=minutes)
    event = Event(7, "620602", None, kind, AT, known, {**BODY, **body})
    return of_event(event, visitor(language))


def test_a_line_says_where_who_and_why() -> None:
    entry = line()
    assert (entry.place, entry.who, entry.what) == ("Liangzhou", "甲厂 · outlet 1", "because")
    assert (line("zh").place, line("zh").what) == ("凉州区", "因为")


def test_an_enterprise_as_a_whole_is_named_once() -> None:
    assert line(subject_name=BODY["enterprise_name"]).who == "甲厂"
    assert line(enterprise=None).who == ""


@pytest.mark.parametrize(
    ("body", "chip", "tone"),
    [
        pytest.param({}, "suspected exceedance, 0.37 × over", "outlet", id="an outlet"),
        pytest.param(
            {"value": 4.0}, "suspected exceedance", "outlet", id="an outlet that is within again"
        ),
        pytest.param(
            {"indicator": "intensity", "level": "orange"},
            "well above baseline", "lead-orange", id="a lead",
        ),
        pytest.param(
            {"indicator": "official_intensity", "level": "red"},
            "Level I", "official-red", id="an official level",
        ),
        pytest.param({"indicator": "new_one"}, "yellow", "lead-yellow", id="one without labels"),
    ],
)  # fmt: skip
def test_a_level_is_always_told_in_words(body: dict[str, Any], chip: str, tone: str) -> None:
    entry = line(**body)
    assert (entry.chip, entry.tone) == (chip, tone)


@pytest.mark.parametrize(("minutes", "is_late"), [(10, False), (11, True)])
def test_what_became_known_late_says_when(minutes: int, is_late: bool) -> None:
    assert (line(minutes=minutes).known_at is not None) is is_late


@pytest.mark.parametrize(
    ("indicator", "what"),
    [
        (
            "official_intensity",
            "short of the target in energy per unit of GDP for 2 period(s), the last to Sep 2020.",
        ),
        (
            "energy",
            "data of 2020-07-01 00:00 to 2020-10-01 00:00, told together.",
        ),
    ],
)
def test_late_judgements_are_told_together(indicator: str, what: str) -> None:
    first, last = "2020-06-30T16:00:00Z", "2020-09-30T16:00:00Z"
    entry = line(kind="digest", indicator=indicator, first=first, last=last, count=2)
    assert (entry.chip, entry.phase) == ("", "")
    assert entry.what.endswith(what)


def row(code: str, level: str | None) -> Row:
    result = Result(
        1, "official_intensity", "2020-01..2020-09", "official", "official", AT, 1.0, None, "%",
        2.0, None, None, None, None, {}, 1, AT, None,
    )  # fmt: skip
    official = Official(result, level, level, None, [])
    return Row(code, code, None, official, None, None, None, None, [], [])


@pytest.mark.parametrize(
    ("levels", "code"),
    [
        (["green", "red", "yellow"], "1"),
        (["green", "green"], "0"),
        pytest.param([None, "green"], "1", id="not rated comes last"),
        ([], None),
    ],
)
def test_the_worst_county_is_chosen_first(levels: list[str | None], code: str | None) -> None:
    assert county_rows.worst([row(str(n), level) for n, level in enumerate(levels)]) == code


@pytest.mark.parametrize(
    ("period", "is_cumulative", "is_rolling"),
    [
        ("2026-01..2026-10", True, False),
        ("2026-01..2026-12", True, True),
        ("2025-11..2026-10", False, True),
        ("30d", False, False),
    ],
)
def test_periods_are_told_apart(period: str, is_cumulative: bool, is_rolling: bool) -> None:
    assert county_rows._is_cumulative(period) is is_cumulative
    assert county_rows._is_rolling(period) is is_rolling


def test_silent_channels_are_those_that_do_not_report() -> None:
    counties = [Reporting("620602", 4, 3, 2, 0, AT), Reporting("620621", 1, 0, 1, 1, None)]
    found = Conditions(counties, {}, None, None, AT + timedelta(hours=1))
    assert (found.channels, found.silent, found.share) == (5, 2, 60.0)
    assert (found.newest_at, found.age) == (AT, timedelta(hours=1))


def test_no_channel_is_no_share() -> None:
    found = Conditions([], {}, None, None, AT)
    assert (found.share, found.age) == (None, None)
