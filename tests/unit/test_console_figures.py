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


@pytest.mark.parametrize(
    ("value", "printed"),
    [
        (None, "—"), (0.0, "0.00"), (12.345, "12.35"), (1_234_567.891, "1,234,567.89"),
        pytest.param(0.123456, "0.1235", id="small ones by the digits that count"),
        pytest.param(-3.5, "-3.50", id="below zero"),
    ],
)  # fmt: skip
def test_an_amount_is_a_dash_only_where_it_is_not_known(value: float | None, printed: str) -> None:
    assert EN.amount(value) == printed


@pytest.mark.parametrize(
    ("value", "amount", "share"),
    [
        (None, "—", "—"), (1_500.0, "+1,500.00", "+150000.0%"), (-0.05, "−0.05", "−5.0%"),
        pytest.param(2.4e-8, "0", "0.0%", id="the rest of a sum of floats"),
    ],
)  # fmt: skip
def test_a_difference_has_its_sign(value: float | None, amount: str, share: str) -> None:
    assert (EN.signed(value), EN.signed_share(value)) == (amount, share)


@pytest.mark.parametrize(
    ("value", "printed"),
    [
        ("9.0E+5", "900,000"), ("561712", "561,712"), ("2020", "2020"), (4, "4"), (0.25, "0.25"),
        ("constant", "constant"), ("NaN", "NaN"), ("2025-01..2025-12", "2025-01..2025-12"),
        ("-0.31", "-0.31"),
    ],
)  # fmt: skip
def test_a_figure_that_was_entered_is_printed_in_full(value: object, printed: str) -> None:
    assert EN.exact(value) == printed


def test_days_are_printed_with_their_last() -> None:
    assert EN.days("2026-10-01", "2026-11-01") == "2026-10-01 to 2026-10-31"
    assert EN.days("2026-10-01", None) == "from 2026-10-01"
    assert EN.day(AUTUMN) == "2026-10-01"
