"""Lines of a table as they stand in a file, whatever its format."""

from dataclasses import dataclass
from enum import StrEnum

from service.problems import Problem

MOST_COLUMNS = 100


class Trouble(StrEnum):
    """What is wrong with a cell before anything is read from it."""

    ERROR = "cell_error"  # #DIV/0! and its like
    NO_RESULT = "formula_without_result"


@dataclass(frozen=True, slots=True)
class Cell:
    """What a cell shows."""

    text: str
    trouble: Trouble | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One line with its number as the spreadsheet shows it; blank cells are empty texts."""

    number: int
    cells: list[Cell]


def too_many_rows(most: int) -> Problem:
    """Return the answer to a table that is too long."""
    return Problem(
        422,
        "too_many_rows",
        f"The table has more than {most} rows; send it in parts.",
        f"表格超过 {most} 行，请分批提交。",
    )


def too_many_columns() -> Problem:
    """Return the answer to a table that is too wide."""
    return Problem(
        422,
        "too_many_columns",
        f"The table has more than {MOST_COLUMNS} columns; keep those of the template.",
        f"表格超过 {MOST_COLUMNS} 列，请只保留模板中的列。",
    )
