"""Alerts and their events: the last statements of a transaction, under the last of all locks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text

from schemas.alerts import EventKind
from schemas.indicators import Dimension, Level, Measured
from schemas.locks import Lock
from service.domain.timeline import Move
from service.store.engine import Connection, lock

CHANNEL = "alert_events"

_UPSERT = text("""
    INSERT INTO alerts (subject, county_code, enterprise_id, facility_id, outlet_id, quantity,
                        indicator, period, chain, dimension, level, episode, phase, since, as_of,
                        value, target, unit, reason, reason_zh)
    VALUES (:subject, :county_code, :enterprise_id, :facility_id, :outlet_id, :quantity,
            :indicator, :period, :chain, :dimension, :level, :episode, :phase, :since, :as_of,
            :value, :target, :unit, :reason, :reason_zh)
    ON CONFLICT (subject, indicator, chain, level, episode) DO UPDATE
    SET period = excluded.period, phase = excluded.phase, since = excluded.since,
        as_of = excluded.as_of, value = excluded.value, target = excluded.target,
        reason = CASE WHEN excluded.phase IN ('pending', 'firing') THEN excluded.reason
                      ELSE alerts.reason END,
        reason_zh = CASE WHEN excluded.phase IN ('pending', 'firing') THEN excluded.reason_zh
                         ELSE alerts.reason_zh END
    RETURNING alert_id
""")
_REFRESH = text("""
    UPDATE alerts SET as_of = :as_of, value = :value, target = :target
    WHERE subject = :subject AND indicator = :indicator AND chain = :chain AND level = :level
      AND episode = :episode AND phase <> 'normal' AND as_of < :as_of
""")
# Everything a reader needs is in the event itself, so that it can be sent without another query.
_APPEND = text("""
    INSERT INTO alert_events (alert_id, county_code, enterprise_id, kind, as_of, body)
    SELECT a.alert_id, a.county_code, a.enterprise_id, :kind, :as_of, jsonb_build_object(
        'alert', a.alert_id, 'kind', CAST(:kind AS text),
        'county', a.county_code,
        'county_name', jsonb_build_object('zh', c.name_zh, 'en', c.name_en),
        'enterprise', e.uscc,
        'enterprise_name', jsonb_build_object('zh', e.name_zh, 'en', e.name_en),
        'facility', f.code, 'outlet', o.code,
        'subject_name', jsonb_build_object(
            'zh', coalesce(o.name_zh, f.name_zh, e.name_zh, c.name_zh),
            'en', coalesce(o.name_en, f.name_en, e.name_en, c.name_en)
        ),
        'quantity', a.quantity, 'indicator', a.indicator, 'period', a.period,
        'dimension', a.dimension, 'level', CAST(:level AS text),
        'before', CAST(:before AS text), 'phase', CAST(:phase AS text),
        'since', CAST(:since AS text), 'as_of', CAST(:as_of_text AS text),
        'value', CAST(:value AS float8), 'target', CAST(:target AS float8), 'unit', a.unit,
        'reason', CAST(:reason AS text), 'reason_zh', CAST(:reason_zh AS text)
    )
    FROM alerts AS a
    JOIN counties AS c USING (county_code)
    LEFT JOIN enterprises AS e ON e.enterprise_id = a.enterprise_id
    LEFT JOIN facilities AS f ON f.facility_id = a.facility_id
    LEFT JOIN outlets AS o ON o.outlet_id = a.outlet_id
    WHERE a.alert_id = :alert
""")
_APPEND_DIGEST = text("""
    INSERT INTO alert_events (county_code, kind, as_of, body)
    SELECT c.county_code, 'digest', :as_of, jsonb_build_object(
        'kind', 'digest', 'county', c.county_code,
        'county_name', jsonb_build_object('zh', c.name_zh, 'en', c.name_en),
        'indicator', CAST(:indicator AS text), 'count', CAST(:count AS integer),
        'first', CAST(:first AS text), 'last', CAST(:last AS text),
        'as_of', CAST(:as_of_text AS text)
    )
    FROM counties AS c WHERE c.county_code = :county
""")
_NOTIFY = text(f"NOTIFY {CHANNEL}")


@dataclass(frozen=True, slots=True)
class MovedAlert:
    """A move of an alert with the value that moved it, and why in words."""

    move: Move
    measured: Measured
    chain: str
    dimension: Dimension
    reason: str
    reason_zh: str


@dataclass(frozen=True, slots=True)
class StandingAlert:
    """An alert that did not move, with its newest value."""

    level: Level
    episode: datetime
    measured: Measured
    chain: str


@dataclass(frozen=True, slots=True)
class Digest:
    """Breaches of one county that were judged late, told together."""

    county_code: str
    indicator: str
    count: int
    first: datetime
    last: datetime


async def save(
    connection: Connection,
    moved: Sequence[MovedAlert],
    standing: Sequence[StandingAlert],
    digests: Sequence[Digest],
) -> None:
    """Write alerts, then append their events and wake whoever follows them.

    Called last in a transaction: the events' lock is held until its commit, so that their ids
    appear in order.
    """
    ids = [await connection.scalar(_UPSERT, _alert(item)) for item in moved]
    for item in standing:
        await connection.execute(_REFRESH, _standing(item))
    told = [
        (alert, item) for alert, item in zip(ids, moved, strict=True) if item.move.kind is not None
    ]
    if not told and not digests:
        return
    # a statement before the INSERT: the id is drawn there
    await lock(connection, Lock.EVENTS)
    for alert_id, moved_alert in told:
        await connection.execute(_APPEND, {"alert": alert_id, **_event(moved_alert)})
    for digest in digests:
        await connection.execute(_APPEND_DIGEST, _digest(digest))
    await connection.execute(_NOTIFY)


def _alert(item: MovedAlert) -> Mapping[str, Any]:
    measured, subject, move = item.measured, item.measured.subject, item.move
    return {
        "subject": subject.key,
        "county_code": subject.county_code,
        "enterprise_id": subject.enterprise_id,
        "facility_id": subject.facility_id,
        "outlet_id": subject.outlet_id,
        "quantity": subject.quantity,
        "indicator": measured.indicator,
        "period": measured.period,
        "chain": item.chain,
        "dimension": item.dimension.value,
        "level": int(move.level),
        "episode": move.episode,
        "phase": move.after.phase.value,
        "since": move.after.since,
        "as_of": move.as_of,
        "value": measured.value,
        "target": measured.target,
        "unit": measured.unit,
        "reason": item.reason,
        "reason_zh": item.reason_zh,
    }


def _standing(item: StandingAlert) -> Mapping[str, Any]:
    return {
        "subject": item.measured.subject.key,
        "indicator": item.measured.indicator,
        "chain": item.chain,
        "level": int(item.level),
        "episode": item.episode,
        "as_of": item.measured.as_of,
        "value": item.measured.value,
        "target": item.measured.target,
    }


def _event(item: MovedAlert) -> Mapping[str, Any]:
    move = item.move
    return {
        "kind": (move.kind or EventKind.DIGEST).value,
        "as_of": move.as_of,
        "as_of_text": move.as_of.isoformat(),
        "level": move.level.name.lower(),
        "before": move.before.value,
        "phase": move.after.phase.value,
        "since": move.after.since.isoformat(),
        "value": item.measured.value,
        "target": item.measured.target,
        "reason": item.reason,
        "reason_zh": item.reason_zh,
    }


def _digest(digest: Digest) -> Mapping[str, Any]:
    return {
        "county": digest.county_code,
        "indicator": digest.indicator,
        "count": digest.count,
        "as_of": digest.last,
        "as_of_text": digest.last.isoformat(),
        "first": digest.first.isoformat(),
        "last": digest.last.isoformat(),
    }
