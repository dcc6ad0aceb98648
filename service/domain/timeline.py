"""The alerts of one chain of values, judged anew from the first value that changed.

A chain is one subject, indicator and window in order of time. However late its values arrive,
its alerts end in the state that they would have had in time; what differs is what is said of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from schemas.alerts import Alert, EventKind, Phase
from schemas.indicators import Level
from service.domain.alerts import Timing, step
from service.domain.calendar import day_of, midnight

MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Track:
    """Where an alert of one level stands; ``episode`` is when it left normal, None in normal."""

    alert: Alert
    episode: datetime | None = None


Tracks = Mapping[Level, Track]


@dataclass(frozen=True, slots=True)
class Judged:
    """What a rule made of the value of one instant, for each level that can raise an alert."""

    as_of: datetime
    breached: Mapping[Level, bool | None]


@dataclass(frozen=True, slots=True)
class Move:
    """One change of an alert: of which episode, at which instant of the data, to which phase.

    ``kind`` is None where nobody is to be told of it singly (补判): it goes into a digest.
    """

    level: Level
    episode: datetime
    as_of: datetime
    before: Phase
    after: Alert
    kind: EventKind | None


@dataclass(frozen=True, slots=True)
class Told:
    """What is public already: the tracks after the last instant told, and from when a change is
    news. Without ``until`` nothing was told of this chain yet.
    """

    tracks: Tracks
    until: datetime | None
    news_from: datetime


def follow(
    start: Tracks, judged: Sequence[Judged], told: Told, timing: Timing, *, episode_a_day: bool
) -> tuple[list[dict[Level, Track]], list[Move]]:
    """Return the tracks after each judgement, and how alerts moved against what was told.

    ``start`` are the tracks before the first judgement. Instants that were not told before and
    are news are told one by one; of the others only the difference that they make.
    """
    tracks: list[dict[Level, Track]] = [{} for _ in judged]
    moves: list[Move] = []
    public = [n for n, item in enumerate(judged) if told.until and item.as_of <= told.until]
    last_told = max(public, default=None)
    for level in sorted({level for item in judged for level in item.breached}):
        track = start.get(level, Track(Alert(Phase.NORMAL, judged[0].as_of)))
        behind: list[Move] = []
        for place, item in enumerate(judged):
            track, advanced = _advance(level, track, item, timing, episode_a_day)
            if item.as_of >= told.news_from and (told.until is None or item.as_of > told.until):
                moves += [*behind, *advanced]
                behind = []
            else:
                known = told.tracks.get(level, Track(Alert(Phase.NORMAL, item.as_of)))
                if place == last_told and not episode_a_day:
                    track = _known_by(level, track, known, tracks[:place])
                behind = _moves(level, known, track, item.as_of, _kind(item, told))
            tracks[place][level] = track
        moves += behind
    return tracks, moves


def _advance(
    level: Level, track: Track, item: Judged, timing: Timing, episode_a_day: bool
) -> tuple[Track, list[Move]]:
    """Return how a track moves at one judgement; the first one of a day ends the day before's."""
    breached = item.breached.get(level)
    moves: list[Move] = []
    if (
        episode_a_day
        and breached is not None
        and track.episode not in (None, _day_start(item.as_of))
    ):
        ended = Track(Alert(Phase.NORMAL, item.as_of))
        moves += _moves(level, track, ended, item.as_of, EventKind.CHANGE)
        track = ended
    alert = step(track.alert, breached, item.as_of, timing)
    episode = track.episode
    if alert.phase is Phase.NORMAL:
        episode = None
    elif episode is None:
        episode = _day_start(item.as_of) if episode_a_day else item.as_of
    after = Track(alert, episode)
    return after, moves + _moves(level, track, after, item.as_of, EventKind.CHANGE)


def _known_by(
    level: Level, track: Track, known: Track, before: Sequence[dict[Level, Track]]
) -> Track:
    """Return a track whose episode keeps the name that it is told by, wherever it begins now."""
    if track.episode is None or known.episode is None:
        return track
    for tracks in before:
        if tracks[level].episode == track.episode:
            tracks[level] = replace(tracks[level], episode=known.episode)
    return replace(track, episode=known.episode)


def _moves(
    level: Level, before: Track, after: Track, as_of: datetime, kind: EventKind | None
) -> list[Move]:
    """Return the moves from one track to another; of two episodes the first one ends."""
    normal = Alert(Phase.NORMAL, as_of)
    if before.episode == after.episode:
        if before.alert.phase is after.alert.phase or after.episode is None:
            return []
        return [Move(level, after.episode, as_of, before.alert.phase, after.alert, kind)]
    moves = []
    if before.episode is not None:
        moves.append(Move(level, before.episode, as_of, before.alert.phase, normal, kind))
    if after.episode is not None:
        moves.append(Move(level, after.episode, as_of, Phase.NORMAL, after.alert, kind))
    return moves


def _kind(item: Judged, told: Told) -> EventKind | None:
    """Return how a difference is told that is no news."""
    if told.until is None:
        return None
    return EventKind.REVISION if item.as_of <= told.until else EventKind.CHANGE


def _day_start(as_of: datetime) -> datetime:
    return midnight(day_of(as_of - MOMENT))
