"""Quarter hours and days, recomputed from readings and replaced.

The SQL restates `service.domain.registers` and `service.domain.gauges`; tests compare them over
generated series.
"""

from collections.abc import Sequence

from sqlalchemy import text

from service.domain.reach import Span
from service.domain.registers import BRIDGED, NEAR_WIDTH
from service.domain.segments import SMALLEST, Flag
from service.store.engine import Connection
from service.store.neighbours import USABLE


def _settled(value: str) -> str:
    return f"CASE WHEN abs({value}) < {SMALLEST} THEN 0 ELSE {value} END"


# Epoch seconds as floats and buckets as integers: interval arithmetic costs several times as much.
_WORK = """
    work AS MATERIALIZED (
        SELECT w.channel_id, w.read_from, w.read_to,
               (extract(epoch FROM w.low) / 900)::bigint AS low,
               (extract(epoch FROM w.high) / 900)::bigint AS high,
               c.expected_interval_s, c.hold_s, c.plausible_min, c.plausible_max,
               c.plausible_rate, c.kind, c.label = 'end' AS label_is_end,
               CASE split_part(c.statistic, '.', 1)
                   WHEN 'minute' THEN c.expected_interval_s WHEN 'quarter' THEN 900
                   WHEN 'hour' THEN 3600 WHEN 'day' THEN 86400
               END AS period_s
        FROM unnest(
            CAST(:channels AS integer[]), CAST(:lows AS timestamptz[]),
            CAST(:highs AS timestamptz[]), CAST(:froms AS timestamptz[]),
            CAST(:tos AS timestamptz[])
        ) AS w (channel_id, low, high, read_from, read_to)
        JOIN channels AS c USING (channel_id)
        WHERE c.channel_id = ANY(CAST(:channels AS integer[]))
    ),
    settings AS MATERIALIZED (
        SELECT c.channel_id, s.width, coalesce(s.multiplier, 1) * c.scale AS factor,
               CASE WHEN lag(s.channel_id) OVER in_order IS NULL THEN '-Infinity'::float8
                    ELSE extract(epoch FROM s.valid_from)::float8 END AS first,
               coalesce(extract(epoch FROM lead(s.valid_from) OVER in_order)::float8, 'Infinity')
                   AS last
        FROM channels AS c
        LEFT JOIN channel_settings AS s
            ON s.channel_id = c.channel_id AND s.channel_id = ANY(CAST(:channels AS integer[]))
        WHERE c.channel_id = ANY(CAST(:channels AS integer[]))
        WINDOW in_order AS (PARTITION BY c.channel_id ORDER BY s.valid_from)
    )
"""
# A part is spread over its buckets; a function in the list costs a tenth of one beside a join.
_PIECE = """
    piece AS (
        SELECT part.*, least(stop, bucket * 900 + 900) - greatest(start, bucket * 900) AS s
        FROM (
            SELECT part.*, generate_series(
                greatest(floor(start / 900)::bigint, low), least(ceil(stop / 900)::bigint, high) - 1
            ) AS bucket
            FROM part
        ) AS part
    )
"""
_REGISTERS = text(f"""
    WITH {_WORK},
    replaced AS MATERIALIZED (
        SELECT channel_id, at FROM device_events
        WHERE channel_id = ANY(CAST(:channels AS integer[])) AND kind = 'replacement'
          AND at >= :read_lower AND at <= :read_upper
    ),
    stands AS (
        SELECT r.channel_id, extract(epoch FROM r.at)::float8 AS at,
               {_settled("r.value")} AS closing, {_settled("r.value")} AS opening,
               CASE WHEN r.quality = 3 THEN {int(Flag.ESTIMATED)} ELSE 0 END AS flags,
               c.low, c.high, c.expected_interval_s, c.plausible_rate
        FROM work AS c
        JOIN readings AS r ON r.channel_id = c.channel_id AND r.at BETWEEN c.read_from AND c.read_to
        WHERE r.at >= :read_lower AND r.at <= :read_upper AND {USABLE}
          AND NOT EXISTS (
              SELECT FROM replaced AS e WHERE e.channel_id = r.channel_id AND e.at = r.at
          )
        UNION ALL
        SELECT e.channel_id, extract(epoch FROM e.at)::float8,
               {_settled("e.closing_value")}, {_settled("e.opening_value")},
               {int(Flag.REPLACEMENT)},
               w.low, w.high, w.expected_interval_s, w.plausible_rate
        FROM work AS w
        JOIN device_events AS e ON e.channel_id = w.channel_id
            AND e.at BETWEEN w.read_from AND w.read_to AND e.kind = 'replacement'
    ),
    pairs AS (
        SELECT channel_id, lag(at) OVER in_order AS start, at AS stop,
               lag(opening) OVER in_order AS opening, closing,
               (lag(flags) OVER in_order & {int(Flag.REPLACEMENT)})
                   | (flags & {int(Flag.ESTIMATED)}) AS flags,
               low, high, expected_interval_s, plausible_rate
        FROM stands
        WINDOW in_order AS (PARTITION BY channel_id ORDER BY at)
    ),
    verdicts AS (
        SELECT p.*, s.width,
               closing < opening AS fell,
               coalesce(
                   opening >= {NEAR_WIDTH} * s.width AND closing + s.width - opening BETWEEN 0 AND
                   coalesce(plausible_rate * (stop - start) / 3600, {1 - NEAR_WIDTH} * s.width),
                   false
               ) AS rolls_over,
               stop - start <= {BRIDGED} * expected_interval_s AS bridged
        FROM pairs AS p
        JOIN settings AS s ON s.channel_id = p.channel_id
            AND s.first <= p.start AND p.start < s.last
        WHERE p.start IS NOT NULL
    ),
    part AS (
        SELECT v.channel_id, v.low, v.high,
               greatest(v.start, s.first) AS start, least(v.stop, s.last) AS stop,
               s.factor / (v.stop - v.start) * CASE
                   WHEN NOT fell THEN closing - opening
                   WHEN rolls_over THEN closing + v.width - opening
                   ELSE 0
               END AS rate,
               bridged AND (rolls_over OR NOT fell) AND (flags & {int(Flag.ESTIMATED)}) = 0
                   AS measured,
               flags | (CASE
                   WHEN NOT fell THEN 0
                   WHEN rolls_over THEN {int(Flag.ROLLOVER)}
                   ELSE {int(Flag.RESET)}
               END) AS flags
        FROM verdicts AS v
        JOIN settings AS s ON s.channel_id = v.channel_id
            AND s.first < v.stop AND s.last > v.start
    ),
    {_PIECE}
    INSERT INTO usage_15m (at, amount, estimated, channel_id, measured_s, flags)
    SELECT to_timestamp(bucket * 900), sum(rate * s),
           sum(CASE WHEN measured THEN 0 ELSE rate * s END), channel_id,
           least(sum(CASE WHEN measured THEN s ELSE 0 END), 900), bit_or(flags)
    FROM piece GROUP BY channel_id, bucket
""")
# A value stands to the next one of any quality, at most for the hold; one of a period for that.
_VALUES = text(f"""
    WITH {_WORK},
    arrived AS (
        SELECT c.channel_id, c.period_s, c.kind, c.low, c.high,
               extract(epoch FROM r.at)::float8 AS at,
               {_settled("r.value")} AS value,
               r.quality = 3 AS estimated, {USABLE} AS usable,
               least(
                   extract(epoch FROM lead(r.at) OVER in_order)::float8,
                   extract(epoch FROM r.at)::float8 + c.hold_s
               ) AS held_to,
               CASE WHEN c.label_is_end THEN c.period_s ELSE 0 END AS back_s
        FROM work AS c
        JOIN readings AS r ON r.channel_id = c.channel_id AND r.at BETWEEN c.read_from AND c.read_to
        WHERE r.at >= :read_lower AND r.at <= :read_upper
        WINDOW in_order AS (PARTITION BY c.channel_id ORDER BY r.at)
    ),
    part AS (
        SELECT a.channel_id, low, high, kind = 'amount' AS adds_up, estimated,
               value * s.factor AS value,
               CASE WHEN period_s IS NULL THEN at ELSE at - back_s END AS start,
               CASE WHEN period_s IS NULL THEN held_to ELSE at - back_s + period_s END AS stop
        FROM arrived AS a
        JOIN settings AS s ON s.channel_id = a.channel_id AND s.first <= at AND at < s.last
        WHERE usable
    ),
    {_PIECE}
    INSERT INTO usage_15m
        (at, amount, estimated, mean, maximum, channel_id, measured_s, flags)
    SELECT to_timestamp(bucket * 900),
           sum(value * s / (stop - start)) FILTER (WHERE adds_up),
           sum(CASE WHEN estimated THEN value * s / (stop - start) ELSE 0 END)
               FILTER (WHERE adds_up),
           sum(value * s) FILTER (WHERE NOT adds_up) / sum(s),
           max(value) FILTER (WHERE NOT adds_up),
           channel_id,
           least(sum(CASE WHEN adds_up AND estimated THEN 0 ELSE s END), 900),
           bit_or(CASE WHEN estimated THEN {int(Flag.ESTIMATED)} ELSE 0 END)
    FROM piece GROUP BY channel_id, bucket
""")
_CLEAR = text("""
    DELETE FROM usage_15m AS u
    USING unnest(
        CAST(:channels AS integer[]), CAST(:lows AS timestamptz[]), CAST(:highs AS timestamptz[])
    ) AS w (channel_id, low, high)
    WHERE u.channel_id = w.channel_id AND u.at >= w.low AND u.at < w.high
      AND u.at >= :lower AND u.at < :upper
""")


async def replace_registers(connection: Connection, spans: Sequence[Span]) -> None:
    """Recompute quarter hours of registers; delete and insert, or stale ones would stay."""
    await connection.execute(_CLEAR, _bounds(spans))
    await connection.execute(_REGISTERS, _bounds(spans))


async def replace_values(connection: Connection, spans: Sequence[Span]) -> None:
    """Recompute quarter hours of amounts and gauges."""
    await connection.execute(_CLEAR, _bounds(spans))
    await connection.execute(_VALUES, _bounds(spans))


def _bounds(spans: Sequence[Span]) -> dict[str, object]:
    return {
        "channels": [span.channel_id for span in spans],
        "lows": [span.low for span in spans],
        "highs": [span.high for span in spans],
        "froms": [span.read_from for span in spans],
        "tos": [span.read_to for span in spans],
        "lower": min(span.low for span in spans),
        "upper": max(span.high for span in spans),
        "read_lower": min(span.read_from for span in spans),
        "read_upper": max(span.read_to for span in spans),
    }
