"""How commands to monitors, and their catalogue, are shown."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from schemas.commands import (
    COMMANDS,
    EXECUTION_RETURNS,
    REQUEST_RETURNS,
    Kind,
    State,
    masked,
)
from schemas.host_commands import PARAMETERS, Command, Confidence
from service.store.commands import StoredCommand


class Return(BaseModel):
    """A return code with its meaning."""

    code: int
    zh: str | None
    en: str | None


class CommandItem(BaseModel):
    """A command and how far it has come; passwords and keys are hidden."""

    id: int
    enterprise: str
    device: str
    mn: str | None
    cn: str
    name: str | None
    name_en: str | None
    parameters: dict[str, int | str]
    state: State
    requested_by: str
    requested_at: datetime
    expires_at: datetime
    qn: str | None
    attempts: int
    sent_at: datetime | None
    answered_at: datetime | None
    request_return: Return | None = Field(description="QnRtn of 9011")
    finished_at: datetime | None
    execution_return: Return | None = Field(description="ExeRtn of 9012")
    reply: Any = Field(description="what the device sent for it")


class ParameterItem(BaseModel):
    """A parameter of a command."""

    name: str
    name_zh: str
    name_en: str
    optional: bool
    accepts: str


class CatalogueItem(BaseModel):
    """A command that can be asked for."""

    cn: str
    name: str
    name_en: str
    kind: Kind
    parameters: list[ParameterItem]
    versions: list[str]
    confirm: bool = Field(description="it moves the instrument or changes what it is reached by")
    source: str
    confidence: Confidence


def catalogued(command: Command) -> CatalogueItem:
    """Return a command of the catalogue as it is shown."""
    return CatalogueItem(
        cn=command.cn,
        name=command.zh,
        name_en=command.en,
        kind=command.kind,
        parameters=[_parameter(name) for name in command.parameters],
        versions=list(command.versions),
        confirm=command.confirm,
        source=command.source,
        confidence=command.confidence,
    )


def _parameter(name: str) -> ParameterItem:
    parameter = PARAMETERS[name.rstrip("?")]
    return ParameterItem(
        name=parameter.name,
        name_zh=parameter.zh,
        name_en=parameter.en,
        optional=name.endswith("?"),
        accepts=parameter.accepts,
    )


def _return(code: int | None, meanings: dict[int, tuple[str, str]]) -> Return | None:
    if code is None:
        return None
    zh, en = meanings.get(code, (None, None))
    return Return(code=code, zh=zh, en=en)


def item_of(row: StoredCommand) -> CommandItem:
    """Return a command as it is shown."""
    command = COMMANDS.get(row.cn)
    return CommandItem(
        id=row.command_id,
        enterprise=row.uscc,
        device=row.device,
        mn=row.mn,
        cn=row.cn,
        name=None if command is None else command.zh,
        name_en=None if command is None else command.en,
        parameters=masked(row.parameters),
        state=State(row.state),
        requested_by=row.requested_by,
        requested_at=row.requested_at,
        expires_at=row.expires_at,
        qn=row.qn,
        attempts=row.attempts,
        sent_at=row.sent_at,
        answered_at=row.answered_at,
        request_return=_return(row.request_return, REQUEST_RETURNS),
        finished_at=row.finished_at,
        execution_return=_return(row.execution_return, EXECUTION_RETURNS),
        reply=row.reply,
    )
