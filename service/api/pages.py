"""Lists: pages by keyset, stretches of time, and the formats in which a list can be had."""

import base64
import csv
import io
import json
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Generic, TypeVar

import xlsxwriter
from fastapi import Depends, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel

from service.problems import Problem, bad_parameter

Item = TypeVar("Item")
MAX_LIMIT = 10_000
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class Page(BaseModel, Generic[Item]):
    """One page of a list; ``next`` is the cursor of the following one, null at the end."""

    items: list[Item]
    next: str | None = None


class Format(StrEnum):
    """How a list is written."""

    JSON = "json"
    CSV = "csv"
    XLSX = "xlsx"


class Paging:
    """How much of a list is wanted, and from where on."""

    def __init__(
        self,
        limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 1_000,
        cursor: Annotated[str | None, Query(max_length=500)] = None,
    ) -> None:
        self.limit = limit
        self._cursor = cursor

    def start(self) -> list[Any] | None:
        """Return the key after which the page begins; None at the beginning."""
        if self._cursor is None:
            return None
        try:
            key = json.loads(base64.urlsafe_b64decode(self._cursor.encode()))
        except (ValueError, RecursionError):
            key = None
        if not isinstance(key, list):
            raise _bad_cursor()
        return key

    def after(self, *kinds: Callable[[Any], Any]) -> list[Any] | None:
        """Return the key as `start` does, each part read by its kind."""
        key = self.start()
        if key is None:
            return None
        try:
            return [kind(part) for kind, part in zip(kinds, key, strict=True)]
        except (TypeError, ValueError, OverflowError) as error:
            raise _bad_cursor() from error


def _bad_cursor() -> Problem:
    return bad_parameter(
        "cursor",
        "not a cursor; leave it out or send `next` of the page before",
        "不是有效游标，请去掉或使用上一页的 next",
    )


def number(part: Any) -> int:
    """Return a part of a key that is a number of the database."""
    if isinstance(part, int) and not isinstance(part, bool) and 0 <= part < 2**63:
        return part
    raise ValueError(part)


def instant(part: Any) -> datetime:
    """Return a part of a key that is an instant."""
    return datetime.fromisoformat(part).astimezone(UTC)


def text(part: Any) -> str:
    """Return a part of a key that is a text of the database."""
    if isinstance(part, str) and "\0" not in part:
        return part
    raise ValueError(part)


PagingDep = Annotated[Paging, Depends()]


def cursor(key: Sequence[Any]) -> str:
    """Return the cursor of a key."""
    text = json.dumps(key, default=lambda value: value.isoformat())
    return base64.urlsafe_b64encode(text.encode()).decode()


def paged(
    found: Sequence[Any], limit: int, key: Callable[[Any], Sequence[Any]]
) -> tuple[list[Any], str | None]:
    """Return the rows of a page and its next cursor, of ``limit`` + 1 rows that were asked for."""
    items = list(found[:limit])
    return items, cursor(key(items[-1])) if len(found) > limit else None


class Stretch:
    """A stretch of time [from, to); the last day where nothing is said."""

    def __init__(
        self,
        start: Annotated[
            datetime | None, Query(alias="from", description="RFC 3339 with an offset")
        ] = None,
        stop: Annotated[datetime | None, Query(alias="to")] = None,
    ) -> None:
        self.stop = aware("to", stop) or datetime.now(UTC) + timedelta(minutes=10)
        self.start = aware("from", start) or self.stop - timedelta(days=1)
        if self.start >= self.stop:
            raise bad_parameter("from", "not before `to`", "必须早于 to")


StretchDep = Annotated[Stretch, Depends()]


def aware(name: str, at: datetime | None) -> datetime | None:
    """Return the instant of a parameter; raises a problem where it has no offset."""
    if at is not None and at.tzinfo is None:
        raise bad_parameter(name, "has no offset; append +08:00", "无时区，请加 +08:00")
    return at


def wanted_format(
    request: Request, format_: Annotated[Format | None, Query(alias="format")] = None
) -> Format:
    """Return the format that a request asks for, by parameter or by `Accept`."""
    accepted = request.headers.get("accept", "")
    if format_ is None and "text/csv" in accepted:
        return Format.CSV
    if format_ is None and XLSX in accepted:
        return Format.XLSX
    return format_ or Format.JSON


FormatDep = Annotated[Format, Depends(wanted_format)]


def respond(page: Page[Any], format_: Format, name: str) -> Response:
    """Return a page in a format; a table has the columns of its items."""
    items = [item.model_dump(mode="json") for item in page.items]
    headers = {} if page.next is None else {"X-Next-Cursor": page.next}
    match format_:
        case Format.JSON:
            return JSONResponse({"items": items, "next": page.next})
        case Format.CSV:
            media, body = "text/csv; charset=utf-8", _csv(items)
        case Format.XLSX:
            media, body = XLSX, _xlsx(items)
    headers["Content-Disposition"] = f'attachment; filename="{name}.{format_}"'
    return Response(body, media_type=media, headers=headers)


def _csv(items: Sequence[dict[str, Any]]) -> bytes:
    out = io.StringIO()
    if items:
        writer = csv.DictWriter(out, fieldnames=list(items[0]))
        writer.writeheader()
        writer.writerows({key: _cell(value) for key, value in item.items()} for item in items)
    return b"\xef\xbb\xbf" + out.getvalue().encode()  # a mark that spreadsheets look for


def _xlsx(items: Sequence[dict[str, Any]]) -> bytes:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False}) as book:
        sheet = book.add_worksheet()
        for row, item in enumerate(items, 1):
            for column, (key, value) in enumerate(item.items()):
                sheet.write(0, column, key)
                sheet.write(row, column, _cell(value))
    return out.getvalue()


def _cell(value: Any) -> Any:
    """Return a value for a table; a text that would be a formula is kept a text."""
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    if (
        isinstance(value, str)
        and value[:1] in ("=", "+", "-", "@")
        and not _NUMBER.fullmatch(value)
    ):
        return f"'{value}"
    return value
