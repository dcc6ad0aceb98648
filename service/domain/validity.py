"""When a mean of a monitor counts, and how complete a series is."""

VALID_HOUR_S = 45 * 60  # HJ 212-2017, appendix D: an hour mean rests on 45 valid minutes
VALID_DAY_HOURS = 20  # the same, a day mean on 20 valid hours
COMPLETE = 0.9  # share of due records; rules on energy data quality, to be confirmed


def completeness(measured_s: float, due_s: float) -> float | None:
    """Return the share of the time measured (数据完整率), 0 to 1; None when none was due."""
    return min(measured_s / due_s, 1.0) if due_s > 0 else None
