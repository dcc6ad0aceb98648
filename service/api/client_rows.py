"""What is said of clients and keys, and what is answered."""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from schemas.access import ROLES, Domain, Verb
from schemas.dialect import Dialect

NAMES = r"^[^\x00-\x1f/]+$"  # a name is part of an address


def _is_role(role: str) -> str:
    if role not in ROLES:
        raise ValueError(f"unknown role; known are {', '.join(sorted(ROLES))}")
    return role


def _lies_ahead(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError("no offset; append +08:00")
    if at <= datetime.now(UTC):
        raise ValueError("lies in the past")
    return at


Name = Annotated[str, Field(min_length=1, max_length=200, pattern=NAMES)]
Later = Annotated[datetime, AfterValidator(_lies_ahead)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ClientIn(_Model):
    """A client to be made; ``region`` is that of its enterprise where nothing is said."""

    name: Name
    role: Annotated[str, AfterValidator(_is_role)]
    region: Annotated[str, Field(pattern=r"^\d{0,6}$")] | None = None
    enterprise: str | None = None
    expires_at: Later | None = None
    dialect: Dialect | None = None


class KeyIn(_Model):
    """A key to be made beside those that are there; they may be told when to end."""

    expires_at: Later | None = None
    others_end_at: Later | None = None


class KeyMade(BaseModel):
    """A key, shown this once."""

    client: str
    id: int
    key: str
    expires_at: datetime | None


class GrantItem(BaseModel):
    """What a client may do, and where."""

    region: str
    domain: Domain
    verb: Verb


class KeyItem(BaseModel):
    """A key of a client, without the key."""

    id: int
    recorded_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


class ClientItem(BaseModel):
    """A client with its grants and keys."""

    name: str
    enterprise: str | None
    grants: list[GrantItem]
    keys: list[KeyItem]
    dialect: dict[str, Any] | None
    recorded_at: datetime
    revoked_at: datetime | None
