"""Lines of devices (接入状态), and what HJ 212 monitors are bound to."""

import ipaddress
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Self

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from service.access import Administer, ReadDevices, Session
from service.api.pages import FormatDep, Page, PagingDep, paged, respond, text
from service.problems import not_found
from service.store import audit
from service.store import monitors as store
from service.store.monitors import Link

router = APIRouter(tags=["monitors"])

# what may stand in MN= of a frame; the standard's 24 hexadecimal digits are not kept to
Mn = Annotated[str, Path(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f]+$")]
MAX_ADDRESSES = 64


class BindingState(StrEnum):
    """Whether PW and addresses are still learnt, or others are refused."""

    LEARNING = "learning"
    LOCKED = "locked"


class LinkItem(BaseModel):
    """The line of a device."""

    enterprise: str
    enterprise_name: str
    county: str
    device: str
    mn: str | None
    outlet: str | None
    collector: str | None
    source: str | None = Field(description="address of the peer")
    version: str | None = Field(description="of HJ 212: 2005, 2017, 2025")
    connected: bool
    connected_since: datetime | None
    last_frame_at: datetime | None
    last_heartbeat_at: datetime | None
    clock_skew_s: float | None = Field(description="its clock minus ours")
    restarted_at: datetime | None
    verdict: str | None = Field(description="what became of its last frame: stored, or a reason")
    frames: int
    incomplete_sets: int = Field(description="split packets whose parts did not all come")
    binding: BindingState | None = Field(description="of HJ 212")


class BindingItem(BaseModel):
    """What a monitor is bound to; passwords and keys are never shown."""

    state: BindingState
    password_set: bool
    addresses: list[str]
    learning_since: datetime | None
    cipher_key_set: bool
    previous_cipher_key_set: bool
    changed_at: datetime | None


class MonitorItem(BaseModel):
    """A monitor: its line and what it is bound to."""

    link: LinkItem
    bound_to: BindingItem


def _network(address: str) -> str:
    if "%" in address:
        raise ValueError("an address without a zone")
    return str(ipaddress.ip_network(address, strict=False))


Network = Annotated[str, Field(max_length=50), AfterValidator(_network)]


class BindingIn(BaseModel):
    """What to change of a binding; what is left out stays as it is.

    ``learn`` forgets PW and addresses and begins again. A new ``cipher_key`` moves the present
    one to the previous one, which is still accepted; null takes both away.
    """

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    locked: bool | None = None
    password: Annotated[str, Field(pattern=r"^[!-%'-:<>-~]{0,64}$")] | None = None
    addresses: Annotated[list[Network], Field(max_length=MAX_ADDRESSES)] | None = None
    learn: bool = False
    cipher_key: Annotated[str, Field(pattern=r"^[0-9A-Fa-f]{32}$")] | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("nothing is to be changed")
        if self.learn and self.model_fields_set & {"locked", "password", "addresses"}:
            raise ValueError("learn goes with cipher_key only: the rest will be learnt")
        return self

    @property
    def change(self) -> store.Change:
        """Return what is to be changed."""
        return store.Change(
            locked=self.locked,
            addresses=self.addresses,
            sets_password="password" in self.model_fields_set,
            password=self.password,
            sets_cipher_key="cipher_key" in self.model_fields_set,
            cipher_key=None if self.cipher_key is None else bytes.fromhex(self.cipher_key),
        )

    @property
    def audited(self) -> dict[str, Any]:
        """Return what is noted of the change: of secrets only that they were set or cleared."""
        said = self.model_dump(exclude_unset=True)
        for secret in said.keys() & {"password", "cipher_key"}:
            said[secret] = "cleared" if said[secret] is None else "set"
        return said


@router.get("/links")
async def list_links(
    session: ReadDevices,
    page: PagingDep,
    format_: FormatDep,
    county: Annotated[str | None, Query(pattern=r"^\d{2,6}$")] = None,
    enterprise: Annotated[str | None, Query(max_length=18)] = None,
    connected: bool | None = None,
) -> Response:
    """List devices with an MN or a line of their own, by enterprise and code."""
    start = page.after(text, text)
    found = await store.links(
        session.connection,
        county,
        enterprise,
        connected,
        page.limit + 1,
        None if start is None else (start[0], start[1]),
    )
    rows, following = paged(found, page.limit, lambda row: (row.uscc, row.code))
    return respond(Page(items=[_item(row) for row in rows], next=following), format_, "links")


@router.get("/monitors/{mn}")
async def get_monitor(session: ReadDevices, mn: Mn) -> MonitorItem:
    """Return one monitor."""
    return await _monitor(session, mn)


@router.put("/monitors/{mn}/binding")
async def bind(session: Administer, mn: Mn, document: BindingIn) -> MonitorItem:
    """Bind a monitor to PW, addresses and key, or let them be learnt again; collectors follow."""
    await known(session, mn)
    if document.learn:
        await store.learn(session.connection, mn)
    await store.bind(session.connection, mn, document.change)
    await audit.append(
        session.connection,
        session.permit.client.name,
        "bind_monitor",
        {"mn": mn, **document.audited},
    )
    return await _monitor(session, mn)


async def known(session: Session, mn: str) -> Link:
    """Return the device in scope that has an MN; raises `Problem` where there is none."""
    link = await store.find(session.connection, mn)
    if link is None:
        raise not_found("monitor with this MN", "该 MN 的监测设备")
    return link


async def _monitor(session: Session, mn: str) -> MonitorItem:
    link = await known(session, mn)
    bound = await store.binding(session.connection, mn)
    return MonitorItem(
        link=_item(link),
        bound_to=BindingItem(
            state=_state(bound.locked),
            password_set=bound.password_set,
            addresses=bound.addresses,
            learning_since=bound.learning_since,
            cipher_key_set=bound.cipher_key_set,
            previous_cipher_key_set=bound.previous_cipher_key_set,
            changed_at=bound.recorded_at,
        ),
    )


def _state(locked: bool) -> BindingState:
    return BindingState.LOCKED if locked else BindingState.LEARNING


def _item(link: Link) -> LinkItem:
    return LinkItem(
        enterprise=link.uscc,
        enterprise_name=link.name_zh,
        county=link.county_code,
        device=link.code,
        mn=link.mn,
        outlet=link.outlet,
        collector=link.collector,
        source=link.source,
        version=link.version,
        connected=link.connected_since is not None,
        connected_since=link.connected_since,
        last_frame_at=link.last_frame_at,
        last_heartbeat_at=link.last_heartbeat_at,
        clock_skew_s=link.clock_skew_s,
        restarted_at=link.restarted_at,
        verdict=link.verdict,
        frames=link.frames,
        incomplete_sets=link.incomplete_sets,
        binding=None if link.mn is None else _state(link.locked),
    )
