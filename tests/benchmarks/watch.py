"""What waits in the line, second by second, and whether it grows."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import asyncpg
import numpy as np

from tests.benchmarks.rig import stored
from tests.benchmarks.stages import Stages

# Readings that no rollup has taken: a stretch holds at most one of a channel, because a group is
# committed long before the channel's next reading.
_LOG = """
    SELECT coalesce(sum(cardinality(channel_ids)), 0)::float8, min(id),
           (SELECT coalesce(pg_sequence_last_value('changed_stretches_id_seq'), 0))
    FROM changed_stretches
"""
_BACKENDS = "SELECT pid, application_name FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
# Kept up: over the second half neither backlog grows by more than this share of what is sent.
FLAT = 0.02


@dataclass(frozen=True, slots=True)
class Sample:
    """One second: readings sent and committed, readings that wait for the rollup, and the log.

    ``oldest`` is the oldest entry of the log of changes, ``newest`` the last one ever made.
    """

    at: float
    sent: float
    committed: float
    unrolled: float
    oldest: int | None
    newest: int


@dataclass(slots=True)
class Watch:
    """Samples of one run; readings are counted from its start."""

    owner: asyncpg.Connection
    http: int
    stages: Stages
    samples: list[Sample] = field(default_factory=list)
    _began: float = field(default_factory=time.monotonic)
    _before: float = 0.0

    def begin(self) -> None:
        """Count from now on."""
        self._before, self._began = stored(self.http, "mqtt"), time.monotonic()

    async def sample(self, sent: float) -> None:
        """Add a sample of now."""
        unrolled, oldest, newest = await self.owner.fetchrow(_LOG)
        backends: Mapping[int, str] = dict(await self.owner.fetch(_BACKENDS))
        self.stages.sample(backends)
        committed = stored(self.http, "mqtt") - self._before
        at = time.monotonic() - self._began
        self.samples.append(Sample(at, sent, committed, unrolled, oldest, newest))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a run came to; rates in readings/s, lags in seconds.

    ``growth`` is how fast a backlog grows, as a share of what is sent; ``cores`` is by stage.
    """

    rate: float
    sent_rate: float
    committed_rate: float
    ingest_growth: float
    rollup_growth: float
    ingest_backlog: float
    rollup_backlog: float
    lag_s: float
    longest_lag_s: float
    cores: dict[str, float]

    def holds(self, flat: float = FLAT) -> bool:
        """Whether the sender kept its pace and both backlogs were flat."""
        return (
            self.sent_rate >= (1 - flat) * self.rate
            and self.ingest_growth <= flat
            and self.rollup_growth <= flat
        )

    @property
    def limit(self) -> str:
        """The stage that spends most of the cores."""
        busiest = max(self.cores, key=lambda stage: self.cores[stage])
        return f"{busiest}: {self.cores[busiest]:.2f} of {sum(self.cores.values()):.2f} cores"


def judge(rate: float, samples: Sequence[Sample], spent: Mapping[str, float]) -> Verdict:
    """Return what the second half of a run shows."""
    seconds = samples[-1].at - samples[0].at
    half = [sample for sample in samples if sample.at >= samples[-1].at / 2]
    lags = lags_of(samples)[-len(half) :]
    return Verdict(
        rate,
        _slope(half, [sample.sent for sample in half]),
        _slope(half, [sample.committed for sample in half]),
        _slope(half, [sample.sent - sample.committed for sample in half]) / rate,
        _slope(half, [sample.unrolled for sample in half]) / rate,
        float(np.median([sample.sent - sample.committed for sample in half])),
        float(np.median([sample.unrolled for sample in half])),
        float(np.median(lags)),
        max(lags),
        {stage: round(cpu / seconds, 3) for stage, cpu in spent.items()},
    )


def lags_of(samples: Sequence[Sample]) -> list[float]:
    """Return at each sample how long its oldest change has waited for the rollup.

    A change was made after the last sample whose newest entry is older.
    """
    lags: list[float] = []
    for sample in samples:
        made = [other.at for other in samples if sample.oldest and other.newest < sample.oldest]
        lags.append(sample.at - max(made, default=0.0) if sample.oldest else 0.0)
    return lags


def _slope(samples: Sequence[Sample], values: Sequence[float]) -> float:
    """Return the growth a second by linear regression."""
    return float(np.polyfit([sample.at for sample in samples], values, 1)[0])
