"""The machine's state of an alert, and the events that the feed carries."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Phase(StrEnum):
    """Where an alert stands."""

    NORMAL = "normal"
    PENDING = "pending"  # breached, not yet for long enough
    FIRING = "firing"
    RECOVERING = "recovering"  # clear again, not yet for long enough


@dataclass(frozen=True, slots=True)
class Alert:
    """A phase and the instant (of the data, not of the clock) at which it began."""

    phase: Phase
    since: datetime


class EventKind(StrEnum):
    """Why an event was appended; only ``change`` may call anybody."""

    CHANGE = "change"
    REVISION = "revision"  # corrected data moved the alert: 修订
    DIGEST = "digest"  # judged late, in one line: 补判
