"""Coal-equivalent coefficients and carbon factors: entered in revisions, and readable."""

from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from service.access import EnterFactors, ReadEnergy
from service.api.factor_errors import carbon_errors, coefficient_errors
from service.api.factor_rows import CarbonFactorIn, CarbonFactorsIn, CoefficientsIn
from service.api.official_rows import refuse
from service.api.pages import FormatDep, Page, PagingDep, respond
from service.api.revisions import (
    Entered,
    Number,
    RevisionItem,
    ViewDep,
    enter,
    page,
    refuse_bound,
    withdraw,
)
from service.domain.emissions import Fuel
from service.store.revisions import CARBON_FACTORS, COEFFICIENTS

router = APIRouter(tags=["coal equivalents and carbon"])


class CoefficientItem(RevisionItem):
    """What one catalogue unit of a carrier or medium is in kgce, by a method."""

    method: str
    region: str
    kgce_per_unit: float
    edition: str | None


class CarbonFactorItem(RevisionItem):
    """What one catalogue unit of a carrier emits; of a fuel with its parts."""

    region: str
    kgco2_per_unit: float
    gj_per_unit: float | None
    tc_per_gj: float | None
    oxidation: float | None
    edition: str


@router.get("/coefficients")
async def list_coefficients(
    session: ReadEnergy,
    view: ViewDep,
    paging: PagingDep,
    format_: FormatDep,
    quantity: str | None = None,
    method: str | None = None,
    region: str | None = None,
) -> Response:
    """List coal-equivalent coefficients (折标准煤系数) in order of entry."""
    filters = {"quantity": quantity, "method": method, "region": region}
    rows, following = await page(session, COEFFICIENTS, filters, view, paging)
    items = [CoefficientItem(**row) for row in rows]
    return respond(Page(items=items, next=following), format_, "coefficients")


@router.post("/coefficients")
async def enter_coefficients(session: EnterFactors, document: CoefficientsIn) -> Entered:
    """Enter coefficients; the days that they concern are derived anew, quarter hours are not."""
    refuse_bound(session)
    refuse(coefficient_errors(document.coefficients, session.permit.regions))
    return await enter(session, COEFFICIENTS, [row.model_dump() for row in document.coefficients])


@router.delete("/coefficients/{coefficient}", status_code=204)
async def withdraw_coefficient(session: EnterFactors, coefficient: Number) -> None:
    """Take a coefficient out of force, as if it had not been entered; it stays readable."""
    refuse_bound(session)
    await withdraw(session, COEFFICIENTS, coefficient)


@router.get("/carbon-factors")
async def list_carbon_factors(
    session: ReadEnergy,
    view: ViewDep,
    paging: PagingDep,
    format_: FormatDep,
    quantity: str | None = None,
    region: str | None = None,
) -> Response:
    """List carbon factors in order of entry; of electricity ``edition`` names the data's year."""
    filters = {"quantity": quantity, "region": region}
    rows, following = await page(session, CARBON_FACTORS, filters, view, paging)
    items = [CarbonFactorItem(**row) for row in rows]
    return respond(Page(items=items, next=following), format_, "carbon-factors")


@router.post("/carbon-factors")
async def enter_carbon_factors(session: EnterFactors, document: CarbonFactorsIn) -> Entered:
    """Enter carbon factors; the days that they concern are derived anew."""
    refuse_bound(session)
    refuse(carbon_errors(document.carbon_factors, session.permit.regions))
    return await enter(session, CARBON_FACTORS, [_whole(row) for row in document.carbon_factors])


@router.delete("/carbon-factors/{carbon_factor}", status_code=204)
async def withdraw_carbon_factor(session: EnterFactors, carbon_factor: Number) -> None:
    """Take a carbon factor out of force; it stays readable."""
    refuse_bound(session)
    await withdraw(session, CARBON_FACTORS, carbon_factor)


def _whole(row: CarbonFactorIn) -> dict[str, Any]:
    """Return a row with the factor that its parts make."""
    match row.gj_per_unit, row.tc_per_gj, row.oxidation:
        case float(gj), float(carbon), float(oxidation):
            return {
                **row.model_dump(),
                "kgco2_per_unit": Fuel(gj, carbon, oxidation).kgco2_per_unit,
            }
        case _:
            return row.model_dump()
