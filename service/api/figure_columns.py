"""The columns of a table of official figures, and the words that may stand in its cells."""

import re
from dataclasses import dataclass

from schemas.official import CONSTANT, CURRENT, SERIES, State
from schemas.quantities import CATALOGUE, Group
from service.domain.numerals import plain

NO = ("", "no", "n", "false", "0", "否", "不")
YES = ("yes", "y", "true", "1", "是", "确认")


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its field, its header in both languages, and what else it may be called."""

    field: str
    zh: str
    en: str
    aliases: tuple[str, ...] = ()
    required: bool = False

    @property
    def header(self) -> str:
        """Return what the template prints."""
        return f"{self.zh} / {self.en}"


COLUMNS = (
    Column("county", "县区", "county",
           ("县区代码", "县区名称", "区县", "地区", "行政区划代码", "区划代码", "county_code")),
    Column("enterprise", "统一社会信用代码", "enterprise",
           ("社会信用代码", "信用代码", "企业", "单位代码", "uscc", "enterprise_code")),
    Column("series", "指标", "series", ("指标名称", "指标代码", "indicator"), required=True),
    Column("product", "产品", "product", ("产品名称", "产品代码")),
    Column("period", "时期", "period", ("期间", "报告期", "时间", "所属期"), required=True),
    Column("value", "数值", "value", ("指标值", "数据", "值"), required=True),
    Column("unit", "计量单位", "unit", ("单位",)),
    Column("price_base", "价格基准", "price_base", ("价格", "价格基期", "基期", "price base")),
    Column("state", "数据状态", "state", ("状态", "核实状态"), required=True),
    Column("source", "来源", "source", ("数据来源", "文件来源", "来源文件", "文号"), required=True),
    Column("confirm", "确认", "confirm", ("确认录入",)),
    Column("reason", "确认原因", "reason", ("原因", "理由")),
)  # fmt: skip
# of our own export: what the product itself knows of a figure
IGNORED = ("sector", "revision", "recorded_by", "recorded_at", "contradicts")
BY_FIELD = {column.field: column for column in COLUMNS}


def spelt(text: str) -> str:
    """Return a word as it is compared: half width, lower case, without blanks."""
    return re.sub(r"[\s_]+", "", plain(text)).casefold()


HEADERS = {
    spelt(name): column.field
    for column in COLUMNS
    for name in (column.zh, column.en, *column.aliases)
} | {spelt(name): "" for name in IGNORED}


def field_of(header: str) -> str | None:
    """Return the field that a header names, empty where it is passed over; None for no header."""
    for part in (header, *re.split(r"[/／|\n(（]", header)):
        if (found := HEADERS.get(spelt(part.rstrip(")）")))) is not None:
            return found
    return None


def _names(code: str, zh: str, en: str) -> set[str]:
    """Return all spellings of a name, without what stands in its brackets too."""
    return {spelt(code), spelt(en), spelt(zh), spelt(re.sub(r"（.*?）", "", zh))}


SERIES_BY_NAME = {
    name: item.code for item in SERIES.values() for name in _names(item.code, item.zh, item.en)
}
PRODUCTS_BY_NAME = {
    name: item.code
    for item in CATALOGUE.values()
    if item.group is Group.PRODUCT
    for name in _names(item.code, item.zh, item.en)
}
STATES_BY_NAME = {
    "flash": State.FLASH, "快报": State.FLASH, "快报数": State.FLASH,
    "preliminary": State.PRELIMINARY, "初步核算": State.PRELIMINARY, "初步": State.PRELIMINARY,
    "初步核算数": State.PRELIMINARY,
    "verified": State.VERIFIED, "最终核实": State.VERIFIED, "最终": State.VERIFIED,
    "最终核实数": State.VERIFIED,
}  # fmt: skip
_BASE_YEAR = re.compile(r"(\d{4})(?:年|年价格|年不变价|年价|年可比价|prices)?")
PRICES_BY_NAME = {
    "current": CURRENT, "现价": CURRENT, "当年价": CURRENT, "当年价格": CURRENT,
    "constant": CONSTANT, "不变价": CONSTANT, "不变价格": CONSTANT,
    "comparable": CONSTANT, "可比价": CONSTANT, "可比价格": CONSTANT,
}  # fmt: skip


def price_base_of(text: str) -> str | None:
    """Return the price base that a cell names; None for none of them."""
    name = spelt(text)
    if found := _BASE_YEAR.fullmatch(name):
        return found[1]
    return PRICES_BY_NAME.get(name)
