"""Rows of official figures that are entered together, judged against each other and the stored."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from schemas.official import State
from service.api.contradiction_words import row_error
from service.api.official_checks import Row
from service.api.official_rows import RowError
from service.domain.consistency import findings, goes_back
from service.domain.contradictions import Finding, Known
from service.domain.period_text import read
from service.domain.windows import Months
from service.store.official_entries import Place, Stored

Subject = tuple[str, int | None, str | None]  # county, enterprise, product


@dataclass(slots=True)
class Table:
    """Rows by their place, and what is stored there."""

    rows: dict[Place, Row]
    stored: Mapping[Place, Stored]
    new: dict[Place, Row] = field(init=False)  # what differs from what is stored

    def __post_init__(self) -> None:
        self.new = {
            place: row
            for place, row in self.rows.items()
            if (old := self.stored.get(place)) is None
            or (row.value, row.state, row.source) != (old.value, old.state, old.source)
        }


def judged(
    table: Table,
) -> tuple[list[RowError], list[RowError], dict[int, list[RowError]]]:
    """Return what is refused, what is told, and by row what was confirmed."""
    rows = {row.row: row for row in table.new.values()}
    refused, told = [], []
    confirmed: dict[int, list[RowError]] = defaultdict(list)
    for finding in _findings(table):
        involved = [known.row for known in finding.figures if known.row is not None]
        if not involved:
            continue
        with_reason = [row for row in involved if rows[row].confirm]
        if not finding.refuses:
            told.append(row_error(finding, involved[0]))
        elif with_reason:
            for row in with_reason:
                confirmed[row].append(row_error(finding, row))
        else:
            refused.append(row_error(finding, involved[0]))
    return refused, sorted(told, key=lambda error: (error.row, error.code)), confirmed


def _findings(table: Table) -> Iterable[Finding]:
    books: dict[Subject, dict[tuple[str, Months, str | None], Known]] = defaultdict(dict)
    for place, old in table.stored.items():
        if (months := read(place.period)) is not None:
            books[_subject(place)][place.series, months, place.price_base] = Known(
                place.series, months, place.price_base, old.value, State(old.state), old.source,
                old.revision,
            )  # fmt: skip
    for place, row in table.new.items():
        book = books[_subject(place)]
        key = (place.series, row.period, place.price_base)
        new = Known(*key, row.value, row.state, row.source, row=row.row)
        if (stored := book.get(key)) is not None and (back := goes_back(new, stored)) is not None:
            yield back
        book[key] = new
    for subject in {_subject(place) for place in table.new}:
        yield from findings(books[subject])


def _subject(place: Place) -> Subject:
    return place.county_code, place.enterprise_id, place.product
