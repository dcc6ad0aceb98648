"""Figures that the service gives of itself; labels are small closed sets."""

from prometheus_client import Counter, Gauge, Histogram

ROLLUP_SECONDS = Histogram(
    "qingyu_rollup_seconds",
    "Recomputing the changes of one enterprise.",
    buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60),
)
ROLLUP_QUARTERS = Counter(
    "qingyu_rollup_quarters_total", "Quarter hours of channels that were recomputed."
)
ROLLUP_FAILED = Counter(
    "qingyu_rollup_failed_total", "Recomputations of one enterprise that failed; tried again."
)
ROLLUP_BACKLOG = Gauge("qingyu_rollup_backlog", "Changed stretches that wait for the rollup.")

EVALUATION_SECONDS = Histogram(
    "qingyu_evaluation_seconds",
    "One round of one indicator.",
    ["indicator"],
    buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60),
)
EVALUATED_VALUES = Counter(
    "qingyu_evaluated_values_total", "Values that were measured, changed or not.", ["indicator"]
)
EVALUATION_FAILED = Counter(
    "qingyu_evaluation_failed_total",
    "Rounds of an indicator that failed; tried again.",
    ["indicator"],
)
