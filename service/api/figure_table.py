"""A table of official figures read into rows, with everything that cannot be read."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from service.api.figure_cells import Cells, Unreadable
from service.api.figure_columns import BY_FIELD, COLUMNS, field_of
from service.api.official_rows import FigureIn, RowError
from service.api.tables import Cell, Line, Trouble
from service.problems import Problem

NEEDED = {column.field for column in COLUMNS if column.required}
LOOKED_AT = 10  # lines in which the header is looked for, below a title
LONGEST = 300  # characters of a cell
SHOWN = 60  # characters of a value in the report
_TROUBLES = {
    Trouble.ERROR: Unreadable(
        Trouble.ERROR.value,
        "The cell holds an error of the spreadsheet; mend it or type the value.",
        "单元格为错误值，请修正或直接填写数值。",
    ),
    Trouble.NO_RESULT: Unreadable(
        Trouble.NO_RESULT.value,
        "The cell holds a formula without its result; open and save the file in a spreadsheet, or"
        " type the value.",
        "单元格为公式且没有计算结果，请用表格软件打开并保存，或直接填写数值。",
    ),
}


@dataclass(slots=True)
class FigureTable:
    """What was read: rows by their number in the file, what was not, and headers by field."""

    headers: dict[str, str]
    figures: list[tuple[int, FigureIn]] = field(default_factory=list)
    errors: list[RowError] = field(default_factory=list)

    def named(self, error: RowError) -> RowError:
        """Return an error with the header of its column as it stands in the file."""
        column = error.column
        if column is None:
            return error
        known = BY_FIELD.get(column)
        header = column if known is None else known.header
        return error.model_copy(update={"column": self.headers.get(column, header)})


def read(lines: Sequence[Line], counties: Mapping[str, str]) -> FigureTable:
    """Return the figures of a table; counties are codes by their names and codes, as spelt.

    Raises a problem where no header can be found.
    """
    place, columns = _header(lines)
    cells = lines[place].cells
    table = FigureTable({name: cells[at].text.strip() for at, name in columns.items() if name})
    for line in lines[place + 1 :]:
        errors, figure = _figure(line, columns, counties)
        table.errors += map(table.named, errors)
        if figure is not None:
            table.figures.append((line.number, figure))
    if not table.figures and not table.errors:
        raise Problem(
            422, "no_rows", "The table has a header and no rows below it.", "表头下没有数据行。"
        )
    return table


def is_header(cells: Sequence[str]) -> bool:
    """Tell whether a line has the headers of all columns that are needed."""
    return _suffices({name for name in map(field_of, cells) if name})


def _suffices(named: Set[str]) -> bool:
    return named >= NEEDED and bool({"county", "enterprise"} & named)


def _header(lines: Sequence[Line]) -> tuple[int, dict[int, str]]:
    """Return which line is the header, and the field of each column; empty: passed over."""
    nearest: set[str] = set()
    for place, line in enumerate(lines[:LOOKED_AT]):
        found = {at: field_of(cell.text) for at, cell in enumerate(line.cells) if cell.text.strip()}
        named = {name for name in found.values() if name}
        nearest = max(nearest, named, key=len)
        if _suffices(named):
            _refuse_header(line, found)
            return place, {at: name for at, name in found.items() if name is not None}
    missing = [BY_FIELD[name].header for name in BY_FIELD if name in NEEDED - nearest]
    if not {"county", "enterprise"} & nearest:
        missing.insert(0, BY_FIELD["county"].header)
    raise Problem(
        422, "no_header",
        f"No header with these columns was found: {', '.join(missing)}; take them from"
        " GET /api/v1/statistics/template.",
        f"未找到含以下列的表头：{'、'.join(missing)}；请使用模板。",
        missing=missing,
    )  # fmt: skip


def _refuse_header(line: Line, found: Mapping[int, str | None]) -> None:
    named = [name for name in found.values() if name]
    unknown = [line.cells[at].text[:SHOWN] for at, name in found.items() if name is None]
    twice = [BY_FIELD[name].header for name in BY_FIELD if named.count(name) > 1]
    if not unknown and not twice:
        return
    known = ", ".join(column.header for column in COLUMNS)
    raise Problem(
        422, "bad_header",
        f"Row {line.number}: columns unknown: {', '.join(unknown) or 'none'}; twice:"
        f" {', '.join(twice) or 'none'}. Known are {known}.",
        f"第 {line.number} 行表头：未知列：{'、'.join(unknown) or '无'}；"
        f"重复列：{'、'.join(twice) or '无'}。可用列：{known}。",
    )  # fmt: skip


def _figure(
    line: Line, columns: Mapping[int, str], counties: Mapping[str, str]
) -> tuple[list[RowError], FigureIn | None]:
    errors = [
        _error(line, None, cell.text, _NO_HEADER)
        for at, cell in enumerate(line.cells)
        if at not in columns and (cell.text.strip() or cell.trouble)
    ]
    by_field = {name: _cell(line, at) for at, name in columns.items() if name}
    filled = [cell for cell in by_field.values() if cell.text.strip() or cell.trouble]
    if len(filled) == 1 and not errors:
        return [_error(line, None, filled[0].text, _NOTE)], None
    cells = Cells(counties)
    for name, cell in by_field.items():
        try:
            if cell.trouble is not None:
                raise _TROUBLES[cell.trouble]
            if len(text := cell.text.strip()) > LONGEST:
                raise _TOO_LONG
            cells.read(name, text, required=BY_FIELD[name].required)
        except Unreadable as unreadable:
            errors.append(_error(line, name, cell.text, unreadable))
    if errors:
        return errors, None
    try:
        return [], FigureIn.model_validate(cells.values)
    except ValidationError as error:
        return [_invalid(line, cells.values, item) for item in error.errors()], None


def _cell(line: Line, at: int) -> Cell:
    return line.cells[at] if at < len(line.cells) else Cell("")


def _error(line: Line, column: str | None, text: str, why: Unreadable) -> RowError:
    return RowError(
        row=line.number, column=column, code=why.code, detail=why.en, detail_zh=why.zh,
        value=text[:SHOWN] or None,
    )  # fmt: skip


def _invalid(line: Line, values: Mapping[str, Any], item: Any) -> RowError:
    """Return what the shape of a figure refuses: too many digits or characters, no county."""
    name = str(item["loc"][0]) if item["loc"] else None
    why = Unreadable("invalid", f"{item['msg']}; correct it.", f"不合规定：{item['msg']}。")
    return _error(line, name, str(values.get(name or "", "")), why)


_NO_HEADER = Unreadable(
    "no_header_above",
    "A cell stands in a column without a header; clear it.",
    "该单元格所在列没有表头，请清除。",
)
_NOTE = Unreadable(
    "not_a_figure",
    "One cell only is filled: a note or a title is no figure; delete the row.",
    "该行只有一个单元格有内容；备注或标题不是数据，请删除该行。",
)
_TOO_LONG = Unreadable(
    "too_long",
    f"The cell holds more than {LONGEST} characters; shorten it.",
    f"单元格超过 {LONGEST} 个字符，请缩短。",
)
