"""Numbers and units as people write them in tables: full width, separators, percent signs."""

import re
import unicodedata
from decimal import Decimal
from enum import StrEnum

from schemas.official_units import UNITS

LONGEST = 40  # characters of a number
_NUMBER = re.compile(r"[+-]?(?:[0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)(?:\.[0-9]+)?(%?)")
_ROUNDED = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?E[+-]?[0-9]+", re.IGNORECASE)
_NOTHING = {"-", "--", "..", "...", "n/a", "na", "nan", "inf", "-inf", "无", "null", "/"}
_MINUS = str.maketrans({"−": "-", "–": "-", "—": "-", "﹣": "-"})


class Unreadable(StrEnum):
    """Why a text is no number."""

    ABSENT = "absent"  # a sign that there is no figure
    ROUNDED = "rounded"  # in scientific notation, as spreadsheets show what does not fit
    OTHER = "other"


def plain(text: str) -> str:
    """Return a text in compatibility form (full width to half width), without outer blanks."""
    return unicodedata.normalize("NFKC", text).strip()


def read(text: str) -> tuple[Decimal, bool] | Unreadable:
    """Return the number that a text stands for and whether a percent sign follows it."""
    text = plain(text).translate(_MINUS).replace(" %", "%")
    if text.casefold() in _NOTHING:
        return Unreadable.ABSENT
    if len(text) <= LONGEST and (found := _NUMBER.fullmatch(text)) is not None:
        return Decimal(text.rstrip("%").replace(",", "")), bool(found[1])
    return Unreadable.ROUNDED if _ROUNDED.fullmatch(text) else Unreadable.OTHER


def factor(given: str, stored: str) -> Decimal | None:
    """Return how many stored units a unit as written is; None where it is none of their kind."""
    spelt = re.sub(r"\s+", "", plain(given)).casefold()
    return UNITS.get(stored, {}).get(spelt)
