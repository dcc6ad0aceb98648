"""The channels of spans to recompute, and what is in force of them at an instant."""

from service.domain.segments import SMALLEST


def settled(value: str) -> str:
    """Return the value, or zero where it is too small to compute with."""
    return f"CASE WHEN abs({value}) < {SMALLEST} THEN 0 ELSE {value} END"


# Epoch seconds as floats and buckets as integers: interval arithmetic costs several times as much.
# Dials and values are taken in the catalogue's unit; the multiplier comes on top. Most channels
# have one setting: of those that have more, scales and widths are arrays in order of time, because
# to join them costs half as much again for each reading.
WORK = """
    settings AS MATERIALIZED (
        SELECT c.channel_id, coalesce(s.multiplier, 1) AS multiplier, coalesce(s.scale, 1) AS scale,
               s.width * s.scale AS width,
               CASE WHEN lag(s.channel_id) OVER in_order IS NULL THEN '-Infinity'::float8
                    ELSE extract(epoch FROM s.valid_from)::float8 END AS first,
               coalesce(extract(epoch FROM lead(s.valid_from) OVER in_order)::float8, 'Infinity')
                   AS last
        FROM channels AS c
        LEFT JOIN channel_settings AS s
            ON s.channel_id = c.channel_id AND s.channel_id = ANY(CAST(:channels AS integer[]))
        WHERE c.channel_id = ANY(CAST(:channels AS integer[]))
        WINDOW in_order AS (PARTITION BY c.channel_id ORDER BY s.valid_from)
    ),
    work AS MATERIALIZED (
        SELECT w.channel_id, w.read_from, w.read_to,
               (extract(epoch FROM w.low) / 900)::bigint AS low,
               (extract(epoch FROM w.high) / 900)::bigint AS high,
               c.expected_interval_s, c.hold_s, c.plausible_min, c.plausible_max,
               c.plausible_rate, c.reversible, c.kind, c.label = 'end' AS label_is_end,
               CASE split_part(c.statistic, '.', 1)
                   WHEN 'minute' THEN c.expected_interval_s WHEN 'quarter' THEN 900
                   WHEN 'hour' THEN 3600 WHEN 'day' THEN 86400
               END AS period_s,
               s.scale, s.width, s.firsts, s.scales, s.widths
        FROM unnest(
            CAST(:channels AS integer[]), CAST(:lows AS timestamptz[]),
            CAST(:highs AS timestamptz[]), CAST(:froms AS timestamptz[]),
            CAST(:tos AS timestamptz[])
        ) AS w (channel_id, low, high, read_from, read_to)
        JOIN channels AS c USING (channel_id)
        JOIN (
            SELECT channel_id, min(scale) AS scale, min(width) AS width,
                   CASE WHEN count(*) > 1 THEN array_agg(first ORDER BY first) END AS firsts,
                   CASE WHEN count(*) > 1 THEN array_agg(scale ORDER BY first) END AS scales,
                   CASE WHEN count(*) > 1 THEN array_agg(width ORDER BY first) END AS widths
            FROM settings GROUP BY channel_id
        ) AS s USING (channel_id)
        WHERE c.channel_id = ANY(CAST(:channels AS integer[]))
    )
"""


def in_force(what: str, at: str, *, up_to: bool = False) -> str:
    """Return scale or width of the channel `c` at an instant, or of the setting up to it."""
    place = f"width_bucket({at}, c.firsts)"
    if up_to:
        place = f"{place} - (c.firsts[{place}] = {at})::int"
    return f"CASE WHEN c.firsts IS NULL THEN c.{what} ELSE c.{what}s[{place}] END"


READ_AT = "extract(epoch FROM r.at)::float8"
EVENT_AT = "extract(epoch FROM e.at)::float8"
DIAL = f"{settled('r.value')} * {in_force('scale', READ_AT)}"
