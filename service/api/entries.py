"""What entries about meters have in common: fields, refusals, and who entered what, when."""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field

from service.domain.entries import Fault
from service.problems import Problem, not_found
from service.store import dials
from service.store.dials import Device
from service.store.engine import Connection

Note = Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\x00-\x1f]+$")]
EntryId = Annotated[int, Field(ge=1, le=2**31 - 1)]


class Entered(BaseModel):
    """Who entered a row, and who took it back, where somebody did."""

    revision: int
    recorded_by: str
    recorded_at: datetime
    superseded_at: datetime | None = Field(description="null while it stands")
    superseded_by: str | None
    superseded_note: str | None


def entered(row: Any) -> dict[str, Any]:
    """Return the fields of `Entered` of a row."""
    return {name: getattr(row, name) for name in Entered.model_fields}


def refuse(fault: Fault | None) -> None:
    """Raise the problem that a fault is, if there is one."""
    if fault is not None:
        raise Problem(422, fault.code, fault.detail, fault.detail_zh)


def now_s() -> float:
    """Return the instant in seconds since 1970."""
    return datetime.now(UTC).timestamp()


async def device_of(connection: Connection, uscc: str, code: str) -> Device:
    """Return a device in scope, held until the transaction ends; raises a problem without one."""
    device = await dials.device(connection, uscc, code)
    if device is None:
        raise not_found(f"device {code} at {uscc}", f"{uscc} 的计量器具 {code}")
    return device


def standing(found: tuple[Any, list[Any]] | None, what: str, what_zh: str) -> Any:
    """Return the row of an entry that stands; raises a problem where it does not."""
    if found is None:
        raise not_found(what, what_zh)
    row = found[0]
    if row.superseded_at is not None:
        raise Problem(
            409,
            "voided",
            f"The {what} was voided by {row.superseded_by}; enter it anew with POST.",
            f"{what_zh}已由 {row.superseded_by} 作废；请用 POST 重新录入。",
        )
    return row


def refuse_twice(other: int | None, path: str) -> None:
    """Refuse a second entry at the instant of one that stands."""
    if other is not None:
        raise Problem(
            409,
            "exists",
            f"There is one at this instant already, {path}/{other}; correct it with PUT.",
            f"该时间已有记录 {path}/{other}；请用 PUT 更正。",
        )
