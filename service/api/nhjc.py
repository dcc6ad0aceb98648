"""NHJC end devices (端设备): how each speaks, and the window in which it may register."""

import ipaddress
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from schemas.nhjc import VALID, Cipher, TimeOf
from schemas.reading import Quality
from service.access import Administer, ReadPlatform
from service.api.device_rows import Code
from service.api.pages import Page, PagingDep, paged, text
from service.problems import not_found
from service.store import audit, nhjc

router = APIRouter(tags=["NHJC end devices"])
LONGEST_WINDOW_H = 30 * 24
Word = Annotated[str, Field(pattern=r"^[^\x00-\x1f]{1,100}$")]
Number = Annotated[str, Field(pattern=r"^-?\d{1,6}$")]


def _network(text: str) -> str:
    return str(ipaddress.ip_network(text, strict=False))


class DialectIn(BaseModel):
    """How a device speaks; what is left out is what most devices in the field do.

    ``valid`` gives a quality for each word of the field of that name: booleans are `true` and
    `false`. ``time_of`` says what `statDate` names. ``upload_time`` overrides the daily time that
    is spread by enterprise.
    """

    model_config = ConfigDict(extra="forbid")

    valid: dict[
        Annotated[str, Field(pattern=r"^[^\x00-\x1f]{1,20}$")],
        Literal[Quality.GOOD, Quality.UNCERTAIN, Quality.BAD],
    ] = Field(default_factory=lambda: dict(VALID), max_length=20)  # type: ignore[arg-type]
    cipher: Cipher = Cipher.NONE
    time_of: TimeOf = TimeOf.START
    success_code: Number = "0"
    failure_code: Number = "1"
    success_message: Word = "RECEIVE SUCCESS"
    code_as_number: bool = False
    reg_version: Word = "1"
    dic_version: Word = "1"
    upload_time: Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d:[0-5]\d$")] | None = None


class EndDeviceIn(BaseModel):
    """Settings of a registered device, and for how long it may register.

    ``window_h`` of 0 closes the window. Without ``addresses`` (CIDR) the identity is bound to the
    address that registers first. ``renew`` takes the identity away: the next registration draws
    another.
    """

    model_config = ConfigDict(extra="forbid")

    enterprise: Code
    device: Code
    window_h: Annotated[float, Field(ge=0, le=LONGEST_WINDOW_H)] = 24.0
    addresses: Annotated[list[Annotated[str, AfterValidator(_network)]], Field(max_length=50)] = []
    settings: DialectIn = DialectIn()
    renew: bool = False


class EndDeviceItem(BaseModel):
    """An end device; whoever was refused last shows why a device cannot register."""

    enterprise: str
    device: str
    settings: DialectIn
    addresses: list[str]
    learned: str | None = Field(description="the address that registered, where none was named")
    open_until: datetime | None
    registered_at: datetime | None = Field(description="the newest registration")
    registered_from: str | None
    refused_at: datetime | None
    refused_from: str | None
    recorded_by: str
    recorded_at: datetime


@router.get("/nhjc-devices", tags=["platform"])
async def list_end_devices(
    session: ReadPlatform, page: PagingDep, enterprise: str | None = None
) -> Page[EndDeviceItem]:
    """List end devices, without their identities, which nobody but the device is shown."""
    found = await nhjc.page(
        session.connection, enterprise, None, page.limit + 1, page.after(text, text)
    )
    rows, following = paged(found, page.limit, lambda row: (row.uscc, row.code))
    return Page(items=[_item(row) for row in rows], next=following)


@router.post("/nhjc-devices")
async def open_registration(session: Administer, document: EndDeviceIn) -> EndDeviceItem:
    """Enter how a device speaks and open the window in which it may register."""
    connection, by = session.connection, session.permit.client.name
    enterprise, device = document.enterprise, document.device
    device_id = await nhjc.find(connection, enterprise, device)
    if device_id is None:
        raise not_found(f"device {device} at {enterprise}", f"{enterprise} 的设备 {device}")
    dialect = document.settings.model_dump(mode="json")
    until = datetime.now(UTC) + timedelta(hours=document.window_h) if document.window_h else None
    await nhjc.put(connection, device_id, dialect, document.addresses, until, by)
    if document.renew:
        await nhjc.forget(connection, device_id)
    await audit.append(connection, by, "open_nhjc_registration", document.model_dump(mode="json"))
    [row] = await nhjc.page(connection, enterprise, device, 1, None)
    return _item(row)


def _item(row: Any) -> EndDeviceItem:
    shown = set(EndDeviceItem.model_fields) - {"enterprise", "device", "settings"}
    return EndDeviceItem(
        enterprise=row.uscc,
        device=row.code,
        settings=DialectIn.model_validate(row.dialect),
        **{name: getattr(row, name) for name in shown},
    )
