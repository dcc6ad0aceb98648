"""Commands to HJ 212 monitors: asked for, followed, cancelled while they wait."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field, StrictInt, StrictStr

from schemas.commands import COMMANDS, State, Unfit, check, masked
from service.access import Administer, ReadCommands, Session
from service.api.command_items import CatalogueItem, CommandItem, catalogued, item_of
from service.api.monitors import Mn, known
from service.api.pages import FormatDep, Page, PagingDep, number, paged, respond
from service.problems import Problem, not_found
from service.store import audit
from service.store import commands as store
from service.store.commands import StoredCommand

router = APIRouter(tags=["commands"])

MAX_OPEN = 20  # of a device
Name = Annotated[str, Field(max_length=40)]
CommandId = Annotated[int, Path(ge=1, lt=2**63)]


class CommandIn(BaseModel):
    """A command to ask for; it is sent when the device is connected, or expires."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    cn: Annotated[str, Field(pattern=r"^\d{4}$")]
    parameters: Annotated[dict[Name, StrictInt | StrictStr], Field(max_length=10)] = {}
    valid_for_s: Annotated[int, Field(ge=10, le=86_400)] = 600
    confirm: bool = Field(False, description="needed where the catalogue says so")


@router.get("/commands/catalogue")
async def list_catalogue(_session: ReadCommands) -> Page[CatalogueItem]:
    """List the commands that can be asked for."""
    return Page(items=[catalogued(command) for command in COMMANDS.values()])


@router.post("/monitors/{mn}/commands", status_code=201)
async def ask(session: Administer, mn: Mn, document: CommandIn) -> CommandItem:
    """Ask for a command to a monitor; its collector sends it once the monitor is connected."""
    link = await known(session, mn)
    try:
        parameters = check(document.cn, document.parameters)
    except Unfit as unfit:
        raise Problem(422, "bad_command", f"{unfit}.", f"{unfit.zh}。") from unfit
    command = COMMANDS[document.cn]
    if command.confirm and not document.confirm:
        raise Problem(
            422,
            "unconfirmed",
            f"{command.cn} ({command.en}) acts on the instrument; send `confirm: true`.",
            f"{command.cn}（{command.zh}）会动作仪器或改变接入凭据，请加 confirm: true 确认。",
        )
    if link.version is not None and link.version not in command.versions:
        spoken = ", ".join(command.versions)
        raise Problem(
            409,
            "wrong_version",
            f"The monitor speaks HJ 212-{link.version}; {command.cn} belongs to {spoken}.",
            f"该设备使用 HJ 212-{link.version}，命令 {command.cn} 属于 {spoken} 版。",
        )
    name = session.permit.client.name
    asked = await store.append(
        session.connection, mn, command.cn, parameters, name, document.valid_for_s, MAX_OPEN
    )
    if asked is None:
        raise Problem(
            409,
            "too_many_commands",
            f"{MAX_OPEN} commands to this monitor are open; wait, or cancel some that wait.",
            f"该设备已有 {MAX_OPEN} 条未完成命令，请稍候或取消等待中的命令。",
        )
    detail = {"id": asked, "mn": mn, "cn": command.cn, "parameters": masked(parameters)}
    await audit.append(session.connection, name, "ask_command", detail)
    return item_of(await _stored(session, asked))


@router.get("/commands")
async def list_commands(
    session: ReadCommands,
    page: PagingDep,
    format_: FormatDep,
    mn: Annotated[str | None, Query(max_length=100)] = None,
    state: State | None = None,
) -> Response:
    """List commands, newest first."""
    start = page.after(number)
    found = await store.page(
        session.connection,
        mn,
        None if state is None else state.value,
        page.limit + 1,
        None if start is None else start[0],
    )
    rows, following = paged(found, page.limit, lambda row: (row.command_id,))
    return respond(Page(items=[item_of(row) for row in rows], next=following), format_, "commands")


@router.get("/commands/{command_id}")
async def get_command(session: ReadCommands, command_id: CommandId) -> CommandItem:
    """Return one command."""
    return item_of(await _stored(session, command_id))


@router.delete("/commands/{command_id}")
async def cancel(session: Administer, command_id: CommandId) -> CommandItem:
    """Cancel a command that still waits."""
    found = await _stored(session, command_id)
    if not await store.cancel(session.connection, command_id, masked(found.parameters)):
        state = (await _stored(session, command_id)).state
        raise Problem(
            409,
            "not_waiting",
            f"The command cannot be cancelled any more: it is {state}, or being sent.",
            f"该命令已无法取消：状态为 {state}，或正在下发。",
        )
    await audit.append(
        session.connection, session.permit.client.name, "cancel_command", {"id": command_id}
    )
    return item_of(await _stored(session, command_id))


async def _stored(session: Session, command_id: int) -> StoredCommand:
    found = await store.find(session.connection, command_id)
    if found is None:
        raise not_found("command of this id", "该编号的命令")
    return found
