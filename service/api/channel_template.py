"""Channels of a HJ 212 monitor, from the codes that it sends."""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from schemas.factors import FACTORS, OF_2005, Factor
from schemas.quantities import CATALOGUE, MASS, Group
from schemas.registry import STATISTICS, ChannelKind, Role, period_of

PERIODS_OF_HJ212 = ("instant", "cycle", "minute", "hour", "day")
KNOWN = tuple(name for name in STATISTICS if name.startswith(PERIODS_OF_HJ212))
USUAL = ["instant", "minute.mean", "hour.mean"]
OF_OUTLET = {"hour.mean", "hour.mean_corrected"}  # stand for the outlet; the others are compared
OF_VOLUME = "gas_volume"  # total of a gas flow
EVERY_S = {"instant": 60, "instant_corrected": 60, "cycle": 3_600}


def _known_factor(code: str) -> str:
    code = OF_2005.get(code, code)
    if code not in FACTORS:
        raise ValueError(f"unknown factor; known are {', '.join(FACTORS)}")
    return code


def _known_statistic(name: str) -> str:
    if name not in KNOWN:
        raise ValueError(f"not a statistic of HJ 212; known are {', '.join(KNOWN)}")
    return name


def _is_aware(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError("no offset; append +08:00")
    return at


FactorCode = Annotated[str, Field(max_length=10), AfterValidator(_known_factor)]
Statistic = Annotated[str, Field(max_length=40), AfterValidator(_known_statistic)]


class TemplateIn(BaseModel):
    """What stands for a list of channels: factors by their codes, each in some statistics.

    Unit and basis are those of the table; where the monitor sends another unit, list that channel
    as well. A statistic that a factor does not have is left out: totals of a temperature,
    corrected values of anything but a pollutant.
    """

    model_config = ConfigDict(extra="forbid")

    factors: Annotated[list[FactorCode], Field(min_length=1, max_length=200)]
    in_service_from: Annotated[datetime, Field(alias="from"), AfterValidator(_is_aware)]
    minute_s: Annotated[int, Field(ge=60, le=1_800, multiple_of=60)] = 600
    statistics: Annotated[list[Statistic], Field(min_length=1, max_length=len(KNOWN))] = USUAL

    def channels(self) -> Iterator[dict[str, Any]]:
        """Yield the channels, once each."""
        for code in dict.fromkeys(self.factors):
            for statistic in dict.fromkeys(self.statistics):
                found = _measured(FACTORS[code], statistic)
                if found is not None:
                    yield {
                        **found,
                        "statistic": statistic,
                        "expected_interval_s": self._expected(statistic),
                        "in_service_from": self.in_service_from,
                    }

    def _expected(self, statistic: str) -> int:
        if statistic in EVERY_S:
            return EVERY_S[statistic]
        return period_of(statistic, self.minute_s) or self.minute_s


def _measured(factor: Factor, statistic: str) -> dict[str, Any] | None:
    """Return quantity, unit, basis, kind and role; None where the factor has no such statistic."""
    group = CATALOGUE[factor.quantity].group
    if statistic.endswith("_corrected") and group is not Group.POLLUTANT:
        return None
    role = Role.CHECK
    if group is Group.CONDITION:
        role = Role.CONDITION
    elif statistic in OF_OUTLET:
        role = Role.OUTLET
    kind, quantity, unit = ChannelKind.GAUGE, factor.quantity, factor.unit
    if ".total" in statistic:
        if factor.total_unit is None:
            return None
        kind, unit = ChannelKind.AMOUNT, factor.total_unit
        quantity = OF_VOLUME if group is Group.FLOW else f"{factor.quantity}{MASS}"
    return {"quantity": quantity, "unit": unit, "basis": factor.basis, "kind": kind, "role": role}
