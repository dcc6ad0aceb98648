"""Rows of official figures and targets as they are entered."""

from collections.abc import Collection, Sequence
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from schemas.official import State
from service.domain.windows import parse_months
from service.problems import Problem

CountyCode = Annotated[str, Field(pattern=r"^\d{6}$")]
Period = Annotated[
    str, Field(pattern=r"^\d{4}-\d{2}\.\.\d{4}-\d{2}$", examples=["2026-01..2026-09"])
]
Value = Annotated[Decimal, Field(max_digits=20, decimal_places=6, allow_inf_nan=False)]
Text = Annotated[str, Field(min_length=1, max_length=300, pattern=r"^[^\x00-\x1f]+$")]
Code = Annotated[str, Field(max_length=60, pattern=r"^[^\x00-\x1f]*$")]
MOST_ROWS = 10_000
MOST_REPORTED = 1_000  # errors in one answer


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


class FigureIn(_Model):
    """One official figure of a county, or of an enterprise by its social credit code.

    ``unit`` may be another of the same kind; what is stored is in the series' unit. ``confirm``
    with a ``reason`` lets in what contradicts other figures of the official sources.
    """

    county: CountyCode | None = None
    enterprise: Annotated[str | None, Field(pattern="^[0-9A-Z]{18}$")] = None
    series: Annotated[Code, Field(examples=["intensity_reduction"])]
    product: Annotated[Code | None, Field(examples=["ferrosilicon"])] = None
    period: Period
    value: Value
    unit: Annotated[Code | None, Field(examples=["万吨标准煤"])] = None
    price_base: Annotated[
        str | None,
        Field(
            pattern=r"^(constant|comparable|current|\d{4})$",
            examples=["constant"],
            description="of levels in money: `current`, or the base year of constant prices",
        ),
    ] = None
    state: State
    source: Text
    confirm: bool = False
    reason: Text | None = None


class FiguresIn(_Model):
    """Figures that are entered together: all of them or, with their errors, none."""

    figures: Annotated[list[FigureIn], Field(min_length=1, max_length=MOST_ROWS)]


class TargetIn(_Model):
    """A target of a county for a period."""

    county: CountyCode
    indicator: Annotated[str, Field(pattern="^intensity_reduction$")]
    period: Period
    kind: Annotated[str, Field(pattern="^(basic|incentive)$")] = "basic"
    value: Value
    source: Text
    confirmed: bool = False


class TargetsIn(_Model):
    """Targets that are entered together."""

    targets: Annotated[list[TargetIn], Field(min_length=1, max_length=MOST_ROWS)]


class RowError(BaseModel):
    """What is wrong with one row, in which column, the value seen there, and what to do.

    ``row`` counts from 0 in a document, and as the spreadsheet shows it in a file.
    """

    row: int
    column: str | None = None
    code: str
    detail: str
    detail_zh: str
    value: str | None = None


def target_errors(targets: Sequence[TargetIn], known: Collection[str]) -> list[RowError]:
    """Return what is wrong with targets that are entered together, of counties known here."""
    return [
        error
        for row, target in enumerate(targets)
        for error in (
            unknown_county(row, target.county)
            if target.county not in known
            else None
            if _is_period(target.period)
            else bad_period(row, target.period),
        )
        if error is not None
    ]


def refusal(errors: Sequence[RowError]) -> Problem:
    """Return the problem that lists errors, the first of them where they are very many."""
    rows = len({error.row for error in errors})
    return Problem(
        422,
        "rows_refused",
        f"{rows} row(s) cannot be entered; none was. Correct them and send all again.",
        f"{rows} 行不合规定，全部未录入；请更正后重新提交。",
        rows=[error.model_dump() for error in errors[:MOST_REPORTED]],
    )


def refuse(errors: Sequence[RowError]) -> None:
    """Raise the problem that lists all errors, if there are any."""
    if errors:
        raise refusal(errors)


def row_error(row: int, column: str, code: str, value: object, en: str, zh: str) -> RowError:
    """Return what is wrong with a cell."""
    shown = None if value is None else str(value)
    return RowError(row=row, column=column, code=code, detail=en, detail_zh=zh, value=shown)


def unknown_county(row: int, county: str) -> RowError:
    """Return that a county is not there for the caller."""
    return RowError(
        row=row,
        column="county",
        code="unknown_county",
        detail=f"There is no county {county} that this key may enter figures for.",
        detail_zh=f"没有县区 {county}，或该密钥无权录入。",
        value=county,
    )


def bad_period(row: int, period: str) -> RowError:
    """Return that a text is no period."""
    return RowError(
        row=row,
        column="period",
        code="bad_period",
        detail=f"{period} is not months as 2026-01..2026-09.",
        detail_zh=f"{period} 不是 2026-01..2026-09 形式的起止月份。",
        value=period,
    )


def _is_period(text: str) -> bool:
    try:
        parse_months(text)
    except ValueError:
        return False
    return True
