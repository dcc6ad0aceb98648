"""From measured values to what is published: levels, alerts, events."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import isclose

from schemas.alerts import Alert, Phase
from schemas.indicators import Level, Measured
from service.analyzers import Analyzer
from service.domain.alerts import Judgement
from service.domain.timeline import Judged, Move, Told, Track, follow
from service.domain.windows import LIVE, Cadence
from service.store import alerts, indicators
from service.store.alerts import Digest, MovedAlert, StandingAlert
from service.store.engine import Connection
from service.store.indicators import Key, Phases, Published, Value, key_of

NEWS = timedelta(hours=3)  # an instant that is older when it is judged is judged late (补判)
EVER = datetime(1970, 1, 1, tzinfo=UTC)
NEVER = datetime(9999, 1, 1, tzinfo=UTC)
NOT_JUDGED = Judgement(None, {})

Chain = tuple[str, str, str]  # subject, indicator, window


@dataclass(slots=True)
class _Conclusion:
    values: list[Value]
    moved: list[MovedAlert]
    standing: list[StandingAlert]


async def conclude(
    connection: Connection, analyzer: Analyzer, measured: Sequence[Measured], now: datetime
) -> None:
    """Judge values, move their alerts, and save what differs from what is published."""
    known = await indicators.published(connection, measured)
    published = _by_chain(
        analyzer, [*await _earlier(connection, analyzer, measured, now), *known.values()]
    )
    conclusion = _Conclusion([], [], [])
    for chain, values in _chains(analyzer, measured).items():
        _follow(conclusion, analyzer, chain, values, published.get(chain, []), now)
    changed = [value for value in conclusion.values if _differs(value, known.get(value.key))]
    superseded = [known[value.key].value_id for value in changed if value.key in known]
    await indicators.publish(connection, [_revised(value, known) for value in changed], superseded)
    rated = [v for v in changed if v.key not in known or known[v.key].level != v.level]
    digests = _digests(analyzer, rated, conclusion.moved, now)
    await alerts.save(connection, conclusion.moved, conclusion.standing, digests)


def _follow(
    conclusion: _Conclusion,
    analyzer: Analyzer,
    chain: Chain,
    values: Sequence[Measured],
    published: Sequence[Published],
    now: datetime,
) -> None:
    """Judge one chain, given in order of time, and follow its alerts over its live part."""
    judge = analyzer.judge or (lambda _: NOT_JUDGED)
    judgements = [judge(value) for value in values]
    official = analyzer.cadence is Cadence.ON_ENTRY
    alive = [place for place, value in enumerate(values) if official or value.as_of > now - LIVE]
    phases: list[Phases] = [{} for _ in values]
    if analyzer.judge is not None and alive:
        judged = [Judged(values[place].as_of, judgements[place].breached) for place in alive]
        before = [item for item in published if item.key[4] < judged[0].as_of]
        last = max(published, key=lambda item: item.key[4], default=None)
        told = Told(
            {} if last is None else _tracks(last.phases),
            None if last is None else last.key[4],
            _news_from(analyzer, last, now),
        )
        start = max(before, key=lambda item: item.key[4], default=None)
        tracks, moves = follow(
            {} if start is None else _tracks(start.phases),
            judged,
            told,
            analyzer.timing,
            episode_a_day=analyzer.episode_a_day,
        )
        at = {values[place].as_of: values[place] for place in alive}
        conclusion.moved += [_moved(analyzer, chain, move, at[move.as_of]) for move in moves]
        conclusion.standing += _standing(chain, tracks[-1], moves, values[alive[-1]])
        for place, track in zip(alive, tracks, strict=True):
            phases[place] = _phases(track)
    rule_set = None if analyzer.rule_set is None else analyzer.rule_set.name
    conclusion.values += [
        Value(value, analyzer.stage, judgement.level, rule_set, phase)
        for value, judgement, phase in zip(values, judgements, phases, strict=True)
    ]


def _news_from(analyzer: Analyzer, last: Published | None, now: datetime) -> datetime:
    """Return from when a change is news; of official figures whatever follows the last period."""
    if analyzer.cadence is Cadence.ON_ENTRY:
        return NEVER if last is None else EVER
    return now - NEWS


def _moved(analyzer: Analyzer, chain: Chain, move: Move, value: Measured) -> MovedAlert:
    explain = analyzer.explain or (lambda _: ("", ""))
    reason, reason_zh = explain(value)
    return MovedAlert(move, value, chain[2], analyzer.dimension, reason, reason_zh)


def _standing(
    chain: Chain, tracks: Mapping[Level, Track], moves: Sequence[Move], value: Measured
) -> Iterable[StandingAlert]:
    moved = {(move.level, move.episode) for move in moves if move.as_of == value.as_of}
    for level, track in tracks.items():
        if track.episode is not None and (level, track.episode) not in moved:
            yield StandingAlert(level, track.episode, value, chain[2])


async def _earlier(
    connection: Connection, analyzer: Analyzer, measured: Sequence[Measured], now: datetime
) -> list[Published]:
    """Return what is published last before the values that alerts are followed over."""
    if analyzer.judge is None:
        return []
    after = EVER if analyzer.cadence is Cadence.ON_ENTRY else now - 2 * LIVE
    first = max(min(value.as_of for value in measured), after)
    return await indicators.last_before(connection, measured, first, after)


def _by_chain(analyzer: Analyzer, published: Iterable[Published]) -> dict[Chain, list[Published]]:
    found: dict[Chain, list[Published]] = defaultdict(list)
    for item in published:
        subject, indicator, period, _, _ = item.key
        found[_chain(analyzer, subject, indicator, period)].append(item)
    return found


def _chains(analyzer: Analyzer, measured: Iterable[Measured]) -> dict[Chain, list[Measured]]:
    chains: dict[Chain, list[Measured]] = defaultdict(list)
    for value in sorted(measured, key=lambda value: value.as_of):
        chains[_chain(analyzer, value.subject.key, value.indicator, value.period)].append(value)
    return chains


def _chain(analyzer: Analyzer, subject: str, indicator: str, period: str) -> Chain:
    """Return the chain of a value; official and monthly periods follow each other in one."""
    follows = analyzer.cadence in (Cadence.ON_ENTRY, Cadence.MONTHLY)
    return subject, indicator, "" if follows else period


def _differs(value: Value, known: Published | None) -> bool:
    measured = value.measured
    if known is None:
        told = bool(measured.completeness) or "not_rated" in measured.inputs  # why there is none
        return measured.value is not None or told or bool(value.phases)
    return not (
        _same(measured.value, known.value)
        and _same(measured.target, known.target)
        and value.level == known.level
        and value.phases == known.phases
        and abs((measured.completeness or 0.0) - (known.completeness or 0.0)) < 0.001
    )


def _same(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return isclose(one, other, rel_tol=1e-9, abs_tol=1e-12)


def _revised(value: Value, known: Mapping[Key, Published]) -> Value:
    if (old := known.get(value.key)) is None:
        return value
    return Value(
        value.measured,
        value.stage,
        value.level,
        value.rule_set,
        value.phases,
        old.revision + 1,
    )


def _digests(
    analyzer: Analyzer, changed: Sequence[Value], moved: Sequence[MovedAlert], now: datetime
) -> list[Digest]:
    """Return one digest for each county with breaches that were judged late and not told singly.

    ``changed`` are the values whose level is new.
    """
    told = {key_of(item.measured) for item in moved if item.move.kind is not None}
    late: dict[str, list[datetime]] = defaultdict(list)
    for value in changed:
        if (
            value.level is not None
            and value.level > Level.GREEN
            and value.measured.as_of < now - NEWS
            and value.key not in told
        ):
            late[value.measured.subject.county_code].append(value.measured.as_of)
    return [
        Digest(county, analyzer.name, len(instants), min(instants), max(instants))
        for county, instants in sorted(late.items())
    ]


def _tracks(phases: Phases) -> dict[Level, Track]:
    return {
        Level[level.upper()]: Track(
            Alert(Phase(phase), datetime.fromisoformat(since)), datetime.fromisoformat(episode)
        )
        for level, (phase, since, episode) in phases.items()
    }


def _phases(tracks: Mapping[Level, Track]) -> Phases:
    return {
        level.name.lower(): [
            track.alert.phase.value,
            track.alert.since.isoformat(),
            track.episode.isoformat(),
        ]
        for level, track in sorted(tracks.items())
        if track.episode is not None
    }
