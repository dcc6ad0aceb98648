"""How an alert moves: one function, with the instant as an argument."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from schemas.alerts import Alert, Phase
from schemas.indicators import Level


@dataclass(frozen=True, slots=True)
class Timing:
    """How long a breach must be held before it fires, and how long its end before it is over."""

    pending: timedelta = timedelta(0)
    recovering: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a rule made of one value.

    ``breached`` tells for each level that can raise an alert whether it is reached; None where
    that cannot be told, or where the value lies in the deadband: neither starts nor ends anything.
    """

    level: Level | None
    breached: Mapping[Level, bool | None]


def step(alert: Alert, breached: bool | None, as_of: datetime, timing: Timing) -> Alert:
    """Return where an alert stands after a judgement of one instant."""
    held = as_of - alert.since
    match alert.phase, breached:
        case Phase.NORMAL, True:
            phase = Phase.PENDING if timing.pending else Phase.FIRING
        case Phase.PENDING, True if held >= timing.pending:
            phase = Phase.FIRING
        case Phase.PENDING, False:
            phase = Phase.NORMAL
        case Phase.FIRING, False:
            phase = Phase.RECOVERING if timing.recovering else Phase.NORMAL
        case Phase.RECOVERING, True:
            phase = Phase.FIRING
        case Phase.RECOVERING, False if held >= timing.recovering:
            phase = Phase.NORMAL
        case _:
            return alert
    return Alert(phase, as_of)


def replay(
    alert: Alert, judged: Iterable[tuple[datetime, bool | None]], timing: Timing
) -> Iterator[Alert]:
    """Yield where an alert stands after each judgement, given in order of time."""
    for as_of, breached in judged:
        alert = step(alert, breached, as_of, timing)
        yield alert
