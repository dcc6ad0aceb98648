"""The real series of a folder are replayed as they are, gaps included, or refused."""

import csv
import os
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from deploy.local import settings
from deploy.local.errors import Cannot
from deploy.local.fleet import clock, derive, recordings, shapes
from deploy.local.fleet.clock import DAY, HOUR, QUARTER
from deploy.local.fleet.enterprises import Enterprise, enterprises
from deploy.local.fleet.loads import ShapedLoad
from deploy.local.fleet.monitors import HIGHEST, DerivedSource, Monitor
from deploy.local.fleet.recordings import CONCENTRATION, ENERGY

FIRST_END = datetime.fromisoformat("2004-03-10T18:00")  # the monitor's own time, like the files
GAPS = [(5, 6), (1_000, 1_030), (5_000, 5_600)]  # hours of the recording, half-open
WEEK_2 = clock.midnight_of(date(2026, 1, 5))  # the Monday of the second ISO week of 2026
SERIES = settings.read(os.environ).series


def kwh() -> list[float]:
    """Return a year of quarter hours from a Monday on, in which one day stands still."""
    quarter = np.arange(35_040)
    values = 10 + 5 * np.sin(quarter / 7) + (quarter % 96 > 40) * 60.0
    values[9 * 96 : 10 * 96] = 0.0
    return [round(float(value), 2) for value in values]


def benzene() -> list[float | None]:
    """Return 56 weeks of hours with gaps, the highest of them 40 µg/m³."""
    values: list[float | None] = [round(5 + 3 * np.sin(hour / 3), 1) for hour in range(56 * 168)]
    values[300] = 40.0
    for start, stop in GAPS:
        values[start:stop] = [None] * (stop - start)
    return values


def write(path: Path, header: str, rows: Sequence[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header.split(","), *rows])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    energy = [["2018-01-01T00:15", value, 0.0] for value in kwh()]
    write(tmp_path / ENERGY, "period_end,energy_kwh,reactive_lagging_kvarh", energy)
    hours = [
        [(FIRST_END + timedelta(hours=place)).isoformat(timespec="minutes"), "", value, 13.6, 48.9]
        for place, value in enumerate(benzene())
    ]
    header = "period_end,nmhc_ug_m3,benzene_ug_m3,temperature_c,humidity_pct"
    write(tmp_path / CONCENTRATION, header, hours)
    return tmp_path


def recorded(series: Path | None, what: str) -> Enterprise:
    [item] = [item for item in enterprises(series) if item.entry.recorded == what]
    return item


def monitor_of(series: Path | None) -> Monitor:
    monitor = recorded(series, "concentration").monitor
    assert monitor is not None
    return monitor


def test_a_furnaces_register_counts_what_was_recorded(folder: Path) -> None:
    [furnace] = [m for m in recorded(folder, "energy").meters if m.device == "E-11"]
    quarters = np.arange(WEEK_2, WEEK_2 + 7 * DAY + 1, QUARTER, dtype=np.int64)
    steps = np.diff(furnace.dial(quarters)) % furnace.width
    week = np.array(kwh()[672 : 2 * 672])
    still = week == 0
    assert np.allclose(steps[still], 0, atol=0.011)
    by_day = (steps / np.where(still, 1, week)).reshape(7, 96)  # days spread, quarters do not
    by_day = by_day[[0, 1, 3, 4, 5, 6]]
    assert np.allclose(by_day, by_day.mean(axis=1, keepdims=True), rtol=0.01)
    assert by_day.std() / by_day.mean() < 0.05


def test_an_outlets_hours_are_the_recorded_ones_with_their_gaps(folder: Path) -> None:
    monitor = monitor_of(folder)
    means = monitor.means(np.arange(WEEK_2, WEEK_2 + 7 * DAY, HOUR, dtype=np.int64))
    hours = np.array([np.nan if value is None else value for value in benzene()])
    recording = recordings.concentration(folder)
    monday = datetime.fromisoformat("2005-01-10")  # in the second ISO week of that year
    place = (monday - recording.start) // timedelta(hours=1)
    wanted = hours[place : place + 168] * HIGHEST * monitor.limit / 40.0
    assert np.allclose(means, wanted, atol=0.001, equal_nan=True)


def test_every_gap_of_a_whole_year_is_kept(folder: Path) -> None:
    monday, weeks = clock.midnight_of(date(2026, 1, 1)) - 3 * DAY, 52
    hours = np.arange(monday, monday + weeks * 7 * DAY, HOUR, dtype=np.int64)
    away = int(np.isnan(monitor_of(folder).means(hours)).sum())
    assert away == sum(stop - start for start, stop in GAPS[1:])  # the first is before a Monday


def test_without_the_series_both_are_derived() -> None:
    [main, *_] = recorded(None, "energy").meters
    assert isinstance(main.load, ShapedLoad)
    assert isinstance(monitor_of(None).source, DerivedSource)


@pytest.mark.skipif(SERIES is None, reason="there is no folder of real series: QINGYU_SERIES")
def test_the_real_series_replay_where_they_are() -> None:
    at = np.arange(WEEK_2, WEEK_2 + 7 * DAY, QUARTER, dtype=np.int64)
    for meter in recorded(SERIES, "energy").meters:
        assert (np.diff(meter.amounts(at)) >= 0).all()
    means = monitor_of(SERIES).means(np.arange(WEEK_2, WEEK_2 + 350 * DAY, HOUR, dtype=np.int64))
    assert np.nanmax(means) <= HIGHEST * monitor_of(SERIES).limit
    assert 0.01 < np.isnan(means).mean() < 0.1


def test_the_derived_figures_name_their_sources() -> None:
    found = shapes.shapes()
    for part in (found.load, found.monitor):
        assert "UCI Machine Learning Repository, CC BY 4.0" in part.source
    assert (len(found.load.mean), len(found.monitor.mean)) == (672, 168)


@pytest.mark.skipif(SERIES is None, reason="there is no folder of real series: QINGYU_SERIES")
def test_the_derived_figures_are_those_of_the_series(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    again = tmp_path / "shapes.json"
    monkeypatch.setattr(derive, "FILE", again)
    derive.main()
    assert again.read_bytes() == shapes.FILE.read_bytes()


Damage = Callable[[Path], object]


def cut(path: Path) -> None:
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:500]))


def without_row(path: Path) -> None:
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:50] + lines[51:]))


def replaced(old: str, new: str) -> Damage:
    return lambda path: path.write_text(path.read_text().replace(old, new))


@pytest.mark.parametrize(
    ("name", "damage", "said"),
    [
        pytest.param(ENERGY, Path.unlink, "cannot be read", id="no file of energy"),
        pytest.param(CONCENTRATION, Path.unlink, "cannot be read", id="no file of a monitor"),
        pytest.param(ENERGY, lambda p: p.write_text("a,b\n1,2\n"), "no column", id="foreign"),
        pytest.param(ENERGY, lambda p: p.write_text(""), "no column", id="empty"),
        pytest.param(ENERGY, lambda p: p.write_bytes(b"\x89PNG\xff\xfe"), "no table", id="picture"),
        pytest.param(ENERGY, cut, "52 weeks", id="energy cut off"),
        pytest.param(ENERGY, replaced(",10.0,", ",ten,"), "no number", id="a word"),
        pytest.param(ENERGY, replaced(",10.0,", ",,"), "no number", id="a gap in the energy"),
        pytest.param(ENERGY, replaced(",10.0,", ",-1,"), "nothing can", id="a negative amount"),
        pytest.param(ENERGY, replaced(",10.0,", ",inf,"), "nothing can", id="an infinite amount"),
        pytest.param(CONCENTRATION, cut, "every hour", id="a monitor's year cut off"),
        pytest.param(CONCENTRATION, without_row, "every hour", id="an hour is left out"),
        pytest.param(CONCENTRATION, replaced("2004-03-11T", "11/3/04 "), "no time", id="a date"),
    ],
)
def test_what_cannot_be_replayed_is_refused_in_one_sentence(
    folder: Path, name: str, damage: Damage, said: str
) -> None:
    path = folder / name
    damage(path)
    with pytest.raises(Cannot) as refusal:
        enterprises(folder)
    text = str(refusal.value)
    assert text.startswith(f"{path} ")
    assert said in text
    assert text.endswith("set QINGYU_SERIES to another folder.")
    assert "\n" not in text
