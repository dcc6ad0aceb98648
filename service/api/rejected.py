"""Payloads that were refused (未入库报文): looked at, counted, purged."""

import base64
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel, Field

from schemas.access import Domain, Verb
from service.access import Administer, Permit, Session, caller, session, state_of
from service.api.pages import Page, PagingDep, aware, paged
from service.problems import Problem, forbidden, not_found
from service.store import audit, rejected
from service.store.clients import Client
from service.store.rejected import Filter, Sight

router = APIRouter(tags=["rejected payloads"])
LARGEST = 2**63 - 1
Id = Annotated[int, Path(ge=1, le=LARGEST)]
Name = Annotated[str | None, Query(max_length=200)]


class RejectedItem(BaseModel):
    """A payload that was refused, with how often it came; the list shows its beginning."""

    id: int
    collector: str
    sender: str
    enterprise: str | None = Field(description="social credit code; null of an unknown sender")
    reason: str
    detail: str
    payload: str
    payload_bytes: int
    occurrences: int
    first_received_at: datetime
    last_received_at: datetime


class RejectedPayload(RejectedItem):
    """A payload with all of its bytes that were kept."""

    payload_encoding: str = Field(description="utf-8, or base64 where it is not that")
    complete: bool = Field(description="false where it was longer than what is kept")


class RejectedCount(BaseModel):
    """How many payloads were refused for a reason; ``occurrences`` counts repetitions."""

    reason: str
    collector: str
    payloads: int
    occurrences: int
    first_received_at: datetime
    last_received_at: datetime


class Purged(BaseModel):
    """How many payloads were deleted, by reason."""

    deleted: int
    reasons: dict[str, int]


async def _permit(client: Annotated[Client, Depends(caller)]) -> Permit:
    """Let the platform's people in, and an enterprise's client to what is its own."""
    regions = client.regions(Domain.PLATFORM, Verb.READ)
    if not regions and client.enterprise_id is not None:
        regions = client.regions(Domain.METERING, Verb.READ)
    if not regions:
        raise forbidden(f"{Domain.PLATFORM}:{Verb.READ}")
    return Permit(client, regions)


async def _open(
    request: Request, permit: Annotated[Permit, Depends(_permit)]
) -> AsyncIterator[Session]:
    async with session(state_of(request), permit) as opened:
        yield opened


ReadRejected = Annotated[Session, Depends(_open)]


def sight_of(opened: Session) -> Sight:
    """Return whose payloads the caller sees beside those of enterprises in scope."""
    unbound = opened.permit.enterprise_id is None
    return Sight(everything=unbound and "" in opened.permit.regions, unknown=unbound)


def _wanted(
    reason: Name = None,
    collector: Name = None,
    sender: Name = None,
    enterprise: Name = None,
    start: Annotated[datetime | None, Query(alias="from", description="received last")] = None,
    stop: Annotated[datetime | None, Query(alias="to")] = None,
    words: Annotated[str | None, Query(alias="text", max_length=200)] = None,
) -> Filter:
    return Filter(
        None,
        reason,
        collector,
        sender,
        enterprise,
        aware("from", start),
        aware("to", stop),
        words or None,
    )


FilterDep = Annotated[Filter, Depends(_wanted)]


def refuse_empty(wanted: Filter) -> None:
    """Raise a problem where nothing was said of what is meant."""
    if wanted.empty:
        raise Problem(
            422,
            "empty_filter",
            "This would mean every rejected payload; name a reason, a sender, a time or a text.",
            "未给出条件将涉及全部未入库报文；请指明原因、上报方、时间或文本。",
        )


@router.get("/rejected-payloads")
async def list_rejected(
    opened: ReadRejected, page: PagingDep, wanted: FilterDep
) -> Page[RejectedItem]:
    """List refused payloads, newest first; each shows at most its first 2,000 characters."""
    start = page.start()
    before = None if start is None else int(start[0])
    found = await rejected.page(opened.connection, wanted, sight_of(opened), page.limit + 1, before)
    rows, following = paged(found, page.limit, lambda row: (row.payload_id,))
    items = [
        RejectedItem(**_fields(row), payload=row.payload.decode(errors="replace")[:2_000])
        for row in rows
    ]
    return Page(items=items, next=following)


@router.get("/rejected-payloads/counts")
async def count_rejected(opened: ReadRejected, wanted: FilterDep) -> Page[RejectedCount]:
    """Count refused payloads by reason and collector, the most frequent first."""
    rows = await rejected.counts(opened.connection, wanted, sight_of(opened))
    return Page(items=[RejectedCount(**row) for row in rows])


@router.delete("/rejected-payloads")
async def purge_rejected(opened: Administer, wanted: FilterDep) -> Purged:
    """Delete the refused payloads that a filter means; the counts go to the audit log."""
    refuse_empty(wanted)
    reasons = await rejected.purge(opened.connection, wanted, sight_of(opened))
    purged = Purged(deleted=sum(reasons.values()), reasons=reasons)
    detail = {**purged.model_dump(), "filter": wanted.named()}
    await audit.append(opened.connection, opened.permit.client.name, "purge_rejected", detail)
    return purged


@router.get("/rejected-payloads/{payload_id:int}")
async def show_rejected(opened: ReadRejected, payload_id: Id) -> RejectedPayload:
    """Show one refused payload with all of its bytes that were kept."""
    row = await rejected.whole(opened.connection, payload_id, sight_of(opened))
    if row is None:
        raise not_found(f"rejected payload {payload_id}", f"未入库报文 {payload_id}")
    try:
        shown, encoding = row.payload.decode(), "utf-8"
    except UnicodeDecodeError:
        shown, encoding = base64.b64encode(row.payload).decode(), "base64"
    return RejectedPayload(
        **_fields(row),
        payload=shown,
        payload_encoding=encoding,
        complete=len(row.payload) == row.payload_bytes,
    )


def _fields(row: Any) -> dict[str, Any]:
    """Return what the list and the single payload show alike."""
    return {
        "id": row.payload_id,
        "collector": row.collector,
        "sender": row.sender,
        "enterprise": row.uscc,
        "reason": row.reason,
        "detail": row.detail,
        "payload_bytes": row.payload_bytes,
        "occurrences": row.occurrences,
        "first_received_at": row.first_received_at,
        "last_received_at": row.last_received_at,
    }
