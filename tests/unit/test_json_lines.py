"""Readings one a line: what each line says, whatever the others are."""

import json
from typing import Any

import pytest

from ingest.errors import Reason, Rejected
from ingest.protocols.dialects import in_lines
from ingest.protocols.json_items import MAX_READINGS
from ingest.protocols.json_reading import decode, extract

GOOD = {"device": "M-01", "quantity": "electricity", "at": "2026-11-22T08:00:00+08:00", "value": 1}
LINE = json.dumps(GOOD).encode()
LINES = in_lines(None)


def line(**fields: Any) -> bytes:
    return json.dumps({**GOOD, **fields}).encode()


@pytest.mark.parametrize(
    ("payload", "places"),
    [
        pytest.param(LINE, [0], id="one line"),
        pytest.param(LINE + b"\n" + LINE + b"\n", [0, 1], id="two lines"),
        pytest.param(
            LINE + b"\r\n" + LINE + b"\r\n", [0, 1], id="ends of lines as Windows has them"
        ),
        pytest.param(b"\n" + LINE + b"\n \n\n" + LINE, [1, 4], id="blank lines keep their places"),
        pytest.param(b"", [], id="nothing"),
        pytest.param(b"\n\n", [], id="blank lines only"),
    ],
)
def test_each_line_is_an_item_with_the_place_of_its_line(payload: bytes, places: list[int]) -> None:
    document = decode(payload, LINES)
    assert (list(document.indexes), document.rejected, document.id) == (places, [], None)
    assert len(document.readings) == len(places)


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        pytest.param(b"nonsense", "malformed", id="not JSON"),
        pytest.param(b"\xff", "invalid_utf8", id="not UTF-8"),
        pytest.param(b"[" * 100_000, "malformed", id="nested 100,000 deep"),
        pytest.param(b"7", "bad_field", id="a number"),
        pytest.param(line(value="--"), "not_number", id="a dash for a value"),
        pytest.param(line(at="2026-11-22T08:00:00"), "no_offset", id="no offset"),
        pytest.param(LINE + LINE + b"x", "malformed", id="more than an item"),
        pytest.param(b'{"id":"d1"}', "not_number", id="the id of a document"),
        pytest.param(b'],"id":"d1","readings":[' + LINE, "malformed", id="a document smuggled in"),
        pytest.param(b'{"id":"d1","readings":[]}', "not_number", id="a document of ours"),
    ],
)
def test_a_bad_line_is_refused_and_the_others_are_read(bad: bytes, code: str) -> None:
    document = decode(b"\n".join([bad, LINE, b"", bad, line(value=2)]), LINES)
    assert (document.readings.values, document.indexes) == ([1.0, 2.0], [1, 4])
    assert [(item.index, item.reason.reason.value) for item in document.rejected] == [
        (0, code), (3, code),
    ]  # fmt: skip
    assert document.id is None


def test_refused_lines_are_kept_as_documents_of_ours_and_to_the_letter() -> None:
    payload = b'nonsense\n{"value": 1e5 }\n' + LINE + b'\n{"value":  2}'
    assert list(extract(payload, [0, 1, 3], LINES)) == [
        (b"nonsense", 1),
        (b'{"readings":[{"value": 1e5 },{"value":  2}]}', 2),
    ]


def test_too_many_lines_are_refused_whole() -> None:
    assert len(decode((LINE + b"\n") * MAX_READINGS, LINES).readings) == MAX_READINGS
    with pytest.raises(Rejected) as refused:
        decode((LINE + b"\n") * MAX_READINGS + LINE, LINES)
    assert refused.value.reason is Reason.TOO_MANY
