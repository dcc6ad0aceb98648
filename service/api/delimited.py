"""The lines of a table of delimited text (CSV), in the encodings and separators in use."""

import contextlib
import csv
import io
from collections.abc import Callable, Sequence
from itertools import islice

from service.api.tables import MOST_COLUMNS, Cell, Line, too_many_columns, too_many_rows
from service.problems import Problem

SEPARATORS = ",\t;"
BOMS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
ENCODINGS = ("utf-8", "gb18030")
LOOKED_AT = 20_000  # characters, to find the separator


def read(body: bytes, most_rows: int, is_header: Callable[[Sequence[str]], bool]) -> list[Line]:
    """Return the lines that have text; raises a problem.

    The separator is the one that gives a header among the first lines, a comma where none does.
    """
    text = _decoded(body)
    if "\0" in text:
        raise Problem(
            422, "bad_text", "The file holds NUL characters; save it anew as CSV.",
            "文件含有 NUL 字符，请重新另存为 CSV。",
        )  # fmt: skip
    lines: list[Line] = []
    rows = csv.reader(
        io.StringIO(text, newline=""), delimiter=_separator(text, is_header), strict=True
    )
    number = 0
    try:
        for number, row in enumerate(rows, 1):
            cells = [Cell(value) for value in row]
            while cells and not cells[-1].text.strip():
                cells.pop()
            if not cells:
                continue
            if len(cells) > MOST_COLUMNS:
                raise too_many_columns()
            if len(lines) >= most_rows:
                raise too_many_rows(most_rows)
            lines.append(Line(number, cells))
    except csv.Error as error:
        raise Problem(
            422, "bad_csv",
            f"Row {number + 1} is not CSV ({error}); check its quotation marks.",
            f"第 {number + 1} 行不是有效的 CSV（{error}），请检查引号。",
        ) from error  # fmt: skip
    return lines


def _decoded(body: bytes) -> str:
    marked = [name for mark, name in BOMS.items() if body.startswith(mark)]
    for encoding in marked or ENCODINGS:
        with contextlib.suppress(UnicodeDecodeError):
            return body.decode(encoding)
    raise Problem(
        422, "bad_encoding",
        "The text is neither UTF-8 nor GB18030; save it as CSV UTF-8.",
        "文本既不是 UTF-8 也不是 GB18030，请另存为 CSV UTF-8。",
    )  # fmt: skip


def _separator(text: str, is_header: Callable[[Sequence[str]], bool]) -> str:
    for separator in SEPARATORS:
        head = csv.reader(io.StringIO(text[:LOOKED_AT], newline=""), delimiter=separator)
        with contextlib.suppress(csv.Error):
            if any(is_header(row) for row in islice(head, MOST_COLUMNS)):
                return separator
    return SEPARATORS[0]
