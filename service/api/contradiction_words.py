"""What official figures contradict, in words: both figures, and where the others came from."""

from decimal import Decimal

from schemas.official import SERIES, State
from service.api.official_rows import RowError
from service.domain.contradictions import Code, Finding, Known

STATES_ZH = {State.FLASH: "快报", State.PRELIMINARY: "初步核算", State.VERIFIED: "最终核实"}
_CENT = Decimal("0.01")


def row_error(finding: Finding, row: int) -> RowError:
    """Return a finding as what is wrong with one of its rows."""
    return RowError(
        row=row,
        column="state" if finding.code is Code.STATE else "value",
        code=finding.code.value,
        detail=_english(finding),
        detail_zh=_chinese(finding),
        value=next(_number(known.value) for known in finding.figures if known.row == row),
    )


def _english(finding: Finding) -> str:
    what, others = _named(finding.figure), ", ".join(map(_named, finding.others))
    follows = _range(finding)
    match finding.code:
        case Code.STATE:
            return (
                f"{what} would replace a more final figure: {others}; confirm with a reason if it"
                " is meant."
            )
        case Code.PART:
            return f"{what} exceeds the whole that it is a part of: {others}; check the two."
        case Code.SECTORS:
            return f"{what} lies outside the growth of its sectors, {follows}: {others}; check."
        case _:
            return f"{what} contradicts {others}: {follows} follows from them; check the figures."


def _chinese(finding: Finding) -> str:
    what, others = _named_zh(finding.figure), "、".join(map(_named_zh, finding.others))
    follows = _range(finding)
    match finding.code:
        case Code.STATE:
            return f"{what} 的核实程度低于已有数据：{others}；如确需替换，请确认并写明原因。"
        case Code.PART:
            return f"{what} 大于其所属总量：{others}；请核对。"
        case Code.SECTORS:
            return f"{what} 超出各产业增速范围 {follows}：{others}；请核对。"
        case _:
            return f"{what} 与 {others} 不符，由后者推算为 {follows}；请核对。"


def _range(finding: Finding) -> str:
    unit = _unit(finding.figure)
    return f"{' to '.join(_number(value.quantize(_CENT)) for value in finding.expected)} {unit}"


def _named(known: Known) -> str:
    origin = (
        f"row {known.row}"
        if known.row is not None
        else f"stored, revision {known.revision}, {known.state}, {known.source}"
    )
    what = f"{SERIES[known.series].en} of {_period(known)}"
    return f"{what} {_number(known.value)} {_unit(known)} ({origin})"


def _named_zh(known: Known) -> str:
    origin = (
        f"第 {known.row} 行"
        if known.row is not None
        else f"已入库，第 {known.revision} 版，{STATES_ZH[known.state]}，{known.source}"
    )
    what = f"{SERIES[known.series].zh} {_period(known)}"
    return f"{what} {_number(known.value)} {_unit(known)}（{origin}）"


def _period(known: Known) -> str:
    base = known.price_base
    return str(known.period) if base is None else f"{known.period} [{base}]"


def _number(value: Decimal) -> str:
    return f"{value:f}"


def _unit(known: Known) -> str:
    return SERIES[known.series].unit
