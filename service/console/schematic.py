"""The schematic map: outlines from the registry, or tiles; no authority on borders."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, isfinite, sqrt
from typing import Any

BOX = 100.0  # outlines lie in 0..BOX
GAP = 3.0  # between tiles
LONGEST_LINE = {"zh": 4, "en": 14}  # characters of a name on the map
GENERIC = {"Autonomous", "Banner", "City", "County", "District"}  # last words, left out there


@dataclass(frozen=True, slots=True)
class Shape:
    """One county's place on the map, as SVG takes it."""

    code: str
    points: str
    x: float
    y: float
    lines: list[str]  # of the name


@dataclass(frozen=True, slots=True)
class Drawing:
    """All shapes and the box around them: left, top, width, height."""

    shapes: list[Shape]
    box: str


Point = tuple[float, float]
Place = tuple[list[Point], Point]  # outline and label


def draw(counties: Sequence[tuple[str, str, Mapping[str, Any] | None]], language: str) -> Drawing:
    """Return the map of counties, given as code, name and schematic.

    Where one of them has no usable outline all are drawn as tiles.
    """
    places = [_place(schematic) for _, _, schematic in counties]
    known = [place for place in places if place is not None]
    if len(known) < len(places):
        known = list(_tiles(len(places)))
    shapes = [
        Shape(
            code,
            " ".join(f"{x:g},{y:g}" for x, y in outline),
            label[0],
            label[1],
            _lines(name, LONGEST_LINE[language]),
        )
        for (code, name, _), (outline, label) in zip(counties, known, strict=True)
    ]
    return Drawing(shapes, _box([point for outline, _ in known for point in outline]))


def _place(schematic: Mapping[str, Any] | None) -> Place | None:
    """Return an outline of three points or more and where its label stands."""
    if schematic is None:
        return None
    outline = schematic.get("outline")
    points = [_point(item) for item in outline] if isinstance(outline, list) else []
    usable = [point for point in points if point is not None]
    if len(usable) < 3 or len(usable) < len(points):
        return None
    label = _point(schematic.get("label"))
    if label is None:
        label = (sum(x for x, _ in usable) / len(usable), sum(y for _, y in usable) / len(usable))
    return usable, label


def _point(item: Any) -> Point | None:
    if not isinstance(item, list) or len(item) != 2:
        return None
    x, y = item
    if not all(isinstance(number, int | float) and isfinite(number) for number in item):
        return None
    return min(max(float(x), 0.0), BOX), min(max(float(y), 0.0), BOX)


def _tiles(count: int) -> Iterator[Place]:
    """Yield squares in rows, as many in a row as there are rows."""
    columns = ceil(sqrt(count))
    side = BOX / columns
    for number in range(count):
        x, y = side * (number % columns), side * (number // columns)
        low, high = GAP / 2, side - GAP / 2
        outline = [
            (x + low, y + low),
            (x + high, y + low),
            (x + high, y + high),
            (x + low, y + high),
        ]
        yield outline, (x + side / 2, y + side / 2)


def _box(points: Sequence[Point]) -> str:
    if not points:
        return f"0 0 {BOX:g} {BOX:g}"
    left, top = min(x for x, _ in points) - 1, min(y for _, y in points) - 1
    right, bottom = max(x for x, _ in points) + 1, max(y for _, y in points) + 1
    return f"{left:g} {top:g} {right - left:g} {bottom - top:g}"


def _lines(name: str, longest: int) -> list[str]:
    """Return a name in lines: by words without the generic last ones, Chinese by characters."""
    if " " not in name:
        count = ceil(len(name) / longest)
        each = ceil(len(name) / max(count, 1))
        return [name[at : at + each] for at in range(0, len(name), each or 1)]
    words = name.split()
    while len(words) > 1 and words[-1] in GENERIC:
        words.pop()
    lines = [""]
    for word in words:
        if lines[-1] and len(lines[-1]) + 1 + len(word) > longest:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}".strip()
    return lines
