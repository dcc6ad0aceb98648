"""Rows of coefficients, heating values and carbon factors as they are entered."""

from datetime import date
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Amount = Annotated[float, Field(gt=0, le=1e9, allow_inf_nan=False)]
Text = Annotated[str, Field(min_length=1, max_length=300, pattern=r"^[^\x00-\x1f]+$")]
Code = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f]+$")]
Region = Annotated[
    str,
    Field(pattern=r"^(\d{2}){0,3}$", description="prefix of county codes; empty: everywhere"),
]
Method = Annotated[str, Field(pattern="^(calorific|coal_consumption)$")]
AT_MOST = 1_000


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Row(_Model):
    quantity: Code
    valid_from: date
    valid_to: date | None = Field(None, description="its last day")
    source: Text
    confirmed: bool = Field(False, description="somebody answers for it")


class CoefficientIn(_Row):
    """What one unit of a carrier or medium is in kgce, by a method, in a region, from a day on."""

    method: Method
    region: Region = ""
    kgce_per_unit: Amount
    edition: Text | None = Field(None, examples=["GB/T 2589-2020"])


class HeatingValueIn(_Row):
    """A net calorific value (实测低位发热量) that a laboratory measured, with its report.

    Without a ``device`` it holds for all of the enterprise's meters of the carrier.
    """

    enterprise: Code
    device: Code | None = None
    value: Amount
    unit: Annotated[str, Field(pattern="^kJ/(kg|m³)$")]
    report: Text
    laboratory: Text


class CarbonFactorIn(_Row):
    """What one unit of a carrier emits: as a whole, or by the parts of a fuel's factor."""

    region: Region = ""
    kgco2_per_unit: Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)] | None = None
    gj_per_unit: Annotated[float, Field(gt=0, le=1_000, allow_inf_nan=False)] | None = None
    tc_per_gj: Annotated[float, Field(gt=0, le=0.2, allow_inf_nan=False)] | None = None
    oxidation: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] | None = None
    edition: Text


class CoefficientsIn(_Model):
    """Coefficients that are entered together: all of them or, with their errors, none."""

    coefficients: Annotated[list[CoefficientIn], Field(min_length=1, max_length=AT_MOST)]


class HeatingValuesIn(_Model):
    """Heating values that are entered together."""

    heating_values: Annotated[list[HeatingValueIn], Field(min_length=1, max_length=AT_MOST)]


class CarbonFactorsIn(_Model):
    """Carbon factors that are entered together."""

    carbon_factors: Annotated[list[CarbonFactorIn], Field(min_length=1, max_length=AT_MOST)]
