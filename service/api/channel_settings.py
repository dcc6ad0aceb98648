"""Dated settings of channels (倍率, 量程, 单位): entered, corrected, voided; nothing is lost."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import Response

from schemas.quantities import CATALOGUE, UNITS
from schemas.registry import ChannelKind
from service.access import EnterMetering, ReadMetering
from service.api.channel_setting_rows import SettingFix, SettingIn, SettingItem, SettingRow
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
from service.domain.entries import check_instant, check_width
from service.problems import Problem, bad_parameter, not_found
from service.store import audit, dials
from service.store import channel_settings as store
from service.store.engine import Connection

router = APIRouter(tags=["meters"])
PATH = "/channel-settings"


@router.post(PATH)
async def enter_setting(session: EnterMetering, document: SettingIn) -> SettingItem:
    """Enter what is in force from an instant on; what follows is derived again at once."""
    connection = session.connection
    device = await device_of(connection, document.enterprise, document.device)
    found = await dials.channels(
        connection, device.device_id, quantity=document.quantity, statistic=document.statistic
    )
    if not found:
        raise not_found(
            f"channel {document.quantity} of {document.device}",
            f"{document.device} 的测点 {document.quantity}",
        )
    if len(found) > 1:
        names = ", ".join(channel.statistic for channel in found)
        raise bad_parameter("statistic", f"give one of {names}", f"请指定其一：{names}")
    [channel] = found
    known = await dials.settings(connection, channel.channel_id)
    before = [row for row in known if row.valid_from <= document.valid_from]
    setting = _merged(document, before[-1] if before else known[0])
    setting["note"] = document.note
    await _check(connection, channel, setting, None)
    setting_id = await store.enter(
        connection, channel.channel_id, setting, session.permit.client.name
    )
    return await _told(connection, session.permit.client.name, "enter_setting", setting_id)


@router.put(PATH + "/{setting_id}")
async def correct_setting(
    session: EnterMetering, setting_id: EntryId, document: SettingFix
) -> SettingItem:
    """Correct a setting; the row that it had stays in its history."""
    connection = session.connection
    row = await _held(connection, setting_id)
    [channel] = await dials.channels(connection, row.device_id, channel=row.channel_id)
    setting = _merged(document, row)
    setting["note"] = document.note or row.note
    await _check(connection, channel, setting, setting_id)
    await store.correct(connection, setting_id, setting, session.permit.client.name)
    return await _told(connection, session.permit.client.name, "correct_setting", setting_id)


@router.delete(PATH + "/{setting_id}")
async def void_setting(
    session: EnterMetering,
    setting_id: EntryId,
    note: Annotated[Note | None, Query(description="why")] = None,
) -> SettingItem:
    """Void a setting, so that the one before it goes on; it stays in the list."""
    connection = session.connection
    row = await _held(connection, setting_id)
    if await store.is_alone(connection, row.channel_id, setting_id):
        raise Problem(
            409,
            "last_setting",
            "It is the channel's only setting, and without one nothing can be computed; correct"
            " it with PUT.",
            "这是该测点唯一的设置，缺之无法计算；请用 PUT 更正。",
        )
    await store.void(connection, setting_id, session.permit.client.name, note)
    return await _told(connection, session.permit.client.name, "void_setting", setting_id)


@router.get(PATH)
async def list_settings(
    session: ReadMetering,
    page: PagingDep,
    format_: FormatDep,
    enterprise: Annotated[str | None, Query(description="social credit code")] = None,
    device: str | None = None,
    quantity: str | None = None,
) -> Response:
    """List settings in the order of their entry, voided ones and older revisions included."""
    after = page.after(number)
    found = await store.page(
        session.connection,
        enterprise,
        device,
        quantity,
        None if after is None else min(after[0], 2**31 - 1),
        page.limit + 1,
    )
    rows, following = paged(found, page.limit, lambda row: (row[0].setting_id,))
    items = [_item(*row) for row in rows]
    return respond(Page(items=items, next=following), format_, "channel-settings")


async def _held(connection: Connection, setting_id: int) -> Any:
    """Return a setting that stands, its device held against other entries."""
    what = (f"setting {setting_id}", f"记录 {setting_id}")
    row = standing(await store.find(connection, setting_id), *what)
    await device_of(connection, row.uscc, row.device)
    return standing(await store.find(connection, setting_id), *what)


def _merged(document: SettingFix, known: Any) -> dict[str, Any]:
    """Return a whole setting: what the document says, and what was in force of the rest."""
    unit = document.unit or known.unit
    if document.unit is not None and unit not in UNITS:
        raise bad_parameter("unit", f"unknown; known are {', '.join(UNITS)}", "未知单位")
    ratios = (document.ct, document.pt)
    multiplier, ct, pt = known.multiplier, known.ct, known.pt
    if any(ratio is not None for ratio in ratios):
        multiplier, (ct, pt) = (document.ct or 1.0) * (document.pt or 1.0), ratios
    elif document.multiplier is not None and document.multiplier != multiplier:
        multiplier, ct, pt = document.multiplier, None, None
    scale = UNITS[unit][1] if document.unit is not None else known.scale
    width = document.width
    if "width" not in document.model_fields_set and known.width is not None:
        width = known.width * (known.scale / scale)  # the same dial, in the unit sent
    return {
        "valid_from": document.valid_from,
        "unit": unit,
        "scale": scale,
        "multiplier": multiplier,
        "ct": ct,
        "pt": pt,
        "width": width,
    }


async def _check(
    connection: Connection, channel: Any, setting: dict[str, Any], itself: int | None
) -> None:
    """Refuse a setting that cannot be; ``itself`` is the one that it corrects."""
    at = setting["valid_from"]
    until = channel.in_service_to
    refuse(
        check_instant(
            at.timestamp(),
            now_s(),
            channel.in_service_from.timestamp(),
            None if until is None else until.timestamp(),
        )
    )
    if UNITS.get(setting["unit"], ("",))[0] != CATALOGUE[channel.quantity].unit:
        raise bad_parameter(
            "unit",
            f"{setting['unit']} is not a unit of {channel.quantity}",
            f"{setting['unit']} 不是 {channel.quantity} 的单位",
        )
    other = await store.at_instant(connection, channel.channel_id, at)
    refuse_twice(None if other == itself else other, PATH)
    if channel.kind == ChannelKind.REGISTER:
        following = await dials.shown_from(connection, channel.channel_id, at)
        later = [
            row.valid_from
            for row in await dials.settings(connection, channel.channel_id)
            if row.valid_from > at and row.setting_id != itself
        ]
        if following is not None and not any(x.timestamp() <= following.at for x in later):
            refuse(check_width(setting["width"], following))


async def _told(connection: Connection, actor: str, action: str, setting_id: int) -> SettingItem:
    """Note who did what, and return what came of it."""
    found = await store.find(connection, setting_id)
    if found is None:
        raise LookupError(setting_id)
    item = _item(*found)
    await audit.append(connection, actor, action, item.model_dump(mode="json", exclude={"history"}))
    return item


def _item(row: Any, past: list[Any]) -> SettingItem:
    return SettingItem(
        id=row.setting_id,
        enterprise=row.uscc,
        device=row.device,
        quantity=row.quantity,
        statistic=row.statistic,
        history=[SettingRow(**_row(old)) for old in past if old.revision < row.revision],
        **_row(row),
    )


def _row(row: Any) -> dict[str, Any]:
    same = ("valid_from", "unit", "multiplier", "ct", "pt", "width", "note")
    return {**{name: getattr(row, name) for name in same}, **entered(row)}
