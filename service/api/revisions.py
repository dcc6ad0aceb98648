"""What the routes of coefficients, heating values and carbon factors share."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any

from fastapi import Depends, Path, Query
from pydantic import BaseModel, Field

from service.access import Session
from service.api.pages import Paging, aware, number, paged
from service.problems import forbidden, not_found
from service.store import audit, revisions
from service.store.revisions import Kind

Number = Annotated[int, Path(ge=1, lt=2**31)]


class View:
    """As known when, and whether with what was superseded."""

    def __init__(
        self,
        known_at: Annotated[
            datetime | None, Query(description="what was in force as known at this instant")
        ] = None,
        history: Annotated[bool, Query(description="all revisions")] = False,
    ) -> None:
        self.known_at = aware("known_at", known_at)
        self.history = history


ViewDep = Annotated[View, Depends()]


class RevisionItem(BaseModel):
    """One revision of an entry; ``superseded_at`` is null while it is in force."""

    id: int
    quantity: str
    valid_from: date
    valid_to: date | None = Field(description="its last day")
    source: str
    confirmed: bool
    revision: int
    recorded_by: str
    recorded_at: datetime
    superseded_at: datetime | None
    withdrawn_by: str | None = Field(description="who took it out of force without another")


class Entered(BaseModel):
    """How many were entered; ``revised`` of them replaced an older one, which stays readable.

    ``unchanged`` said what is in force already.
    """

    entered: int
    revised: int
    unchanged: int


async def page(
    session: Session, kind: Kind, filters: dict[str, str | None], view: View, paging: Paging
) -> tuple[list[dict[str, Any]], str | None]:
    """Return the rows of a page and the cursor of the next one."""
    start = paging.after(number)
    found = await revisions.page(
        session.connection,
        kind,
        filters,
        view.known_at,
        view.history,
        paging.limit + 1,
        None if start is None else start[0],
    )
    return paged(found, paging.limit, lambda row: (row["id"],))


async def enter(session: Session, kind: Kind, rows: Sequence[dict[str, Any]]) -> Entered:
    """Enter checked rows and note who did."""
    actor = session.permit.client.name
    entered = await revisions.enter(session.connection, kind, rows, actor)
    answer = Entered(entered=entered.entered, revised=entered.revised, unchanged=entered.unchanged)
    keys = [[str(row[name]) for name in kind.key] for row in rows]
    await audit.append(
        session.connection, actor, f"enter_{kind.table}", {**answer.model_dump(), "of": keys}
    )
    return answer


async def withdraw(session: Session, kind: Kind, entry: int) -> None:
    """Take an entry out of force and note who did; raises a problem where there is none."""
    actor = session.permit.client.name
    if not await revisions.withdraw(session.connection, kind, entry, session.permit.regions, actor):
        raise not_found(f"entry {entry} in force", f"编号 {entry} 的有效记录")
    await audit.append(session.connection, actor, f"withdraw_{kind.table}", {kind.number: entry})


def refuse_bound(session: Session) -> None:
    """Raise a problem for a client of one enterprise: what it enters would hold for others."""
    if session.permit.enterprise_id is not None:
        raise forbidden("energy:enter, without an enterprise")
