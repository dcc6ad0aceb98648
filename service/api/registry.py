"""The registry, entered as one document: all of it or, with its errors row by row, nothing."""

from datetime import date
from typing import Annotated, Any, Self

from fastapi import APIRouter
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from schemas.registry import FacilityKind
from service.access import Administer
from service.api.device_rows import Code, CountyCode, DeviceIn, Factor, Name, QuantityCode
from service.api.factor_errors import coefficient_errors
from service.api.factor_rows import CoefficientIn
from service.api.official_rows import refuse
from service.domain import uscc
from service.problems import Problem
from service.store import audit
from service.store import registry as store

router = APIRouter(tags=["registry"])


def _is_uscc(code: str) -> str:
    if not uscc.is_valid(code):
        raise ValueError("not a valid social credit code (check digit, GB 32100)")
    return code


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


class CountyIn(_Model):
    """A county, and where it stands on the schematic map."""

    code: CountyCode
    name_zh: Name
    name_en: Name
    schematic: dict[str, Any] | None = None


class ParkIn(_Model):
    """A park (园区) in a county."""

    code: Code
    county: CountyCode
    name_zh: Name
    name_en: Name


class LimitIn(_Model):
    """A limit of an outlet; with a reference oxygen it holds for the corrected value."""

    quantity: QuantityCode
    value: Factor
    averaging: Annotated[str, Field(pattern=r"^hour\.mean$")] = "hour.mean"
    reference_oxygen: Annotated[float, Field(gt=0, lt=21)] | None = None
    valid_from: date
    valid_to: date | None = None
    source: Name
    confirmed: bool = False


class OutletIn(_Model):
    """An outlet (排放口) with its limits."""

    code: Code
    name_zh: Name
    name_en: Name
    permit_code: Code | None = None
    limits: list[LimitIn] = []


class FacilityIn(_Model):
    """A facility (生产线, 产污设施, 治污设施), and the facilities that clean after it."""

    code: Code
    name_zh: Name
    name_en: Name
    kind: FacilityKind
    product: QuantityCode | None = None
    cleaned_by: list[Code] = []


class EnterpriseIn(_Model):
    """An enterprise with everything that stands in it."""

    uscc: Annotated[str, AfterValidator(_is_uscc)]
    county: CountyCode
    park: Code | None = None
    name_zh: Name
    name_en: Name
    trade: Code
    above_scale: bool = True
    outlets: list[OutletIn] = []
    facilities: list[FacilityIn] = []
    devices: list[DeviceIn] = []

    @model_validator(mode="after")
    def _check(self) -> Self:
        outlets = {outlet.code for outlet in self.outlets}
        facilities = {facility.code for facility in self.facilities}
        for device in self.devices:
            if device.outlet is not None and device.outlet not in outlets:
                raise ValueError(f"device {device.code}: there is no outlet {device.outlet}")
            if device.facility is not None and device.facility not in facilities:
                raise ValueError(f"device {device.code}: there is no facility {device.facility}")
        for facility in self.facilities:
            if unknown := set(facility.cleaned_by) - facilities:
                raise ValueError(f"facility {facility.code}: there is no facility {unknown}")
        return self


class RegistryIn(_Model):
    """What is to be entered; what is there already is brought up to it, nothing is removed."""

    counties: list[CountyIn] = []
    parks: list[ParkIn] = []
    enterprises: list[EnterpriseIn] = []
    coefficients: list[CoefficientIn] = []


class Entered(BaseModel):
    """How many of each were entered or brought up to date."""

    counties: int
    parks: int
    enterprises: int
    channels: int
    coefficients: int


@router.post("/registry")
async def enter_registry(session: Administer, document: RegistryIn) -> Entered:
    """Enter counties, parks, enterprises and coefficients; collectors know them at once."""
    refuse(coefficient_errors(document.coefficients, None))
    actor = session.permit.client.name
    try:
        channels = await store.enter(session.connection, document.model_dump(), actor)
    except LookupError as error:
        raise Problem(422, "unknown_reference", f"{error}", f"引用不存在：{error}") from error
    except store.Misplaced as error:
        raise Problem(
            422,
            "misplaced",
            f"The parent of {error.device} is {error.parent}: give both a metering_level, and the"
            " parent the smaller one.",
            f"{error.device} 的上级计量器具为 {error.parent}：两者都须填写计量级别"
            "（metering_level），且上级的级别必须更小。",
        ) from error
    entered = Entered(
        counties=len(document.counties),
        parks=len(document.parks),
        enterprises=len(document.enterprises),
        channels=channels,
        coefficients=len(document.coefficients),
    )
    await audit.append(session.connection, actor, "enter_registry", entered.model_dump())
    return entered
