"""The schematic map: what the registry gives, or tiles."""

import math
from typing import Any

import pytest

from service.console.schematic import draw

SQUARE: dict[str, Any] = {"outline": [[0, 0], [50, 0], [50, 50], [0, 50]]}


def county(schematic: Any, name: str = "Minqin", code: str = "620621") -> tuple[str, str, Any]:
    return code, name, schematic


def test_an_outline_is_drawn_as_it_is_registered() -> None:
    [shape] = draw([county({**SQUARE, "label": [20, 30]})], "en").shapes
    assert (shape.points, shape.x, shape.y) == ("0,0 50,0 50,50 0,50", 20, 30)


def test_without_a_place_the_label_stands_in_the_middle() -> None:
    [shape] = draw([county(SQUARE)], "en").shapes
    assert (shape.x, shape.y) == (25, 25)


@pytest.mark.parametrize(
    "schematic",
    [
        pytest.param(None, id="none"),
        pytest.param({}, id="no outline"),
        pytest.param({"outline": "0,0 1,1 2,2"}, id="text"),
        pytest.param({"outline": [[0, 0], [1, 1]]}, id="two points"),
        pytest.param({"outline": [[0, 0], [1, 1], [2]]}, id="half a point"),
        pytest.param({"outline": [[0, 0], [1, 1], ["2", 2]]}, id="a point of text"),
        pytest.param({"outline": [[0, 0], [1, 1], [math.nan, 2]]}, id="no number"),
    ],
)
def test_where_one_has_no_usable_outline_all_are_tiles(schematic: Any) -> None:
    drawing = draw([county(SQUARE), county(schematic, code="620602")], "en")
    assert [shape.points.count(" ") for shape in drawing.shapes] == [3, 3]
    assert drawing.shapes[0].points == "1.5,1.5 48.5,1.5 48.5,48.5 1.5,48.5"


def test_what_lies_outside_the_box_is_put_on_its_edge() -> None:
    [shape] = draw([county({"outline": [[-9, 0], [50, 0], [50, 900]]})], "en").shapes
    assert shape.points == "0,0 50,0 50,100"


def test_tiles_do_not_overlap() -> None:
    drawing = draw([county(None, code=f"62060{number}") for number in range(5)], "zh")
    assert len({(shape.x, shape.y) for shape in drawing.shapes}) == 5


def test_no_county_is_an_empty_map() -> None:
    drawing = draw([], "zh")
    assert (drawing.shapes, drawing.box) == ([], "0 0 100 100")


@pytest.mark.parametrize(
    ("language", "name", "lines"),
    [
        ("zh", "民勤县", ["民勤县"]),
        ("zh", "天祝藏族自治县", ["天祝藏族", "自治县"]),
        ("en", "Minqin County", ["Minqin"]),
        ("en", "Tianzhu Tibetan Autonomous County", ["Tianzhu", "Tibetan"]),
        ("en", "New Town West", ["New Town West"]),
        ("en", "County", ["County"]),
        ("zh", "", []),
    ],
)
def test_a_name_on_the_map_is_short(language: str, name: str, lines: list[str]) -> None:
    [shape] = draw([county(SQUARE, name)], language).shapes
    assert shape.lines == lines
