"""Misbehaviour: which readings an episode changes, and that nothing is sent twice or skipped."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.local.fleet import clock, documents, episodes
from deploy.local.fleet.clock import DAY, HOUR, MINUTE, QUARTER, WEEK
from deploy.local.fleet.enterprises import EVERY, enterprises
from deploy.local.fleet.episodes import EXCEED, FURNACE, Episode
from deploy.local.fleet.gateway import corrected, missing

NOON = clock.midnight_of(date(2026, 11, 23)) + 12 * HOUR
START = NOON - 30 * DAY
[FERROALLOY, *_] = [item for item in enterprises(None) if item.entry.demo]
[COATING] = [item for item in enterprises(None) if item.entry.demo_voc]


@pytest.mark.parametrize(
    ("kind", "now", "since"),
    [
        pytest.param(FURNACE, NOON + 10, NOON - DAY, id="a furnace for 24 whole hours"),
        pytest.param(EXCEED, NOON + 6 * MINUTE, NOON - HOUR, id="an outlet in the last hour"),
        pytest.param(EXCEED, NOON + 10, NOON - 2 * HOUR, id="an hour just ended is not judged yet"),
    ],
)
def test_an_episode_begins_where_it_is_seen_at_once(kind: str, now: int, since: int) -> None:
    [begun] = episodes.begin([], kind, "620623", "a", now)
    assert (begun.since, begun.until) == (since, None)


def test_a_furnace_is_never_strained_twice_at_once() -> None:
    begun = episodes.begin([], FURNACE, "620623", "a", NOON)
    ended = episodes.end(begun, NOON + 900)
    [first, second] = episodes.begin(ended, FURNACE, "620623", "a", NOON + 2_000)
    assert first.until == NOON + 900 == second.since


def test_an_ended_episode_stays_as_it_ended() -> None:
    ended = episodes.end(episodes.begin([], EXCEED, "620602", "a", NOON + 400), NOON + HOUR)
    assert episodes.end(ended, NOON + 9 * HOUR) == ended
    assert ended[0].until == NOON + HOUR


def test_episodes_are_kept_and_a_damaged_file_is_none(tmp_path: Path) -> None:
    known = [Episode(1, FURNACE, "620623", "a", NOON), Episode(2, EXCEED, "620602", "b", 5, 9)]
    episodes.save(tmp_path, known)
    assert episodes.load(tmp_path) == known
    episodes.path_in(tmp_path).write_text("[{")
    assert episodes.load(tmp_path) == []


def test_a_correction_of_dials_holds_every_instant_that_was_sent() -> None:
    wanted = corrected(FERROALLOY, FURNACE, NOON - DAY, NOON - 5, NOON)
    slots = {at for at in range(NOON - DAY + 1, NOON - 4) if (at - FERROALLOY.offset) % EVERY == 0}
    quarters = set(clock.grid(NOON - DAY, NOON - 5, QUARTER).tolist())
    assert set(wanted.dials.tolist()) == slots | quarters
    assert not len(wanted.hours)


def test_a_correction_of_an_outlet_holds_hours_and_minutes_that_ended() -> None:
    since, now = NOON - 2 * HOUR, NOON + 100
    wanted = corrected(COATING, EXCEED, since, now - 7, now)
    assert wanted.hours.tolist() == [since, since + HOUR]
    assert wanted.minutes[0] == since
    assert wanted.minutes[-1] + MINUTE <= now - 7 < wanted.minutes[-1] + 2 * MINUTE


@given(
    pauses=st.lists(st.integers(1, 12 * DAY), min_size=1, max_size=4),
    begun=st.integers(0, 3 * HOUR),
)
def test_what_was_missed_is_sent_once_whenever_the_fleet_is_away(
    pauses: list[int], begun: int
) -> None:
    reached, now = START - 1, START + begun
    dials: list[int] = []
    hours: list[int] = []
    for pause in pauses:
        for until, step in missing(reached, now):
            wanted = documents.between(reached, until, step, START)
            dials += wanted.dials.tolist()
            hours += wanted.hours.tolist()
            reached = until
        now += pause
    last = now - pauses[-1]
    border = max((last - WEEK) // HOUR * HOUR, START - 1)
    assert len(set(dials)) == len(dials)
    assert set(clock.grid(START - 1, last, HOUR).tolist()) <= set(dials)
    assert set(clock.grid(border, last, QUARTER).tolist()) <= set(dials)
    assert hours == (clock.grid(START + HOUR - 1, reached, HOUR) - HOUR).tolist()
