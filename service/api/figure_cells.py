"""Cells of a table of official figures: what each column's text stands for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from service.api.figure_columns import (
    NO,
    PRODUCTS_BY_NAME,
    SERIES_BY_NAME,
    STATES_BY_NAME,
    YES,
    price_base_of,
    spelt,
)
from service.domain import numerals, period_text

EMPTY = (
    "The cell is empty; fill it in, in each row where cells were merged.",
    "单元格为空，请填写；合并的单元格须拆分后逐行填写。",
)


class Unreadable(Exception):
    """A cell that cannot be read, and what to do."""

    def __init__(self, code: str, en: str, zh: str) -> None:
        super().__init__(en)
        self.code, self.en, self.zh = code, en, zh


@dataclass(slots=True)
class Cells:
    """Reads the cells of one row; ``counties`` are codes by their names and codes, as spelt."""

    counties: Mapping[str, str]
    values: dict[str, Any] = field(default_factory=dict)

    def read(self, name: str, text: str, *, required: bool) -> None:
        """Keep what a cell stands for; raises `Unreadable`."""
        if text:
            _READERS[name](self, text)
        elif required:
            raise Unreadable("empty", *EMPTY)

    def county(self, text: str) -> None:
        code = self.counties.get(spelt(text))
        if code is None:
            raise Unreadable(
                "unknown_county",
                f"There is no county {text} that this key may enter figures for.",
                f"没有县区 {text}，或该密钥无权录入。",
            )
        self.values["county"] = code

    def enterprise(self, text: str) -> None:
        code = numerals.plain(text).upper()
        if len(code) != 18 or not code.isascii() or not code.isalnum():
            raise Unreadable(
                "bad_enterprise",
                f"{text} is no social credit code of 18 digits and letters; a spreadsheet shortens"
                " such codes unless the cell is text.",
                f"{text} 不是 18 位统一社会信用代码；请将单元格设为文本格式。",
            )
        self.values["enterprise"] = code

    def series(self, text: str) -> None:
        code = SERIES_BY_NAME.get(spelt(text))
        if code is None:
            raise Unreadable(
                "unknown_series",
                f"There is no series {text}; the template lists them.",
                f"没有指标 {text}；可用指标见模板。",
            )
        self.values["series"] = code

    def product(self, text: str) -> None:
        code = PRODUCTS_BY_NAME.get(spelt(text))
        if code is None:
            raise Unreadable(
                "unknown_product",
                f"There is no product {text}; the template lists them.",
                f"没有产品 {text}；可用产品见模板。",
            )
        self.values["product"] = code

    def period(self, text: str) -> None:
        months = period_text.read(text)
        if months is None:
            raise Unreadable(
                "bad_period",
                f"{text} is no period; write 2026-01..2026-09, 2026年1-9月, 2026Q3 (from January"
                " on), 2026-09 (that month) or 2026.",
                f"{text} 不是时期；可写 2026-01..2026-09、2026年1-9月、2026Q3（累计）、"
                "2026-09（当月）或 2026。",
            )
        self.values["period"] = str(months)

    def value(self, text: str) -> None:
        match numerals.read(text):
            case numerals.Unreadable.ABSENT:
                raise Unreadable(
                    "no_value",
                    f"{text} says that there is no figure; leave the row out.",
                    f"{text} 表示无数据，请删除该行。",
                )
            case numerals.Unreadable.ROUNDED:
                raise Unreadable(
                    "rounded_by_spreadsheet",
                    f"{text} is shortened by the spreadsheet; widen the column and save again.",
                    f"{text} 已被表格软件缩写，请加宽该列后重新保存。",
                )
            case numerals.Unreadable.OTHER:
                raise Unreadable(
                    "not_a_number",
                    f"{text} is not a number; write it as 1234.5 or 1,234.5.",
                    f"{text} 不是数字，请写作 1234.5 或 1,234.5。",
                )
            case Decimal() as number, is_percent:
                self.values["value"] = number
                if is_percent:
                    self._percent(text)

    def _percent(self, text: str) -> None:
        if self.values.setdefault("unit", "%") != "%":
            raise Unreadable(
                "unknown_unit",
                f"{text} has a percent sign, the unit column another unit; correct one of them.",
                f"{text} 带百分号，与计量单位不符，请更正。",
            )

    def unit(self, text: str) -> None:
        unit = numerals.plain(text)
        if self.values.setdefault("unit", unit) != unit:
            raise Unreadable(
                "unknown_unit",
                f"The value has a percent sign, the unit is {text}; correct one of them.",
                f"数值带百分号，计量单位却为 {text}，请更正。",
            )

    def price_base(self, text: str) -> None:
        base = price_base_of(text)
        if base is None:
            raise Unreadable(
                "no_price_base",
                f"{text} is no price base; write current (现价), constant (不变价), or the base"
                " year of constant prices such as 2020.",
                f"{text} 不是价格基准；请填现价、不变价（可比价），或不变价基期年份如 2020。",
            )
        self.values["price_base"] = base

    def state(self, text: str) -> None:
        state = STATES_BY_NAME.get(spelt(text))
        if state is None:
            raise Unreadable(
                "bad_state",
                f"{text} is no state; write preliminary (初步核算), verified (最终核实) or flash"
                " (快报).",
                f"{text} 不是数据状态；请填初步核算、最终核实或快报。",
            )
        self.values["state"] = state

    def source(self, text: str) -> None:
        self.values["source"] = text

    def confirm(self, text: str) -> None:
        word = spelt(text)
        if word not in (*YES, *NO):
            raise Unreadable(
                "bad_confirm",
                f"{text}: write yes (是) or leave it empty.",
                f"{text}：请填是或留空。",
            )
        self.values["confirm"] = word in YES

    def reason(self, text: str) -> None:
        self.values["reason"] = text


_READERS: dict[str, Callable[[Cells, str], None]] = {
    "county": Cells.county,
    "enterprise": Cells.enterprise,
    "series": Cells.series,
    "product": Cells.product,
    "period": Cells.period,
    "value": Cells.value,
    "unit": Cells.unit,
    "price_base": Cells.price_base,
    "state": Cells.state,
    "source": Cells.source,
    "confirm": Cells.confirm,
    "reason": Cells.reason,
}
