"""What the fleet's commands cannot do is one sentence that says what to do instead."""

import subprocess
import sys
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from deploy.local.errors import Cannot
from deploy.local.fleet import enrolment, history, misconduct, publication, quarters, variables
from deploy.local.fleet.episodes import EXCEED, FURNACE
from deploy.local.fleet.quarters import Quarter
from deploy.local.fleet.variables import SINCE, Variables
from deploy.local.settings import CHECKOUT, free_port
from service.domain.calendar import SHANGHAI

TODAY = date(2026, 11, 23)


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Variables:
    """Variables of a product that runs, as far as the commands can tell."""
    monkeypatch.setattr(enrolment, "check", lambda _: None)
    return variables.read({"QINGYU_HOME": str(tmp_path)})


def is_a_sentence(text: str) -> bool:
    return text.endswith(".") and "\n" not in text


@pytest.mark.parametrize(
    ("value", "said"),
    [
        pytest.param("yesterday", "'yesterday'", id="no date"),
        pytest.param("2026-13-01", "'2026-13-01'", id="no month"),
        pytest.param("1999-01-01", "last four years", id="too long ago"),
        pytest.param("{tomorrow}", "before today", id="the future"),
        pytest.param("{today}", "before today", id="today"),
    ],
)
def test_a_first_day_that_cannot_be_is_refused(value: str, said: str, tmp_path: Path) -> None:
    today = datetime.now(SHANGHAI).date()
    value = value.format(today=today, tomorrow=today + timedelta(days=1))
    with pytest.raises(Cannot) as refusal:
        variables.read({"QINGYU_HOME": str(tmp_path), SINCE: value})
    assert str(refusal.value).startswith(f"{SINCE} is ")
    assert said in str(refusal.value)
    assert is_a_sentence(str(refusal.value))


def test_the_first_day_is_kept_once_chosen(tmp_path: Path) -> None:
    assert history.first_day(tmp_path, None, TODAY) == date(2025, 1, 1)
    assert history.first_day(tmp_path, None, TODAY + timedelta(days=400)) == date(2025, 1, 1)
    assert history.first_day(tmp_path, date(2025, 1, 1), TODAY) == date(2025, 1, 1)
    with pytest.raises(Cannot, match=rf"^{SINCE} is 2026-05-01 but .* begun on 2025-01-01: .*\.$"):
        history.first_day(tmp_path, date(2026, 5, 1), TODAY)


def test_a_chosen_first_day_is_taken(tmp_path: Path) -> None:
    yesterday = datetime.now(SHANGHAI).date() - timedelta(days=1)
    told = variables.read({"QINGYU_HOME": str(tmp_path), SINCE: f"{yesterday}"})
    assert history.first_day(tmp_path, told.since, TODAY) == yesterday


@pytest.mark.parametrize(
    ("county", "kind", "said"),
    [
        pytest.param("620699", FURNACE, "620623 天祝藏族自治县 Tianzhu.", id="unknown county"),
        pytest.param("620622 ", FURNACE, "no county", id="no code"),
        pytest.param("620623", EXCEED, "has no outlet with a VOC monitor", id="no outlet"),
    ],
)
def test_a_county_that_cannot_misbehave_is_refused(
    told: Variables, county: str, kind: str, said: str
) -> None:
    with pytest.raises(Cannot) as refusal:
        misconduct.misbehave(told, county, kind)
    assert said in str(refusal.value)
    assert is_a_sentence(str(refusal.value))


def test_every_county_with_a_furnace_can_misbehave_until_all_do(told: Variables) -> None:
    said = [misconduct.misbehave(told, "620621", FURNACE) for _ in range(2)]
    assert len(set(said)) == 2
    with pytest.raises(Cannot, match=r"^All 2 .* already: make behave ends it\.$"):
        misconduct.misbehave(told, "620621", FURNACE)
    assert misconduct.behave(told).startswith("2 episode(s) ended.")
    assert misconduct.behave(told) == "No enterprise misbehaves."


def test_without_a_county_any_will_do(told: Variables) -> None:
    assert "DA001" in misconduct.misbehave(told, "", EXCEED)
    assert "DA001" in misconduct.misbehave(told, None, EXCEED)


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        pytest.param("2026Q5", "There is no quarter 2026Q5", id="no quarter"),
        pytest.param("2024Q4", "There is no quarter 2024Q4", id="before the demo"),
        pytest.param("next", "There is no quarter next", id="a word"),
        pytest.param("2026Q4", "come out on 2027-01-22", id="future"),
        pytest.param("2026Q2", "2026Q2 was imported already", id="imported"),
    ],
)
def test_a_quarter_that_cannot_be_imported_is_refused(wanted: str, said: str) -> None:
    known = {f"{quarter.months}" for quarter in quarters.published(TODAY)[:-1]}
    with pytest.raises(Cannot) as refusal:
        publication._choose(wanted, known, TODAY)
    assert said in str(refusal.value)
    assert is_a_sentence(str(refusal.value))


def test_the_next_quarter_is_the_one_held_back() -> None:
    known = {f"{quarter.months}" for quarter in quarters.published(TODAY)[:-1]}
    assert publication._choose(None, known, TODAY) == Quarter(2026, 3)
    assert publication._choose("2026q3", known, TODAY) == Quarter(2026, 3)
    with pytest.raises(Cannot, match=r"2026Q4 comes out on 2027-01-22\.$"):
        publication._choose(None, known | {"2026-01..2026-09"}, TODAY)


@pytest.mark.parametrize("has_stopped", [True, False], ids=["stopped", "never started"])
@pytest.mark.parametrize("command", ["misbehave", "behave", "statistics"])
def test_a_product_that_does_not_run_is_to_be_started(
    tmp_path: Path, command: str, has_stopped: bool
) -> None:
    if has_stopped:
        keys = "QINGYU_REGULATOR_KEY=a\nQINGYU_STATISTICS_KEY=b\n"
        text = f"QINGYU_API=http://127.0.0.1:{free_port()}\n{keys}"
        (tmp_path / "local.env").write_text(text)
    answer = subprocess.run(
        [sys.executable, "-m", "deploy.local.fleet", command],
        cwd=CHECKOUT,
        env={"QINGYU_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 1
    assert "make up" in answer.stderr
    assert is_a_sentence(answer.stderr.strip())
    assert not (tmp_path / "fleet").exists()
