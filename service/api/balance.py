"""Balance of the metering levels of an enterprise (计量平衡, GB 17167), by month and carrier."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import BaseModel, Field

from schemas.quantities import CATALOGUE
from service.access import ReadEnergy
from service.api.pages import FormatDep, Page, aware, respond
from service.domain.balance import Balance, Deviation, Gap, Node, Sum
from service.domain.balance import balance as balanced
from service.domain.windows import first_month, shift
from service.problems import bad_parameter, not_found
from service.store import balance
from service.store.balance import Account

router = APIRouter(tags=["meters"])
MOST_MONTHS = 60


class NodeItem(BaseModel):
    """A meter against those that stand directly under it."""

    device: str
    level: int | None
    amount: float | None
    children: list[str]
    children_amount: float | None
    deviation: float | None
    deviation_share: float | None = Field(description="of its own amount")
    not_compared: Gap | None
    completeness: float | None
    children_completeness: float | None


class BalanceItem(BaseModel):
    """One carrier in one month; amounts are null where nothing is known, and never stand-ins."""

    month: str
    quantity: str
    unit: str
    total: float | None = Field(description="level 1: consumption less export")
    level_1: float | None
    level_1_consumption: float | None
    level_1_export: float | None
    level_1_completeness: float | None = Field(description="share of the time measured")
    level_1_estimated: float | None = Field(description="share of the amount")
    level_1_meters: int
    level_1_silent: list[str] = Field(description="meters of which something has no data")
    level_2: float | None
    level_2_completeness: float | None
    level_2_estimated: float | None
    level_2_meters: int
    level_2_silent: list[str]
    level_3: float | None
    level_3_completeness: float | None
    level_3_estimated: float | None
    level_3_meters: int
    level_3_silent: list[str]
    deviation_1_2: float | None = Field(description="level 1 less level 2")
    deviation_1_2_share: float | None = Field(description="of level 1")
    not_compared_1_2: Gap | None
    deviation_2_3: float | None
    deviation_2_3_share: float | None = Field(description="of level 2")
    not_compared_2_3: Gap | None
    nodes: list[NodeItem]


@router.get("/meter-balance")
async def list_balances(
    session: ReadEnergy,
    format_: FormatDep,
    enterprise: Annotated[str, Query(description="social credit code")],
    start: Annotated[
        datetime | None, Query(alias="from", description="RFC 3339 with an offset")
    ] = None,
    stop: Annotated[datetime | None, Query(alias="to")] = None,
) -> Response:
    """List whole months that begin in [from, to); without ``from`` the last two."""
    now = datetime.now(UTC)
    stop_month = first_month(aware("to", stop) or now)
    begin = aware("from", start)
    first = shift(stop_month, -2) if begin is None else first_month(begin)
    if not first < stop_month <= shift(first, MOST_MONTHS):
        raise bad_parameter(
            "from", f"name 1 to {MOST_MONTHS} months", f"时段须含 1 至 {MOST_MONTHS} 个月初"
        )
    enterprise_id = await balance.enterprise(session.connection, enterprise)
    if enterprise_id is None:
        raise not_found(f"enterprise {enterprise}", f"企业 {enterprise}")
    found = await balance.monthly(session.connection, [enterprise_id], first, stop_month, now)
    items = [_item(account, balanced(metered)) for account, metered in found.items()]
    return respond(Page(items=items), format_, "meter-balance")


def _item(account: Account, found: Balance) -> BalanceItem:
    first = found.levels[1]
    return BalanceItem(
        month=f"{account.month:%Y-%m}",
        quantity=account.carrier,
        unit=CATALOGUE[account.carrier].unit,
        total=found.total,
        level_1_consumption=first.consumption,
        level_1_export=first.export,
        nodes=[_node(node) for node in found.nodes],
        **{
            name: value
            for level, known in found.levels.items()
            for name, value in _level(f"level_{level}", known).items()
        },
        **{
            name: value
            for upper, deviation in found.deviations.items()
            for name, value in _deviation(f"{upper}_{upper + 1}", deviation).items()
        },
    )


def _level(name: str, known: Sum) -> dict[str, Any]:
    return {
        name: known.net,
        f"{name}_completeness": known.completeness,
        f"{name}_estimated": known.estimated,
        f"{name}_meters": known.meters,
        f"{name}_silent": list(known.silent),
    }


def _deviation(between: str, deviation: Deviation) -> dict[str, Any]:
    return {
        f"deviation_{between}": deviation.absolute,
        f"deviation_{between}_share": deviation.share,
        f"not_compared_{between}": deviation.gap,
    }


def _node(node: Node) -> NodeItem:
    return NodeItem(
        device=node.device,
        level=node.level,
        amount=node.own.net,
        children=list(node.under),
        children_amount=node.children.net,
        deviation=node.deviation.absolute,
        deviation_share=node.deviation.share,
        not_compared=node.deviation.gap,
        completeness=node.own.completeness,
        children_completeness=node.children.completeness,
    )
