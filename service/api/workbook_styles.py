"""Which cells of a workbook hold dates, and which percentages, by their number formats."""

import re
from collections.abc import Mapping
from enum import StrEnum

from service.api.workbook_parts import Parts

# ECMA-376 part 1, 18.8.30: formats without a code in the file, those of Chinese editions too
DATES = {*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)}
PERCENTAGES = {9, 10}
_LITERAL = re.compile(r'"[^"]*"|\\.|_.|\*.|\[[^\]]*\]')
MOST_STYLES = 65_500


class Style(StrEnum):
    """What a number in a cell stands for."""

    PLAIN = "plain"
    DATE = "date"
    PERCENT = "percent"


def styles(parts: Parts, name: str) -> list[Style]:
    """Return the styles of cells, in the order that cells name them by."""
    codes: dict[str, str] = {}
    chosen: list[str] = []
    within = False

    def start(tag: str, of: Mapping[str, str]) -> None:
        nonlocal within
        if tag == "numFmt":
            codes[of.get("numFmtId", "")] = of.get("formatCode", "")[:1_000]
        elif tag == "cellXfs":
            within = True
        elif tag == "xf" and within and len(chosen) < MOST_STYLES:
            chosen.append(of.get("numFmtId", "0"))

    def end(tag: str) -> None:
        nonlocal within
        if tag == "cellXfs":
            within = False

    parts.parse(name, start, end)
    return [style_of(number, codes.get(number)) for number in chosen]


def style_of(number: str, code: str | None) -> Style:
    """Return what a number format shows, by its number, or its code where the file has one."""
    if code is None:
        place = int(number) if number.isascii() and number.isdecimal() and len(number) < 9 else 0
        if place in DATES:
            return Style.DATE
        return Style.PERCENT if place in PERCENTAGES else Style.PLAIN
    code = _LITERAL.sub("", code).casefold()
    if "%" in code:
        return Style.PERCENT
    is_date = code != "general" and any(letter in code for letter in "ymdhs年月日")
    return Style.DATE if is_date else Style.PLAIN
