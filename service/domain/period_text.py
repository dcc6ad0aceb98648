"""Periods of official figures as people write them."""

import re
from datetime import date

from service.domain.numerals import plain
from service.domain.windows import Months, parse_months

YEARS = range(1990, 2100)
_TO = "(?:-|~|–|—|至|到)"
_WORDS = {"": 12, "全年": 12, "1季度": 3, "一季度": 3, "上半年": 6, "前三季度": 9, "前3季度": 9}
_QUARTER = re.compile(r"(\d{4})-?Q([1-4])", re.IGNORECASE)
_MONTH = re.compile(r"(\d{4})[-/](\d{1,2})")
_FIRST_DAY = re.compile(
    r"(\d{4})[-/](\d{1,2})[-/]0?1(?:[ T]00:00(?::00)?)?"
)  # a spreadsheet's month
_CHINESE = re.compile(rf"(\d{{4}})年?(\d{{1,2}})(?:月?{_TO}(\d{{1,2}}))?月份?")
_WORDED = re.compile(r"(\d{4})年?(\D*|[13]季度|前3季度)")


def read(text: str) -> Months | None:
    """Return the months of a text; None for anything else, and outside 1990 to 2099.

    2026Q3 and 前三季度 are cumulated from January, as figures of quarters are published; 2026-09 is
    that month alone and 2026 the whole year.
    """
    text = plain(text).replace(" ", "")
    try:
        months = _read(text)
    except ValueError:  # there is no such month
        return None
    if months is None or months.first.year not in YEARS or months.last.year not in YEARS:
        return None
    return months


def _read(text: str) -> Months | None:
    if ".." in text:
        return parse_months(text) if len(text) == len("2026-01..2026-09") else None
    if found := _QUARTER.fullmatch(text):
        return _of_year(int(found[1]), 1, 3 * int(found[2]))
    if found := _MONTH.fullmatch(text) or _FIRST_DAY.fullmatch(text):
        return _of_year(int(found[1]), int(found[2]), int(found[2]))
    if (found := _CHINESE.fullmatch(text)) and "年" in text:
        return _of_year(int(found[1]), int(found[2]), int(found[3] or found[2]))
    if (found := _WORDED.fullmatch(text)) and found[2] in _WORDS:
        return _of_year(int(found[1]), 1, _WORDS[found[2]])
    return None


def _of_year(year: int, first: int, last: int) -> Months | None:
    months = Months(date(year, first, 1), date(year, last, 1))
    return months if months.first <= months.last else None
