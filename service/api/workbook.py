"""The rows of a workbook's first sheet, as text: what a reader of the sheet sees.

Of a formula its stored result is taken. Dates are ISO days, percentages are texts with their sign.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Context, Decimal

from service.api.tables import MOST_COLUMNS, Cell, Line, Trouble, too_many_columns, too_many_rows
from service.api.workbook_parts import Parts, refused
from service.api.workbook_styles import Style, styles

LONGEST_TEXT = 1_000  # characters of a cell; what is longer is cut and refused by its column
MOST_STRINGS = 500_000
MOST_CHARACTERS = 16 << 20  # of all strings together
LAST_DAY = 2_900_000  # of the days that spreadsheets count, in the 99th century
SHOWN = Context(prec=15)  # digits that spreadsheets show; the 16th is noise of binary fractions
_REFERENCE = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")


def read(body: bytes, most_rows: int) -> list[Line]:
    """Return the lines of the first sheet that shows and have text; raises a problem."""
    parts = Parts(body)
    book = next((name for kind, name in parts.related("").values() if kind == "officeDocument"), "")
    related = parts.related(book)
    sheet = _Book(parts, book)
    name = next((related[i][1] for i in sheet.shown if i in related), "")
    by_kind = dict(related.values())
    strings = _strings(parts, by_kind["sharedStrings"]) if "sharedStrings" in by_kind else []
    known = styles(parts, by_kind["styles"]) if "styles" in by_kind else []
    reader = _Sheet(strings, known, sheet.epoch, most_rows)
    parts.parse(name, reader.start, reader.end, reader.text)
    return reader.lines


class _Book:
    """Which sheets show, in order, and the day that dates are counted from."""

    def __init__(self, parts: Parts, name: str) -> None:
        self.shown: list[str] = []
        self.epoch = date(1899, 12, 30)
        parts.parse(name, self._start)

    def _start(self, tag: str, of: Mapping[str, str]) -> None:
        if tag == "workbookPr" and of.get("date1904") in ("1", "true"):
            self.epoch = date(1904, 1, 1)
        if tag == "sheet" and of.get("state", "visible") == "visible":
            ids = (value for key, value in of.items() if key.rpartition(" ")[2] == "id")
            self.shown.append(next(ids, ""))


def _strings(parts: Parts, name: str) -> list[str]:
    """Return the shared strings; readings of characters (拼音) are no part of them."""
    found: list[str] = []
    piece: list[str] = []
    inside = {"t": 0, "rPh": 0}
    kept = 0

    def start(tag: str, _: Mapping[str, str]) -> None:
        if tag in inside:
            inside[tag] += 1

    def text(part: str) -> None:
        if inside["t"] and not inside["rPh"]:
            piece.append(part)

    def end(tag: str) -> None:
        nonlocal kept
        if tag in inside:
            inside[tag] -= 1
        if tag == "si":
            found.append("".join(piece)[: LONGEST_TEXT + 1])
            piece.clear()
            kept += len(found[-1])
            if len(found) > MOST_STRINGS or kept > MOST_CHARACTERS:
                raise refused("too_large", "The workbook holds too much text.", "工作簿文本过多。")

    parts.parse(name, start, end, text)
    return found


@dataclass(slots=True)
class _Sheet:
    """Collects the lines of a sheet as its elements go by."""

    strings: list[str]
    styles: list[Style]
    epoch: date
    most_rows: int
    lines: list[Line] = field(default_factory=list)
    row: int = 0
    column: int = 0
    cells: dict[int, Cell] = field(default_factory=dict)
    kind: str = "n"
    style: Style = Style.PLAIN
    formula: bool = False
    collects: bool = False
    skips: bool = False
    pieces: list[str] = field(default_factory=list)
    length: int = 0

    def start(self, tag: str, of: Mapping[str, str]) -> None:
        match tag:
            case "row":
                self.row = _number(of.get("r"), self.row + 1)
                self.column, self.cells = 0, {}
            case "c":
                found = _REFERENCE.fullmatch(of.get("r", ""))
                self.column = _letters(found[1]) if found else self.column + 1
                self.kind, self.formula = of.get("t", "n"), False
                self.style = self._style(of.get("s"))
                self.pieces, self.length = [], 0
            case "f":
                self.formula = True
            case "v" | "t":
                self.collects = True
            case "rPh":
                self.skips = True

    def text(self, part: str) -> None:
        if self.collects and not self.skips and self.length <= LONGEST_TEXT:
            self.pieces.append(part)
            self.length += len(part)

    def end(self, tag: str) -> None:
        match tag:
            case "v" | "t":
                self.collects = False
            case "rPh":
                self.skips = False
            case "c":
                self._keep()
            case "row" if self.cells:
                if len(self.lines) >= self.most_rows:
                    raise too_many_rows(self.most_rows)
                width = max(self.cells)
                cells = [self.cells.get(place, Cell("")) for place in range(1, width + 1)]
                self.lines.append(Line(self.row, cells))
                self.cells = {}

    def _keep(self) -> None:
        raw = "".join(self.pieces)[: LONGEST_TEXT + 1]
        cell = self._cell(raw)
        if not cell.text.strip() and cell.trouble is None:
            return
        if self.column > MOST_COLUMNS:
            raise too_many_columns()
        self.cells[self.column] = cell

    def _style(self, index: str | None) -> Style:
        place = _number(index, -1)
        return self.styles[place] if 0 <= place < len(self.styles) else Style.PLAIN

    def _cell(self, raw: str) -> Cell:
        if self.formula and not raw:
            return Cell("", Trouble.NO_RESULT)
        match self.kind:
            case "s" if raw.strip():
                place = _number(raw.strip(), -1)
                known = 0 <= place < len(self.strings)
                return Cell(self.strings[place]) if known else Cell(raw, Trouble.ERROR)
            case "e":
                return Cell(raw, Trouble.ERROR)
            case "b":
                return Cell("TRUE" if raw.strip() == "1" else "FALSE")
            case "n":
                return self._numeric(raw.strip())
            case _:
                return Cell(raw)

    def _numeric(self, raw: str) -> Cell:
        if not raw:
            return Cell("")
        try:
            value = float(raw)
        except ValueError:
            return Cell(raw, Trouble.ERROR)
        if not math.isfinite(value):
            return Cell(raw, Trouble.ERROR)
        if self.style is Style.DATE and 0 <= value <= LAST_DAY:
            return Cell(str(self.epoch + timedelta(days=int(value))))
        exact = SHOWN.create_decimal(repr(value))
        if self.style is Style.PERCENT:
            return Cell(f"{_plain(exact * 100)}%")
        return Cell(_plain(exact))


def _plain(value: Decimal) -> str:
    """Return a number without an exponent and without zeros that a float's text ends in."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _number(text: str | None, otherwise: int) -> int:
    return (
        int(text) if text and text.isascii() and text.isdecimal() and len(text) < 9 else otherwise
    )


def _letters(name: str) -> int:
    place = 0
    for letter in name:
        place = 26 * place + ord(letter) - 64
    return place
