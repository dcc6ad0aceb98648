"""Devices and their channels, as the registry is entered."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from schemas.quantities import CATALOGUE, UNITS, Group
from schemas.registry import (
    ROLLED_UP,
    STATISTICS,
    ChannelKind,
    DeviceKind,
    Label,
    Part,
    Role,
    is_instant,
)
from service.api.channel_template import TemplateIn

Code = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f]+$")]
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]+$")]
CountyCode = Annotated[str, Field(pattern=r"^\d{6}$")]
Factor = Annotated[float, Field(gt=0, le=1e9, allow_inf_nan=False)]


def _is_quantity(code: str) -> str:
    if code not in CATALOGUE:
        raise ValueError(f"unknown quantity; known are {', '.join(sorted(CATALOGUE))}")
    return code


def _is_aware(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError("no offset; append +08:00")
    return at


QuantityCode = Annotated[str, AfterValidator(_is_quantity)]
Instant = Annotated[datetime, AfterValidator(_is_aware)]


# What a second register for the other direction may be in the accounts.
_OF_REVERSE = {Role.EXPORT, Role.CHECK, Role.CONDITION}


class Row(BaseModel):
    """A part of the document; what it does not know it refuses."""

    model_config = ConfigDict(extra="forbid")


class ChannelIn(Row):
    """One quantity of a device in one statistic.

    ``unit``, ``multiplier`` and ``width`` hold from the first day in service; later ones are
    entered as settings of their own. Plausible values are in ``unit``. A ``reversible`` dial
    (双向) may run backwards. ``label`` says which end of its period a value's time names; by
    default the end, of monitors (HJ 212) and of codes on the wire the start. ``wire_code`` is the
    code of HJ 212 or NHJC where it is not the default one of the quantity. ``part`` says that what
    the channel measures is feedstock, renewable or nuclear electricity, or a project listed singly:
    a part of the enterprise's total, at whatever level the meter stands.
    """

    quantity: QuantityCode
    statistic: str = "instant"
    kind: ChannelKind
    role: Role
    unit: str
    label: Label | None = None
    expected_interval_s: Annotated[int, Field(gt=0, le=366 * 86_400)]
    hold_s: Annotated[int, Field(gt=0, le=86_400)] | None = None
    plausible_min: float | None = None
    plausible_max: float | None = None
    plausible_rate: Factor | None = None
    reversible: bool = False
    in_service_from: Instant
    in_service_to: Instant | None = None
    multiplier: Factor = 1.0
    width: Annotated[float, Field(gt=0, le=1e15)] | None = None
    wire_code: Annotated[str, Field(pattern=r"^[0-9A-Za-z-]{1,40}$")] | None = None
    basis: Name | None = None
    part: Part | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.statistic not in STATISTICS:
            raise ValueError(f"unknown statistic; known are {', '.join(STATISTICS)}")
        if UNITS.get(self.unit, ("", 0.0))[0] != CATALOGUE[self.quantity].unit:
            raise ValueError(f"{self.unit} is not a unit of {self.quantity}")
        if self.kind is ChannelKind.REGISTER and not is_instant(self.statistic):
            raise ValueError("a register is read at an instant")
        if self.kind is ChannelKind.AMOUNT and is_instant(self.statistic):
            raise ValueError("an amount has a period, such as hour.total")
        if self.statistic not in ROLLED_UP and self.role not in {Role.CHECK, Role.CONDITION}:
            raise ValueError(f"{self.statistic} is kept for comparison: its role is check")
        if self.wire_code is not None:
            self.wire_code = self.wire_code.replace("-", "")
        return self

    @model_validator(mode="after")
    def _check_accounts(self) -> Self:
        quantity = CATALOGUE[self.quantity]
        if self.kind is ChannelKind.GAUGE and quantity.group is Group.CARRIER:
            raise ValueError("a carrier is metered by registers or amounts")
        if self.part is not None and self.role is not Role.CONSUMPTION:
            raise ValueError("a part of the energy is consumption: its role is consumption")
        if self.reversible and self.kind is not ChannelKind.REGISTER:
            raise ValueError("only a register can be reversible")
        if quantity.counts_as is not None and self.role not in _OF_REVERSE:
            raise ValueError(f"what {self.quantity} measures leaves the enterprise: role export")
        return self


class DeviceIn(Row):
    """A meter, monitor or logger with its channels.

    Of a HJ 212 monitor ``template`` may stand for them; one that is listed as well replaces that of
    the template. ``parent`` is the meter above it (上级计量器具), of a smaller metering level;
    ``type_code`` the eight digits of 计量器具编码, ``calibration_months`` how long a calibration
    holds.
    """

    code: Code
    name_zh: Name
    name_en: Name
    kind: DeviceKind
    metering_level: Annotated[int, Field(ge=1, le=3)] | None = None
    mn: Code | None = None
    outlet: Code | None = None
    facility: Code | None = None
    parent: Code | None = None
    type_code: Annotated[str, Field(pattern=r"^[0-9]{8}$")] | None = None
    maker: Name | None = None
    model: Name | None = None
    serial_no: Code | None = None
    accuracy_class: Code | None = None
    measuring_range: Name | None = None
    location: Name | None = None
    calibration_months: Annotated[int, Field(ge=1, le=240)] | None = None
    channels: list[ChannelIn] = []
    template: Annotated[TemplateIn | None, Field(exclude=True)] = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.template is not None:
            if self.mn is None:
                raise ValueError("template is for HJ 212: give the device its mn")
            self.channels = [*self.channels, *self._of_template(self.template)]
        elif "channels" not in self.model_fields_set:
            raise ValueError("give channels, or a template")
        for channel in self.channels:
            starts = self.mn is not None or channel.wire_code is not None
            channel.label = channel.label or (Label.START if starts else Label.END)
        return self

    def _of_template(self, template: TemplateIn) -> list[ChannelIn]:
        listed = {(channel.quantity, channel.statistic) for channel in self.channels}
        return [
            ChannelIn(**row)
            for row in template.channels()
            if (row["quantity"], row["statistic"]) not in listed
        ]
