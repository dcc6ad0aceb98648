"""What is shown of the broker's accounts, and what is asked for."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from service.problems import Problem


class AccountItem(BaseModel):
    """An account of an enterprise; all of an enterprise's have one role."""

    user: str
    enterprise: str
    role: str
    state: str = Field(description="active, ending (valid until revoked_at), disabled, revoked")
    pending: bool = Field(description="whether the broker is yet to be told")
    problem: str | None = Field(description="why the broker does not agree")
    created_at: datetime
    created_by: str
    disabled_at: datetime | None
    revoked_at: datetime | None


class NewAccount(AccountItem):
    """A new account with its password, which is shown this once."""

    password: str
    publish: str = Field(description="topic of its readings")
    subscribe: list[str] = Field(description="topics of its outcomes and of alerts")


class AccountIn(BaseModel):
    """Which enterprise an account is for."""

    model_config = ConfigDict(extra="forbid")

    enterprise: Annotated[str, Field(max_length=50, description="social credit code")]


class RotationIn(BaseModel):
    """How long the accounts before the new one stay valid."""

    model_config = ConfigDict(extra="forbid")

    overlap_hours: Annotated[float, Field(ge=0, le=24 * 31)] = 24.0


def is_already(user: str, state: str) -> Problem:
    """Return the answer to a request that the state of an account forbids."""
    words = {"revoked": "已注销", "disabled": "已停用"}
    return Problem(
        409,
        f"account_{state}",
        f"{user} is {state}; enable it, or make a new account.",
        f"{user} {words[state]}；请启用或新建账号。",
    )


def state(row: Mapping[str, Any]) -> str:
    """Return the state of an account: active, ending, disabled or revoked."""
    if row["revoked_at"] is not None and row["revoked_at"] <= datetime.now(UTC):
        return "revoked"
    if row["disabled_at"] is not None:
        return "disabled"
    return "active" if row["revoked_at"] is None else "ending"


def fields(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is shown of an account."""
    return {
        "user": row["user_name"],
        "enterprise": row["uscc"],
        "role": row["role"],
        "state": state(row),
        "pending": row["applied_at"] is None,
        "problem": row["problem"],
        "created_at": row["created_at"],
        "created_by": row["created_by"],
        "disabled_at": row["disabled_at"],
        "revoked_at": row["revoked_at"],
    }
