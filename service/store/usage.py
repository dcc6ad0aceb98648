"""Quarter hours and days, recomputed from readings and replaced.

The SQL restates `service.domain.registers` and `service.domain.gauges`; tests compare them over
generated series.
"""

from collections.abc import Sequence

from sqlalchemy import text

from service.domain.reach import Span
from service.domain.registers import BRIDGED, NEAR_WIDTH, NEAR_ZERO, ROUNDING
from service.domain.segments import Flag
from service.store.engine import Connection
from service.store.in_force import DIAL, EVENT_AT, READ_AT, WORK, in_force, settled
from service.store.neighbours import usable

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
    WITH {WORK},
    replaced AS MATERIALIZED (
        SELECT channel_id, at FROM device_events
        WHERE channel_id = ANY(CAST(:channels AS integer[])) AND kind = 'replacement'
          AND at >= :read_lower AND at <= :read_upper
    ),
    stands AS (
        SELECT r.channel_id, {READ_AT} AS at, {DIAL} AS closing, {DIAL} AS opening,
               {in_force("width", READ_AT)} AS width,
               CASE WHEN r.quality = 3 THEN {int(Flag.ESTIMATED)} ELSE 0 END AS flags,
               c.low, c.high, c.expected_interval_s, c.plausible_rate, c.reversible
        FROM work AS c
        JOIN readings AS r ON r.channel_id = c.channel_id AND r.at BETWEEN c.read_from AND c.read_to
        WHERE r.at >= :read_lower AND r.at <= :read_upper
          AND {usable("r", "c", f"({in_force('scale', READ_AT)})")}
          AND NOT EXISTS (
              SELECT FROM replaced AS e WHERE e.channel_id = r.channel_id AND e.at = r.at
          )
        UNION ALL
        SELECT e.channel_id, {EVENT_AT},
               {settled("e.closing_value")} * {in_force("scale", EVENT_AT, up_to=True)},
               {settled("e.opening_value")} * {in_force("scale", EVENT_AT)},
               {in_force("width", EVENT_AT)}, {int(Flag.REPLACEMENT)},
               c.low, c.high, c.expected_interval_s, c.plausible_rate, c.reversible
        FROM work AS c
        JOIN device_events AS e ON e.channel_id = c.channel_id
            AND e.at BETWEEN c.read_from AND c.read_to AND e.kind = 'replacement'
    ),
    pairs AS (
        SELECT channel_id, lag(at) OVER in_order AS start, at AS stop,
               lag(opening) OVER in_order AS opening, closing, lag(width) OVER in_order AS width,
               (lag(flags) OVER in_order & {int(Flag.REPLACEMENT)})
                   | (flags & {int(Flag.ESTIMATED)}) AS flags,
               low, high, expected_interval_s, plausible_rate, reversible
        FROM stands
        WINDOW in_order AS (PARTITION BY channel_id ORDER BY at)
    ),
    moves AS (
        SELECT p.*, closing >= opening AND NOT reversible AS is_plain,
               stop - start <= {BRIDGED} * expected_interval_s AS bridged,
               CASE WHEN closing - opening < -{ROUNDING} * abs(opening)
                      OR closing > opening THEN closing - opening ELSE 0 END AS direct,
               plausible_rate * ((stop - start) / 3600) AS fastest,
               CASE
                   WHEN closing < opening AND opening >= {NEAR_WIDTH} * width
                       THEN closing + width - opening
                   WHEN closing > opening AND reversible AND opening <= {NEAR_ZERO} * width
                       THEN closing - width - opening
               END AS wrapped
        FROM pairs AS p
        WHERE p.start IS NOT NULL
    ),
    verdicts AS (
        SELECT m.*,
               CASE WHEN direct <> 0 AND wrapped * direct <= 0
                     AND abs(wrapped) <= coalesce(fastest, {NEAR_ZERO} * width)
                     AND NOT (reversible AND abs(wrapped) >= abs(direct))
                    THEN wrapped END AS round_zero,
               reversible AND direct < 0 AND coalesce(-direct <= fastest, true) AS runs_back
        FROM moves AS m
    ),
    part AS (
        SELECT v.channel_id, v.low, v.high,
               greatest(v.start, s.first) AS start, least(v.stop, s.last) AS stop,
               s.multiplier / (v.stop - v.start) * CASE
                   WHEN is_plain THEN closing - opening
                   WHEN round_zero IS NOT NULL THEN round_zero
                   WHEN direct >= 0 OR runs_back THEN direct
                   ELSE 0
               END AS rate,
               bridged AND (flags & {int(Flag.ESTIMATED)}) = 0
                   AND (is_plain OR round_zero IS NOT NULL OR direct >= 0 OR runs_back)
                   AS measured,
               CASE
                   WHEN is_plain THEN flags
                   WHEN round_zero < 0 THEN flags | {int(Flag.ROLLOVER | Flag.REVERSED)}
                   WHEN round_zero >= 0 THEN flags | {int(Flag.ROLLOVER)}
                   WHEN direct >= 0 THEN flags
                   WHEN runs_back THEN flags | {int(Flag.REVERSED)}
                   ELSE flags | {int(Flag.RESET)}
               END AS flags
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
    WITH {WORK},
    arrived AS (
        SELECT c.channel_id, c.period_s, c.kind, c.low, c.high, {READ_AT} AS at,
               {settled("r.value")} AS value, r.quality = 3 AS estimated,
               {usable("r", "c", f"({in_force('scale', READ_AT)})")} AS usable,
               least(
                   extract(epoch FROM lead(r.at) OVER in_order)::float8, {READ_AT} + c.hold_s
               ) AS held_to,
               CASE WHEN c.label_is_end THEN c.period_s ELSE 0 END AS back_s
        FROM work AS c
        JOIN readings AS r ON r.channel_id = c.channel_id AND r.at BETWEEN c.read_from AND c.read_to
        WHERE r.at >= :read_lower AND r.at <= :read_upper
        WINDOW in_order AS (PARTITION BY c.channel_id ORDER BY r.at)
    ),
    part AS (
        SELECT a.channel_id, low, high, kind = 'amount' AS adds_up, estimated,
               value * (s.multiplier * s.scale) AS value,
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
