"""Replays: refused payloads that collectors try again after the registry was mended."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from service.access import Administer, ReadPlatform
from service.api.pages import Page, PagingDep, paged
from service.api.rejected import LARGEST, Id, refuse_empty, sight_of
from service.problems import bad_parameter, not_found
from service.store import audit, frames, replays
from service.store.rejected import Filter

router = APIRouter(tags=["rejected payloads"])
MAX_FRAMES = 100_000  # of one replay


class FilterIn(BaseModel):
    """Which payloads are to be tried again."""

    model_config = ConfigDict(extra="forbid")

    reason: str | None = None
    collector: str | None = None
    sender: str | None = None
    enterprise: str | None = None
    from_: AwareDatetime | None = Field(None, alias="from")
    to: AwareDatetime | None = None
    text: str | None = None


class ReplayIn(BaseModel):
    """Payloads by their ids, or those that a filter means."""

    model_config = ConfigDict(extra="forbid")

    ids: list[Annotated[int, Field(ge=1, le=LARGEST)]] | None = Field(None, max_length=10_000)
    filter: FilterIn | None = None


class ReplayItem(BaseModel):
    """A replay; stored, duplicate and superseded count readings, the others payloads."""

    id: int
    state: str = Field(description="waiting, running, finished")
    requested_by: str
    requested_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    wanted: dict[str, Any]
    payloads: int
    stored: int
    duplicate: int
    revised: int = Field(0, description="always 0: a replay overwrites nothing")
    superseded: int = Field(description="another value was stored since; this one is in the trail")
    removed: int = Field(description="stored in full, and no longer among the rejected")
    still_rejected: int
    gone: int = Field(description="purged or stored otherwise meanwhile")
    reasons: dict[str, int] = Field(description="why payloads are rejected still")
    error: str | None = Field(description="what it waits for")


@router.get("/rejected-payloads/replays")
async def list_replays(opened: ReadPlatform, page: PagingDep) -> Page[ReplayItem]:
    """List replays, newest first."""
    start = page.start()
    before = None if start is None else int(start[0])
    found = await replays.page(opened.connection, page.limit + 1, before)
    rows, following = paged(found, page.limit, lambda row: (row["replay_id"],))
    return Page(items=[_item(row) for row in rows], next=following)


@router.get("/rejected-payloads/replays/{replay_id:int}")
async def show_replay(opened: ReadPlatform, replay_id: Id) -> ReplayItem:
    """Show how far a replay is and what it came to."""
    if (row := await replays.one(opened.connection, replay_id)) is None:
        raise not_found(f"replay {replay_id}", f"重放 {replay_id}")
    return _item(row)


@router.post("/rejected-payloads/replay", status_code=202)
async def replay_rejected(opened: Administer, asked: ReplayIn) -> ReplayItem:
    """Ask collectors to try payloads again, under what their senders are registered as now."""
    chosen = asked.filter or FilterIn()
    wanted = Filter(
        asked.ids,
        chosen.reason,
        chosen.collector,
        chosen.sender,
        chosen.enterprise,
        chosen.from_,
        chosen.to,
        chosen.text or None,
    )
    refuse_empty(wanted)
    by = opened.permit.client.name
    made = await replays.request(opened.connection, by, wanted, sight_of(opened))
    detail = {"replay": made["replay_id"], "payloads": made["payloads"], "filter": wanted.named()}
    await audit.append(opened.connection, by, "replay_rejected", detail)
    return _item(made)


class FramesIn(BaseModel):
    """Accepted frames of one HJ 212 monitor, by when they were received."""

    model_config = ConfigDict(extra="forbid")

    mn: str = Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f]+$")
    from_: AwareDatetime = Field(alias="from")
    to: AwareDatetime


@router.post("/frames/replay", status_code=202)
async def replay_frames(opened: Administer, asked: FramesIn) -> ReplayItem:
    """Ask collectors to read accepted frames again, after one of their codes got a channel.

    What is stored stays; what still has no channel stays listed among the rejected payloads.
    """
    if not await frames.is_visible(opened.connection, asked.mn):
        raise not_found("monitor with this MN", "该 MN 的监测设备")
    by = opened.permit.client.name
    ids = await frames.put_back(
        opened.connection, asked.mn, asked.from_, asked.to, f"read again for {by}", MAX_FRAMES
    )
    if len(ids) == MAX_FRAMES:
        raise bad_parameter(
            "from",
            f"not so early: at most {MAX_FRAMES:,} frames",
            f"至多 {MAX_FRAMES:,} 帧，请分段",
        )
    made = await replays.request(opened.connection, by, Filter(ids), sight_of(opened))
    detail = {"replay": made["replay_id"], "payloads": made["payloads"], "mn": asked.mn}
    await audit.append(opened.connection, by, "replay_frames", detail)
    return _item(made)


def _item(row: dict[str, Any]) -> ReplayItem:
    state = "finished" if row["finished_at"] else "running" if row["started_at"] else "waiting"
    return ReplayItem(id=row["replay_id"], state=state, **row)
