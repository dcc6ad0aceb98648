"""Timelines of alerts, a tick per character."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.alerts import Alert, EventKind, Phase
from schemas.indicators import Level
from service.domain.alerts import Timing, replay
from service.domain.timeline import Judged, Told, Track, follow

START = datetime(2026, 11, 1, tzinfo=UTC)
TICK = timedelta(hours=1)
TIMING = Timing(pending=2 * TICK, recovering=2 * TICK)
BREACHED: Mapping[str, bool | None] = {".": False, "x": True, "?": None}
LEVEL = Level.YELLOW


@pytest.mark.parametrize(
    ("breaches", "phases"),
    [
        pytest.param("..x..", "nnpnn", id="a short breach never fires"),
        pytest.param(".xxxx", "nppff", id="a breach fires once held"),
        pytest.param("xxx...", "ppfrrn", id="a clear value ends it once held"),
        pytest.param("xxx.x.", "ppfrfr", id="a dip within recovery keeps the episode"),
        pytest.param("xxx???", "ppffff", id="silence does not end it"),
        pytest.param("xxx.??.", "ppfrrrn", id="silence does not hold up its end"),
        pytest.param("?x?xx", "nppff", id="silence does not break a breach"),
        pytest.param("????", "nnnn", id="silence never starts one"),
    ],
)
def test_step_follows_the_timeline(breaches: str, phases: str) -> None:
    judged = [(START + n * TICK, BREACHED[mark]) for n, mark in enumerate(breaches)]
    seen = replay(Alert(Phase.NORMAL, START), judged, TIMING)
    assert "".join(alert.phase[0] for alert in seen) == phases


@pytest.mark.parametrize(
    ("timing", "breaches", "phases"),
    [
        pytest.param(Timing(), ".x.x", "nfnf", id="without delays it fires and ends at once"),
        pytest.param(Timing(recovering=TICK), "x..", "frn", id="only the end is held"),
        pytest.param(Timing(pending=TICK), "xx.", "pfn", id="only the start is held"),
    ],
)
def test_delays_are_optional(timing: Timing, breaches: str, phases: str) -> None:
    judged = [(START + n * TICK, BREACHED[mark]) for n, mark in enumerate(breaches)]
    seen = replay(Alert(Phase.NORMAL, START), judged, timing)
    assert "".join(alert.phase[0] for alert in seen) == phases


def chain(breaches: str, first: int = 0) -> list[Judged]:
    return [
        Judged(START + (first + n) * TICK, {LEVEL: BREACHED[mark]})
        for n, mark in enumerate(breaches)
    ]


def told(
    breaches: str, *, news: int, timing: Timing, until: int | None = None, a_day: bool = False
) -> Told:
    """What was told after a chain that was followed in time."""
    if not breaches:
        return Told({}, None, START + news * TICK)
    nothing = Told({}, None, START)
    tracks, _ = follow({}, chain(breaches), nothing, timing, episode_a_day=a_day)
    last = START + (len(breaches) - 1 if until is None else until) * TICK
    return Told(tracks[-1], last, START + news * TICK)


def said(
    before: str, after: str, *, news: int, timing: Timing = TIMING, a_day: bool = False
) -> str:
    """Follow ``after`` where ``before`` was told; each move as kind (c, r, d), tick and phase."""
    tracks, moves = follow(
        {},
        chain(after),
        told(before, news=news, timing=timing, a_day=a_day),
        timing,
        episode_a_day=a_day,
    )
    assert len(tracks) == len(after)
    kinds = {EventKind.CHANGE: "c", EventKind.REVISION: "r", None: "d"}
    return " ".join(
        f"{kinds[move.kind]}{(move.as_of - START) // TICK}{move.after.phase[0]}" for move in moves
    )


@pytest.mark.parametrize(
    ("before", "after", "news", "expected"),
    [
        pytest.param("..", "..xxx", 0, "c2p c4f", id="news are told one by one"),
        pytest.param("", "xxx..", 9, "d4r", id="a first history is a digest of how it ends"),
        pytest.param("", "xxx...", 9, "", id="a history that ended is not told"),
        pytest.param("", "xxxx", 3, "d2f", id="an old breach that stands is a digest"),
        pytest.param(".....", "xxxxx", 3, "r4f", id="corrected data that fire are a revision"),
        pytest.param("xxxxx", ".....", 3, "r4n", id="corrected data that clear are a revision"),
        pytest.param("xxxxx", ".xxxx", 3, "", id="a later start of it changes nothing"),
        pytest.param("...", "xxx.", 3, "r2f c3r", id="a revision, then news"),
        pytest.param("...", "..?x", 3, "c3p", id="late silence is no news"),
    ],
)  # fmt: skip
def test_follow_tells_what_is_new_and_what_differs(
    before: str, after: str, news: int, expected: str
) -> None:
    assert said(before, after, news=news) == expected


def test_an_episode_keeps_its_name_when_its_start_is_corrected() -> None:
    known = told(".xxxx", news=9, timing=TIMING)
    tracks, moves = follow({}, chain("xxxxx"), known, TIMING, episode_a_day=False)
    assert not moves
    assert tracks[-1][LEVEL].episode == known.tracks[LEVEL].episode == START + TICK


# START is 08:00 in Shanghai: the hour that ends at tick 16 is the last of its day.
def test_an_outlet_has_one_episode_a_day() -> None:
    timing = Timing(recovering=TICK)
    tracks, moves = follow(
        {}, chain("x.x" + "x" * 15), Told({}, None, START), timing, episode_a_day=True
    )
    days = [move.episode for move in moves]
    assert [(move.after.phase[0], (move.as_of - START) // TICK) for move in moves] == [
        ("f", 0), ("r", 1), ("f", 2), ("n", 17), ("f", 17),
    ]  # fmt: skip
    assert len(set(days[:4])) == 1
    assert days[4] - days[0] == timedelta(days=1)
    assert tracks[-1][LEVEL].episode == days[4]


def test_silence_at_midnight_does_not_end_the_day() -> None:
    _, moves = follow(
        {}, chain("x" * 17 + "???"), Told({}, None, START), Timing(), episode_a_day=True
    )
    assert [move.after.phase for move in moves] == [Phase.FIRING]


@given(st.text(".x?", min_size=1, max_size=12), st.data())
def test_however_late_the_values_come_the_alert_ends_the_same(
    breaches: str, data: st.DataObject
) -> None:
    """A chain told wrongly at first and corrected later ends in the phase of the right one."""
    wrong = "".join(
        data.draw(st.sampled_from(".x?")) if data.draw(st.booleans()) else mark for mark in breaches
    )
    in_time = follow({}, chain(breaches), Told({}, None, START), TIMING, episode_a_day=False)[0]
    late, moves = follow(
        {}, chain(breaches), told(wrong, news=99, timing=TIMING), TIMING, episode_a_day=False
    )
    assert late[-1][LEVEL].alert.phase is in_time[-1][LEVEL].alert.phase
    public = told(wrong, news=99, timing=TIMING).tracks.get(
        LEVEL, Track(Alert(Phase.NORMAL, START))
    )
    phase = public.alert.phase
    for move in moves:
        phase = move.after.phase
    assert phase is late[-1][LEVEL].alert.phase


@given(st.text("x.?", min_size=1, max_size=30), st.integers(0, 30), st.booleans())
def test_judging_the_same_again_changes_nothing(breaches: str, begin: int, a_day: bool) -> None:
    """Also where the chain is judged again from somewhere in its middle, as late data do."""
    in_time = Told({}, None, START)
    tracks, _ = follow({}, chain(breaches), in_time, TIMING, episode_a_day=a_day)
    begin = min(begin, len(breaches) - 1)
    start = tracks[begin - 1] if begin else {}
    last = START + (len(breaches) - 1) * TICK
    for news in (START, last + TICK):
        again = Told(tracks[-1], last, news)
        found, moves = follow(
            start, chain(breaches[begin:], begin), again, TIMING, episode_a_day=a_day
        )
        assert (found, moves) == (tracks[begin:], [])
