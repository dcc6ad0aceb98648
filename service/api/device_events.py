"""What happened to meters (换表, 检定校准): entered, corrected, voided; nothing is lost of it."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import Response

from schemas.registry import ChannelKind, EventKind
from service.access import EnterMetering, ReadMetering
from service.api.device_event_rows import (
    Calibrated,
    EventFix,
    EventIn,
    EventItem,
    EventRow,
    Replaced,
    ReplacedIn,
)
from service.api.entries import (
    EntryId,
    Note,
    device_of,
    entered,
    now_s,
    refuse,
    refuse_twice,
    standing,
)
from service.api.pages import FormatDep, Page, PagingDep, number, paged, respond
from service.domain.calendar import day_of
from service.domain.entries import check_instant, check_replacement
from service.domain.registers import Replacement
from service.problems import Problem, bad_parameter
from service.store import audit, dials
from service.store import device_events as store
from service.store.dials import Device
from service.store.engine import Connection

router = APIRouter(tags=["meters"])
PATH = "/device-events"


@router.post(PATH)
async def enter_event(session: EnterMetering, document: EventIn) -> EventItem:
    """Enter a replacement or a calibration; what follows from it is derived again at once."""
    connection = session.connection
    device = await device_of(connection, document.enterprise, document.device)
    channel = None
    if isinstance(document, ReplacedIn):
        channel = await _dial(connection, device, document.quantity)
    await _check(connection, device, channel, document, None)
    event_id = await store.enter(
        connection,
        device.device_id,
        None if channel is None else channel.channel_id,
        document.model_dump(),
        session.permit.client.name,
    )
    return await _told(connection, session.permit.client.name, "enter_device_event", event_id)


@router.put(PATH + "/{event_id}")
async def correct_event(session: EnterMetering, event_id: EntryId, document: EventFix) -> EventItem:
    """Correct an event; the row that it had stays in its history."""
    connection = session.connection
    row, device = await _held(connection, event_id)
    if row.kind != document.kind:
        raise bad_parameter(
            "kind", f"the event is a {row.kind}; void it and enter another", "与原记录类别不同"
        )
    channel = None
    if row.channel_id is not None:
        [channel] = await dials.channels(connection, device.device_id, channel=row.channel_id)
    await _check(connection, device, channel, document, event_id)
    await store.correct(connection, event_id, document.model_dump(), session.permit.client.name)
    return await _told(connection, session.permit.client.name, "correct_device_event", event_id)


@router.delete(PATH + "/{event_id}")
async def void_event(
    session: EnterMetering,
    event_id: EntryId,
    note: Annotated[Note | None, Query(description="why")] = None,
) -> EventItem:
    """Void an event that did not happen; it stays in the list with who voided it."""
    connection = session.connection
    await _held(connection, event_id)
    await store.void(connection, event_id, session.permit.client.name, note)
    return await _told(connection, session.permit.client.name, "void_device_event", event_id)


@router.get(PATH)
async def list_events(
    session: ReadMetering,
    page: PagingDep,
    format_: FormatDep,
    enterprise: Annotated[str | None, Query(description="social credit code")] = None,
    device: str | None = None,
    kind: EventKind | None = None,
) -> Response:
    """List events in the order of their entry, voided ones and older revisions included."""
    after = page.after(number)
    found = await store.page(
        session.connection,
        enterprise,
        device,
        None if kind is None else kind.value,
        None if after is None else min(after[0], 2**31 - 1),
        page.limit + 1,
    )
    rows, following = paged(found, page.limit, lambda row: (row[0].event_id,))
    items = [_item(*row) for row in rows]
    return respond(Page(items=items, next=following), format_, "device-events")


async def _held(connection: Connection, event_id: int) -> tuple[Any, Device]:
    """Return an event that stands and its device, which is held against other entries."""
    what = (f"event {event_id}", f"记录 {event_id}")
    row = standing(await store.find(connection, event_id), *what)
    device = await device_of(connection, row.uscc, row.device)
    return standing(await store.find(connection, event_id), *what), device


async def _dial(connection: Connection, device: Device, quantity: str | None) -> Any:
    """Return the register that is meant; raises a problem unless it is exactly one."""
    found = await dials.channels(
        connection, device.device_id, quantity=quantity, kind=ChannelKind.REGISTER
    )
    if len(found) == 1:
        return found[0]
    if not found:
        raise Problem(
            422,
            "no_dial",
            f"{device.code} has no register {quantity or ''}; only a dial can be replaced with"
            " closing and opening registers.",
            f"{device.code} 没有累计表底 {quantity or ''}；只有累计表才能登记换表起止数。",
        )
    names = ", ".join(channel.quantity for channel in found)
    raise Problem(
        422,
        "ambiguous_dial",
        f"{device.code} has several registers; give quantity, one of {names}.",
        f"{device.code} 有多个累计表底；请指定 quantity：{names}。",
    )


async def _check(
    connection: Connection,
    device: Device,
    channel: Any,
    event: Replaced | Calibrated,
    itself: int | None,
) -> None:
    """Refuse an event that cannot be; ``itself`` is the one that it corrects."""
    at = event.at.timestamp()
    since, until = float("-inf"), device.in_service_to
    if isinstance(event, Replaced):
        since, until = channel.in_service_from.timestamp(), channel.in_service_to
    elif event.valid_until is not None and event.valid_until < day_of(event.at):
        raise bad_parameter("valid_until", "before the calibration", "早于检定日期")
    # a meter is calibrated before it is put into service
    refuse(check_instant(at, now_s(), since, None if until is None else until.timestamp()))
    channel_id = None if channel is None else channel.channel_id
    other = await store.at_instant(connection, device.device_id, channel_id, event.kind, event.at)
    refuse_twice(None if other == itself else other, PATH)
    if isinstance(event, Replaced):
        register = dials.register(channel, await dials.settings(connection, channel.channel_id))
        refuse(
            check_replacement(
                register,
                Replacement(at, event.closing, event.opening),
                await dials.shown_before(connection, channel.channel_id, event.at, itself),
                await dials.shown_after(connection, channel.channel_id, event.at, itself),
            )
        )


async def _told(connection: Connection, actor: str, action: str, event_id: int) -> EventItem:
    """Note who did what, and return what came of it."""
    found = await store.find(connection, event_id)
    if found is None:
        raise LookupError(event_id)
    item = _item(*found)
    await audit.append(connection, actor, action, item.model_dump(mode="json", exclude={"history"}))
    return item


def _item(row: Any, past: list[Any]) -> EventItem:
    return EventItem(
        id=row.event_id,
        enterprise=row.uscc,
        device=row.device,
        quantity=row.quantity,
        kind=row.kind,
        history=[EventRow(**_row(old)) for old in past if old.revision < row.revision],
        **_row(row),
    )


def _row(row: Any) -> dict[str, Any]:
    same = ("at", "certificate", "organisation", "result", "valid_until", "note")
    return {
        "closing": row.closing_value,
        "opening": row.opening_value,
        **{name: getattr(row, name) for name in same},
        **entered(row),
    }
