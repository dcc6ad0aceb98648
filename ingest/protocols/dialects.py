"""Documents of gateways in the form that their key or account declares."""

import functools
import json
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from pydantic import ValidationError

from ingest.errors import Reason, Rejected
from ingest.protocols.dialect_items import Items, Sheet
from ingest.protocols.json_items import UNREADABLE, check_values, explain_document
from ingest.protocols.json_lines import Lines
from ingest.protocols.json_reading import EXTRACT_BYTES, MAX_TEXT, Document, Form, check_count
from ingest.protocols.paths import Path, Scopes, prune, walk
from schemas.dialect import Dialect, Paths

# Our own document, for dialects that differ in times and numbers only.
OURS = Paths(
    items=["readings"],
    at="at",
    value="value",
    device="device",
    quantity="quantity",
    statistic="statistic",
    quality="quality",
    id="id",
)
LINES = Lines()
_ANY = msgspec.json.Decoder()


@functools.lru_cache(maxsize=4_096)
def form_of(stored: str | None) -> Form | None:
    """Return the form of a dialect as the database holds it; None where it is our own.

    One that cannot be read refuses every document, so that each is kept until it is mended.
    """
    if stored is None:
        return None
    try:
        dialect = Dialect.model_validate_json(stored)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        return _Unreadable(f"{'.'.join(map(str, first['loc']))}: {first['msg']}")
    return None if dialect == Dialect() else DialectForm(dialect)


def in_lines(form: Form | None) -> Form:
    """Return the form of the same sender where it sends lines."""
    return LINES if form is None else form.by_lines()


class DialectForm:
    """The form of one dialect; in lines, each line is a document, or an item of ours."""

    def __init__(self, dialect: Dialect, *, lines: bool = False) -> None:
        mapping = dialect.mapping or OURS
        self._mapped = dialect.mapping is not None
        self._lines = lines
        self._steps = [Path(step) for step in mapping.items] if self._mapped or not lines else []
        self._id = None if mapping.id is None or lines else Path(mapping.id)
        self._items = Items(dialect, mapping)
        self._by_lines = self if lines else DialectForm(dialect, lines=True)

    def by_lines(self) -> "DialectForm":
        """Return the form of the same dialect in lines."""
        return self._by_lines

    def decode(self, payload: bytes) -> Document:
        """Return the readings of a document; raises `Rejected` when it cannot be read at all."""
        if self._lines:
            return self._decode_lines(payload)
        try:
            document = _parse(payload)
        except Rejected:
            if self._mapped and _is_lines(payload):  # as refused lines are kept
                return self._decode_lines(payload)
            raise
        sheet = Sheet()
        for index, (place, found) in enumerate(walk(document, self._steps)):
            if isinstance(found, Rejected) and not place:
                raise found
            self._read(index, found, sheet)
        return sheet.document(self._name(document), self._enterprise(document))

    def extract(self, payload: bytes, indexes: Sequence[int]) -> Iterator[tuple[bytes, int]]:
        """Yield the document with the items at ``indexes`` only, or all of it.

        All of it, where the way to the items is more than names: sent again its good items are
        duplicates.
        """
        if self._lines and not self._mapped:
            yield from LINES.extract(payload, indexes)
        elif self._lines or (self._mapped and _is_lines(payload)):
            yield from _extract_lines(payload, indexes)
        else:
            places = [place for place, _ in walk(_parse(payload), self._steps)]
            part = prune(payload, self._steps, [places[index] for index in indexes])
            yield payload if part is None else part, len(indexes)

    def _decode_lines(self, payload: bytes) -> Document:
        check_count(payload.count(b"\n"))
        sheet = Sheet()
        for index, line in enumerate(payload.split(b"\n")):
            if not line.strip():
                continue
            try:
                document = _parse(line)
            except Rejected as why:
                sheet.refuse(index, why.bare())
                continue
            for _, found in walk(document, self._steps):
                self._read(index, found, sheet)
        return sheet.document(None, None)

    def _read(self, index: int, found: Scopes | Rejected, sheet: Sheet) -> None:
        if isinstance(found, Rejected):
            sheet.refuse(index, found)
        else:
            self._items.read(index, found, sheet)

    def _name(self, document: Any) -> str | None:
        found = None if self._id is None else self._id.find((document,))
        name = str(found) if isinstance(found, int | str) else None
        if name is not None and len(name) > MAX_TEXT:
            raise Rejected(Reason.BAD_FIELD, f"id longer than {MAX_TEXT}")
        return name

    def _enterprise(self, document: Any) -> str | None:
        found = None if self._mapped else document.get("enterprise")
        if found is not None and not isinstance(found, str):
            raise Rejected(Reason.BAD_FIELD, "enterprise")
        return found


class _Unreadable:
    """The form of a dialect that this release cannot read."""

    def __init__(self, why: str) -> None:
        self._why = why

    def by_lines(self) -> "_Unreadable":
        return self

    def decode(self, payload: bytes) -> Document:
        raise Rejected(Reason.BAD_DIALECT, f"{self._why}; {len(payload):,} B")

    def extract(self, payload: bytes, indexes: Sequence[int]) -> Iterator[tuple[bytes, int]]:
        yield payload, len(indexes)


def _parse(payload: bytes) -> Any:
    """Return a JSON value; NaN, which some gateways print, as a text that an item can be told."""
    check_values(payload)
    try:
        return _ANY.decode(payload)
    except UNREADABLE as error:
        try:
            return json.loads(payload.decode(), parse_constant=str)
        except (ValueError, RecursionError):
            raise explain_document(payload, error) from error


def _is_lines(payload: bytes) -> bool:
    """Tell whether the first line is a document of its own and not the last."""
    first, _, rest = payload.lstrip().partition(b"\n")
    try:
        _parse(first)
    except Rejected:
        return False
    return bool(rest.strip())


def _extract_lines(payload: bytes, indexes: Sequence[int]) -> Iterator[tuple[bytes, int]]:
    lines = payload.split(b"\n")
    part: list[bytes] = []
    size = 0
    for index in dict.fromkeys(indexes):
        part.append(lines[index])
        size += len(lines[index])
        if size >= EXTRACT_BYTES:
            yield b"\n".join(part), len(part)
            part, size = [], 0
    if part:
        yield b"\n".join(part), len(part)
