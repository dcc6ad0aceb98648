"""Items of a gateway's document: what, when and how much each says, by the key's dialect."""

from dataclasses import dataclass, field
from typing import Any

from ingest.errors import Reason, Rejected
from ingest.protocols.dialect_values import Values, make_instant_reader, shown
from ingest.protocols.json_reading import Document, RejectedItem, check_count
from ingest.protocols.paths import Found, Path, Scopes
from schemas.dialect import Dialect, Paths, Point
from schemas.reading import QUALITY_NUMBERS, Quality, Readings, Source

NO_POINT = Point()


@dataclass(slots=True)
class Sheet:
    """What was read of a document so far."""

    readings: Readings = field(default_factory=lambda: Readings([], [], [], []))
    indexes: list[int] = field(default_factory=list)
    rejected: list[RejectedItem] = field(default_factory=list)
    missing: int = 0
    instants: dict[str, int] = field(default_factory=dict)  # by text: a document repeats few
    found: Found = field(default_factory=dict)

    def add(self, index: int, source: Source, at: int, value: float | None, quality: int) -> None:
        """Note a reading, or that its value is declared to be none."""
        if value is None:
            self.missing += 1
            return
        self.indexes.append(index)
        self.readings.sources.append(source)
        self.readings.instants.append(at)
        self.readings.values.append(value)
        self.readings.qualities.append(quality)

    def refuse(self, index: int, why: Rejected) -> None:
        """Note an item that cannot be read."""
        self.rejected.append(RejectedItem(index, why))

    def document(self, name: str | None, enterprise: str | None) -> Document:
        """Return the document as it was read."""
        return Document(self.readings, self.indexes, name, enterprise, self.rejected, self.missing)


class Items:
    """Reads the items of one dialect."""

    def __init__(self, dialect: Dialect, mapping: Paths) -> None:
        self._read_instant = make_instant_reader(dialect)
        self._values = Values(dialect)
        self._mapping = mapping
        self._at = Path(mapping.at)
        self._value = _path(mapping.value)
        self._wide = _path(mapping.values)
        self._point = _path(mapping.point)
        self._device = _path(mapping.device)
        self._quantity = _path(mapping.quantity)
        self._statistic = _path(mapping.statistic)
        self._quality = _path(mapping.quality)

    def read(self, index: int, scopes: Scopes, sheet: Sheet) -> None:
        """Note what an item says; raises `Rejected` where the document becomes too long."""
        try:
            at = self._instant(scopes, sheet)
            quality = self._find_quality(scopes, sheet.found)
            if self._wide is not None:
                self._read_wide(index, scopes, at, quality, sheet)
            else:
                sent = self._value.find(scopes, sheet.found) if self._value else None
                value = self._values.read(sent)
                point = self._find_point(scopes, sheet.found)
                source = self._source(scopes, point, sheet.found)
                sheet.add(index, source, at, value, quality)
        except Rejected as why:
            sheet.refuse(index, why.bare())
        check_count(len(sheet.indexes) + len(sheet.rejected))

    def _read_wide(self, index: int, scopes: Scopes, at: int, quality: int, sheet: Sheet) -> None:
        sent = self._wide.find(scopes, sheet.found) if self._wide else None
        found, points = sent if isinstance(sent, dict) else {}, self._mapping.points
        codes = [code for code in found if code in points]
        if not codes:
            raise Rejected(Reason.BAD_FIELD, f"no point at `{self._mapping.values}`")
        for code in codes:
            try:
                value = self._values.read(found[code])
                source = self._source(scopes, points[code], sheet.found)
                sheet.add(index, source, at, value, quality)
            except Rejected as why:
                sheet.refuse(index, Rejected(why.reason, f"{code}: {why.fact}"))

    def _instant(self, scopes: Scopes, sheet: Sheet) -> int:
        sent = self._at.find(scopes, sheet.found)
        if sent is None:
            raise Rejected(Reason.BAD_FIELD, f"no time at `{self._at.text}`")
        if not isinstance(sent, str):
            return self._read_instant(sent)
        if (known := sheet.instants.get(sent)) is None:
            known = sheet.instants[sent] = self._read_instant(sent)
        return known

    def _find_quality(self, scopes: Scopes, known: Found) -> int:
        sent = _text(self._quality, scopes, known, "quality")
        if sent is None:
            return QUALITY_NUMBERS[Quality.GOOD]
        try:
            return QUALITY_NUMBERS[self._mapping.qualities.get(sent) or Quality(sent)]
        except ValueError:
            raise Rejected(Reason.BAD_FIELD, f"unknown quality {sent}") from None

    def _find_point(self, scopes: Scopes, known: Found) -> Point | None:
        if self._point is None:
            return None
        code = _text(self._point, scopes, known, "point")
        if code is None or code not in self._mapping.points:
            raise Rejected(Reason.UNKNOWN_QUANTITY, code or "(missing)")
        return self._mapping.points[code]

    def _source(self, scopes: Scopes, point: Point | None, known: Found) -> Source:
        """Return whose value it is: by its point, else by the item, else the same for all."""
        said, mapping = point or NO_POINT, self._mapping
        device = said.device or _renamed(
            _text(self._device, scopes, known, "device"), mapping.devices
        )
        quantity = said.quantity or _renamed(
            _text(self._quantity, scopes, known, "quantity"), mapping.quantities
        )
        device, quantity = (
            device or mapping.constants.device,
            quantity or mapping.constants.quantity,
        )
        if device is None or quantity is None:
            raise Rejected(Reason.BAD_FIELD, "device" if device is None else "quantity")
        statistic = said.statistic or _text(self._statistic, scopes, known, "statistic")
        return device, quantity, statistic or mapping.constants.statistic


def _path(expression: str | None) -> Path | None:
    return None if expression is None else Path(expression)


def _text(path: Path | None, scopes: Scopes, known: Found, name: str) -> str | None:
    """Return a code, which some gateways send as a whole number."""
    sent: Any = None if path is None else path.find(scopes, known)
    if sent is None or isinstance(sent, str):
        return sent
    if isinstance(sent, int) and not isinstance(sent, bool):
        return shown(sent)
    raise Rejected(Reason.BAD_FIELD, f"{name}: {shown(sent)}")


def _renamed(sent: str | None, table: dict[str, str]) -> str | None:
    return None if sent is None else table.get(sent, sent)
