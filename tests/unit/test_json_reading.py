"""The readings document: what it says, and what is said of one that cannot be read."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.errors import TEXTS, Reason, Rejected
from ingest.protocols import json_reading
from ingest.protocols.dialects import form_of, in_lines
from ingest.protocols.json_items import MAX_READINGS
from ingest.protocols.json_reading import decode, decode_lot, extract, find_id
from schemas.reading import QUALITIES, Quality

GOOD = {"device": "M-01", "quantity": "electricity", "at": "2026-11-22T08:00:00+08:00", "value": 1}


def payload(*items: Any, **fields: Any) -> bytes:
    return json.dumps({**fields, "readings": items}).encode()


@pytest.mark.parametrize(
    "at",
    [
        "2026-11-22T08:00:00+08:00",
        "2026-11-22T00:00:00Z",
        "2026-11-22 08:00:00+08:00",
        "2026-11-22T00:00:00.000+00:00",
        "2026-11-21T19:00:00-05:00",
    ],
)
def test_one_instant_in_the_forms_that_gateways_send(at: str) -> None:
    document = decode(payload({**GOOD, "at": at}))
    assert document.readings.instants == [1_795_305_600_000_000]
    assert document.rejected == []


def test_a_document_is_decoded_in_order_of_arrival() -> None:
    items = [
        GOOD,
        {**GOOD, "value": 2.5, "quality": "estimated", "statistic": "hour.mean"},
        {**GOOD, "device": "表-07", "value": -3, "colour": "red"},
    ]
    document = decode(payload(*items, id="d1", enterprise="91"))
    readings = document.readings
    assert readings.sources == [
        ("M-01", "electricity", None),
        ("M-01", "electricity", "hour.mean"),
        ("表-07", "electricity", None),
    ]
    assert readings.values == [1.0, 2.5, -3.0]
    assert [QUALITIES[number] for number in readings.qualities] == [
        Quality.GOOD, Quality.ESTIMATED, Quality.GOOD,
    ]  # fmt: skip
    assert (document.id, document.enterprise, list(document.indexes)) == ("d1", "91", [0, 1, 2])


def test_good_items_are_read_beside_bad_ones() -> None:
    document = decode(payload({**GOOD, "value": "--"}, GOOD, {**GOOD, "at": "gestern"}, 7))
    assert [(item.index, item.reason.reason) for item in document.rejected] == [
        (0, Reason.NOT_NUMBER),
        (2, Reason.BAD_TIME),
        (3, Reason.BAD_FIELD),
    ]
    assert document.indexes == [1]
    assert len(document.readings) == 1


def test_too_many_readings_are_refused_whole() -> None:
    item = json.dumps(GOOD).encode()
    body = b'{"readings":[' + b",".join([item] * (MAX_READINGS + 1)) + b"]}"
    with pytest.raises(Rejected) as refused:
        decode(body)
    assert refused.value.reason is Reason.TOO_MANY


@pytest.mark.parametrize("part", [b"[],", b"{},", b"0,", b"[" * 400 + b"]" * 400 + b","])
def test_brackets_that_would_become_millions_of_objects_are_refused_unread(part: bytes) -> None:
    body = b'{"readings":[' + part * (8_000_000 // len(part)) + b"0]}"
    for form in (None, form_of('{"time": "local"}'), in_lines(None)):
        with pytest.raises(Rejected) as refused:
            decode(body, form)
        assert refused.value.reason is Reason.TOO_MANY


def test_an_id_is_found_even_where_the_document_is_refused() -> None:
    assert find_id(b'{"id": "d1", "readings": 7}') == "d1"
    assert find_id(b"garbage") is None
    assert find_id(b"\xff\xfe") is None
    assert find_id(b"[" * 100_000) is None


def test_refused_items_are_kept_to_the_letter_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_reading, "EXTRACT_BYTES", 150)
    body = b'{"readings":[{"value": 1e5 },{"value":2},{"a":"%s"},{"value":4}]}' % (b"x" * 200)
    parts = list(extract(body, [0, 2, 3]))
    assert [items for _, items in parts] == [2, 1]
    assert parts[0][0].startswith(b'{"readings":[{"value": 1e5 },{"a":"xxx')
    assert json.loads(parts[1][0]) == {"readings": [{"value": 4}]}


def test_every_reason_has_a_sentence_in_both_languages() -> None:
    assert set(TEXTS) == set(Reason)
    for reason in Reason:
        rejected = Rejected(reason, "fact \x00\ud800")
        assert "\x00" not in rejected.detail
        rejected.detail.encode()
        assert any("\u4e00" <= sign <= "\u9fff" for sign in rejected.detail_zh)


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
    max_leaves=10,
)
items = st.one_of(
    json_values,
    st.fixed_dictionaries(
        {},
        optional={
            "device": json_values,
            "quantity": json_values,
            "at": st.one_of(json_values, st.datetimes().map(str), st.just(GOOD["at"])),
            "value": json_values,
            "quality": json_values,
            "statistic": json_values,
        },
    ),
)


@given(st.lists(items, max_size=5), json_values)
def test_whatever_json_arrives_each_item_is_read_or_refused(found: list[Any], id_: Any) -> None:
    body = json.dumps({"id": id_, "readings": found}).encode()
    try:
        document = decode(body)
    except Rejected:
        return
    places = [*document.indexes, *(item.index for item in document.rejected)]
    assert sorted(places) == list(range(len(found)))


@given(st.binary(max_size=200))
def test_whatever_bytes_arrive_nothing_else_is_raised(body: bytes) -> None:
    with suppress(Rejected):
        decode(body)


def test_a_lot_is_its_documents_one_after_another() -> None:
    later = {**GOOD, "at": "2026-11-22T09:00:00+08:00", "quality": "bad", "statistic": "hour.mean"}
    payloads = [payload(GOOD, later, id="d1"), payload(), payload(later, enterprise="91")]
    lot = decode_lot(payloads)
    assert lot is not None
    assert (lot.stops, lot.ids, lot.enterprises) == ([2, 2, 3], ["d1", None, None], {None, "91"})
    alone = [decode(each).readings for each in payloads]
    for column in ("sources", "instants", "values", "qualities"):
        expected = [item for readings in alone for item in getattr(readings, column)]
        assert getattr(lot.readings, column) == expected


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(b"garbage", id="not JSON"),
        pytest.param(b"\xff\xfe", id="not UTF-8"),
        pytest.param(b'{"readings":' + b"[" * 200_000, id="nested too deeply"),
        pytest.param(payload({**GOOD, "value": "--"}), id="an item that is refused"),
        pytest.param(payload({**GOOD, "at": "yesterday"}), id="no time"),
        pytest.param(payload({**GOOD, "at": "2026-11-22T08:00:00"}), id="no offset"),
        pytest.param(payload(id="d" * 201), id="an id that is too long"),
    ],
)
def test_a_lot_with_a_document_that_needs_a_look_is_none(bad: bytes) -> None:
    assert decode_lot([payload(GOOD), bad, payload(GOOD)]) is None
