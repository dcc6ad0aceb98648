"""Measured net calorific values (实测低位发热量): entered with their reports, and readable.

What an enterprise measured changes what regulators see of it, so that entering it takes the grant
ENERGY:ENTER, which the role of enterprises lacks: the office enters it from the report. A client
of an enterprise that was given the grant may enter its own.
"""

from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from service.access import EnterFactors, ReadEnergy
from service.api.factor_errors import Wrong, heating_errors
from service.api.factor_rows import HeatingValueIn, HeatingValuesIn
from service.api.official_rows import refuse
from service.api.pages import FormatDep, Page, PagingDep, respond
from service.api.revisions import Entered, Number, RevisionItem, ViewDep, enter, page, withdraw
from service.store import registered
from service.store.registered import Metered
from service.store.revisions import HEATING_VALUES

router = APIRouter(tags=["coal equivalents and carbon"])


class HeatingValueItem(RevisionItem):
    """A measured heating value; of all of the enterprise's meters where ``device`` is null."""

    enterprise: str
    device: str | None
    value: float
    unit: str
    report: str
    laboratory: str


@router.get("/heating-values")
async def list_heating_values(
    session: ReadEnergy,
    view: ViewDep,
    paging: PagingDep,
    format_: FormatDep,
    enterprise: str | None = None,
    device: str | None = None,
    quantity: str | None = None,
) -> Response:
    """List measured heating values in order of entry."""
    filters = {"enterprise": enterprise, "device": device, "quantity": quantity}
    rows, following = await page(session, HEATING_VALUES, filters, view, paging)
    items = [HeatingValueItem(value=row["kj"], **row) for row in rows]
    return respond(Page(items=items, next=following), format_, "heating-values")


@router.post("/heating-values")
async def enter_heating_values(session: EnterFactors, document: HeatingValuesIn) -> Entered:
    """Enter measured heating values; on their days they come before any reference value."""
    rows = document.heating_values
    places = {
        uscc: await registered.metered(session.connection, uscc)
        for uscc in sorted({row.enterprise for row in rows})
    }
    refuse(heating_errors(rows, lambda row: _of_place(row, places[row.enterprise])))
    return await enter(
        session, HEATING_VALUES, [_entry(row, places[row.enterprise]) for row in rows]
    )


@router.delete("/heating-values/{heating_value}", status_code=204)
async def withdraw_heating_value(session: EnterFactors, heating_value: Number) -> None:
    """Take a heating value out of force; it stays readable."""
    await withdraw(session, HEATING_VALUES, heating_value)


def _of_place(row: HeatingValueIn, metered: Metered | None) -> Iterator[Wrong]:
    if metered is None:
        yield Wrong(
            "unknown_enterprise",
            f"There is no enterprise {row.enterprise} that this key may enter values for.",
            f"没有用能单位 {row.enterprise}，或该密钥无权录入。",
        )
    elif row.device is not None and (row.device, row.quantity) not in metered.devices:
        yield Wrong(
            "unknown_device",
            f"{row.enterprise} has no device {row.device} with a channel of {row.quantity};"
            " correct the code, or leave device out.",
            f"{row.enterprise} 没有计量 {row.quantity} 的设备 {row.device}；"
            "请核对编号，或不填 device。",
        )


def _entry(row: HeatingValueIn, metered: Metered | None) -> dict[str, Any]:
    if metered is None:
        raise LookupError(row.enterprise)
    device = None if row.device is None else metered.devices[row.device, row.quantity]
    return {
        **row.model_dump(exclude={"enterprise", "device", "value"}),
        "enterprise_id": metered.enterprise_id,
        "device_id": device,
        "kj": row.value,
    }
