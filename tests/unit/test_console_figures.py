"""How the console prints figures, periods and instants."""

from datetime import UTC, datetime, timedelta

import pytest

from service.console.figures import Figures
from service.console.words import words_of

ZH, EN = (Figures(words_of(language), 2026) for language in ("zh", "en"))
AUTUMN = datetime(2026, 9, 30, 16, tzinfo=UTC)  # midnight in Beijing


@pytest.mark.parametrize(
    ("value", "zh", "en"),
    [
        pytest.param(2.8, "降低 2.80%", "fell 2.80%", id="a fall"),
        pytest.param(-0.5, "上升 0.50%", "rose 0.50%", id="a rise"),
        pytest.param(2.805, "降低 2.805%", "fell 2.805%", id="thousandths where they differ"),
        pytest.param(0.0, "降低 0.00%", "fell 0.00%", id="neither"),
        pytest.param(None, "—", "—", id="not known"),
    ],
)
def test_a_reduction_is_said_in_words(value: float | None, zh: str, en: str) -> None:
    assert (ZH.reduction(value), EN.reduction(value)) == (zh, en)


@pytest.mark.parametrize(
    ("value", "zh", "en"),
    [
        (1.23, "增长 1.2%", "up 1.2%"),
        (-1.23, "下降 1.2%", "down 1.2%"),
        pytest.param(None, "无可比同期", "no comparable period", id="nothing to compare with"),
    ],
)
def test_a_growth_is_said_in_words(value: float | None, zh: str, en: str) -> None:
    assert (ZH.growth(value), EN.growth(value)) == (zh, en)


@pytest.mark.parametrize(
    ("value", "printed"), [(0.15, "+0.15 points"), (-1.7, "−1.70 points"), (None, "—")]
)
def test_a_gap_has_its_sign(value: float | None, printed: str) -> None:
    assert EN.points(value) == printed


@pytest.mark.parametrize(
    ("tce", "zh", "en"),
    [
        (1213.4, "1,213 tce", "1,213 tce"),
        (297_600.0, "29.76 万tce", "297.6 ktce"),
        (None, "—", "—"),
    ],
)
def test_energy_has_the_unit_people_use(tce: float | None, zh: str, en: str) -> None:
    assert (ZH.energy(tce), EN.energy(tce)) == (zh, en)


@pytest.mark.parametrize(
    ("text", "zh", "en"),
    [
        ("2026-01..2026-09", "2026年1–9月", "Jan–Sep 2026"),
        ("2026-03..2026-03", "2026年3月", "Mar 2026"),
        ("2025-11..2026-10", "2025年11月–2026年10月", "Nov 2025–Oct 2026"),
        pytest.param("24h", "24小时", "24 h", id="a window by its name"),
        pytest.param("shift", "shift", "shift", id="a window without one"),
    ],
)
def test_a_period_is_printed_as_people_do(text: str, zh: str, en: str) -> None:
    assert (ZH.period(text), EN.period(text)) == (zh, en)


@pytest.mark.parametrize(
    ("at", "printed"),
    [
        pytest.param(AUTUMN, "10-01 00:00", id="this year, by Beijing"),
        pytest.param(datetime(2025, 12, 31, 15, 59, tzinfo=UTC), "2025-12-31 23:59", id="another"),
        pytest.param(
            datetime(2025, 12, 31, 16, tzinfo=UTC), "01-01 00:00", id="Beijing's new year"
        ),
        pytest.param(None, "—", id="never"),
    ],
)
def test_an_instant_names_its_year_unless_it_is_this_one(at: datetime | None, printed: str) -> None:
    assert EN.clock(at) == printed


def test_an_instant_of_the_same_day_needs_no_day() -> None:
    assert EN.clock_after(AUTUMN + timedelta(hours=3), AUTUMN) == "03:00"
    assert EN.clock_after(AUTUMN + timedelta(days=1), AUTUMN) == "10-02 00:00"


@pytest.mark.parametrize(
    ("at", "printed"),
    [(AUTUMN, "Sep 2026"), (datetime(2025, 12, 31, 16, tzinfo=UTC), "Dec 2025"), (None, "—")],
)
def test_a_period_that_ends_at_midnight_belongs_to_the_month_before(
    at: datetime | None, printed: str
) -> None:
    assert EN.month_ended(at) == printed


@pytest.mark.parametrize(
    ("value", "printed"),
    [
        pytest.param(82.0, "above, 0.37 × over", id="times over the limit"),
        pytest.param(60.0, "above", id="the limit itself is not over it"),
        pytest.param(None, "above", id="not known"),
    ],
)
def test_an_outlet_is_told_how_far_it_exceeds(value: float | None, printed: str) -> None:
    assert EN.suspected("above", value, 60.0) == printed


@pytest.mark.parametrize(
    ("age", "printed"),
    [
        (timedelta(seconds=-3), "0 s ago"),
        (timedelta(seconds=119), "119 s ago"),
        (timedelta(minutes=67), "67 min ago"),
        (timedelta(hours=47), "47 h ago"),
        (timedelta(days=2), "2 days ago"),
        (None, "—"),
    ],
)
def test_an_age_has_one_unit(age: timedelta | None, printed: str) -> None:
    assert EN.age(age) == printed
