"""What happened to meters, as it is entered and listed."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import Field

from schemas.registry import CalibrationResult, EventKind
from service.api.device_rows import Code, Instant, Row
from service.api.entries import Entered, Note

Stand = Annotated[float, Field(ge=-1e15, le=1e15, allow_inf_nan=False)]


class Replaced(Row):
    """A dial that was replaced: what the old one showed last, and the new one first.

    Each is in the unit that its dial is sent in: ``closing`` in that before ``at``, ``opening``
    in that from it on.
    """

    kind: Literal[EventKind.REPLACEMENT]
    at: Instant
    closing: Stand
    opening: Stand
    note: Note | None = None


class Calibrated(Row):
    """A verification or calibration (检定, 校准) with its certificate.

    Without ``valid_until`` it holds for the meter's ``calibration_months``.
    """

    kind: Literal[EventKind.CALIBRATION]
    at: Instant
    certificate: Code
    organisation: Note
    result: CalibrationResult
    valid_until: date | None = None
    note: Note | None = None


class ReplacedIn(Replaced):
    """A replacement of a device's dial; ``quantity`` names it where it has several."""

    enterprise: Code
    device: Code
    quantity: Code | None = None


class CalibratedIn(Calibrated):
    """A calibration of a device."""

    enterprise: Code
    device: Code


EventIn = Annotated[ReplacedIn | CalibratedIn, Field(discriminator="kind")]
EventFix = Annotated[Replaced | Calibrated, Field(discriminator="kind")]


class EventRow(Entered):
    """An event as it was entered once."""

    at: datetime
    closing: float | None
    opening: float | None
    certificate: str | None
    organisation: str | None
    result: str | None
    valid_until: date | None
    note: str | None


class EventItem(EventRow):
    """An event in its newest revision; ``history`` has the older ones, newest first."""

    id: int
    enterprise: str
    device: str
    quantity: str | None
    kind: EventKind
    history: list[EventRow]
