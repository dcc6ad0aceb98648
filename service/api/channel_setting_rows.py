"""Dated settings of channels as they are entered and listed."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import Field, model_validator

from service.api.device_rows import Code, Factor, Instant, Row
from service.api.entries import Entered, Note

MEANT = ("unit", "multiplier", "ct", "pt", "width")


class SettingFix(Row):
    """What is in force from an instant on; what is left out stays as it was.

    ``ct`` and ``pt`` multiply to the multiplier. ``width`` is where the dial starts again at zero,
    in the unit that it is sent in; null: never.
    """

    valid_from: Instant
    unit: Code | None = None
    multiplier: Factor | None = None
    ct: Factor | None = None
    pt: Factor | None = None
    width: Annotated[float, Field(gt=0, le=1e15)] | None = None
    note: Note | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        by_ratios = (self.ct or 1.0) * (self.pt or 1.0)
        if self.multiplier is None:
            if by_ratios > 1e9:
                raise ValueError("ct × pt is beyond 1e9")
        elif (self.ct or self.pt) and abs(by_ratios - self.multiplier) > 1e-9 * by_ratios:
            raise ValueError("multiplier is not ct × pt; give one or the other")
        return self


class SettingIn(SettingFix):
    """A setting of a channel; ``statistic`` where the device has several of the quantity."""

    enterprise: Code
    device: Code
    quantity: Code
    statistic: Code | None = None

    @model_validator(mode="after")
    def _sets_something(self) -> Self:
        if not self.model_fields_set.intersection(MEANT):
            raise ValueError(f"give at least one of {', '.join(MEANT)}")
        return self


class SettingRow(Entered):
    """A setting as it was entered once."""

    valid_from: datetime
    unit: str
    multiplier: float
    ct: float | None
    pt: float | None
    width: float | None
    note: str | None


class SettingItem(SettingRow):
    """A setting in its newest revision; ``history`` has the older ones, newest first."""

    id: int
    enterprise: str
    device: str
    quantity: str
    statistic: str
    history: list[SettingRow]
