"""What a declared dialect makes of a gateway's document, and what it refuses."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.errors import Reason, Rejected
from ingest.protocols.dialects import DialectForm, form_of, in_lines
from ingest.protocols.json_items import MAX_READINGS
from ingest.protocols.json_reading import decode, extract
from schemas.dialect import Dialect
from schemas.reading import QUALITIES

AT = 1_795_305_600_000_000  # 2026-11-22T08:00:00+08:00
GOOD = {"device": "M-01", "quantity": "electricity", "at": "2026-11-22T08:00:00+08:00", "value": 1}
TAGS = {
    "time": "epoch_s",
    "numbers": "text_allowed",
    "mapping": {
        "items": "data",
        "device": "^sn",
        "at": "^ts",
        "quantity": "tag",
        "value": "val",
        "quantities": {"Ua": "voltage", "Ep": "electricity"},
    },
}
WIDE = {
    "time": "local",
    "mapping": {
        "items": ["gateways", "meters"],
        "at": "^time",
        "values": "@",
        "device": "id",
        "id": "sequence",
        "points": {
            "kwh": {"quantity": "electricity"},
            "t": {"device": "T-9", "quantity": "temperature", "statistic": "minute.mean"},
        },
    },
}
POINTS = {
    "time": "epoch_ms",
    "mapping": {
        "at": "t",
        "value": "v",
        "point": "n",
        "points": {"E01.kwh": {"device": "E-01", "quantity": "electricity"}},
    },
}


def form(dialect: dict[str, Any]) -> DialectForm:
    return DialectForm(Dialect.model_validate(dialect))


def body(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode()


def ours(**fields: Any) -> bytes:
    return body({"readings": [{**GOOD, **fields}]})


def refusals(dialect: dict[str, Any], payload: bytes) -> list[tuple[int, str, str]]:
    document = decode(payload, form(dialect))
    return [(item.index, item.reason.reason.value, item.reason.fact) for item in document.rejected]


@pytest.mark.parametrize(
    ("dialect", "at"),
    [
        pytest.param({}, "2026-11-22T00:00:00Z", id="with an offset"),
        pytest.param({"time": "local"}, "2026-11-22 08:00:00", id="Beijing time"),
        pytest.param({"time": "local"}, "2026-11-22T00:00:00Z", id="an offset all the same"),
        pytest.param(
            {"time": "local", "time_format": "%Y%m%d%H%M%S"}, "20261122080000", id="compact"
        ),
        pytest.param(
            {"time": "local", "time_format": "%Y年%m月%d日 %H:%M"}, "2026年11月22日 08:00",
            id="Chinese",
        ),
        pytest.param(
            {"time": "local", "zone": "Europe/Berlin"}, "2026-11-22 01:00", id="another zone"
        ),
        pytest.param({"time": "epoch_s"}, 1_795_305_600, id="seconds"),
        pytest.param({"time": "epoch_s"}, 1_795_305_600.0, id="seconds with a fraction"),
        pytest.param({"time": "epoch_ms"}, 1_795_305_600_000, id="milliseconds"),
        pytest.param({"time": "epoch_ms"}, " 1795305600000", id="milliseconds as text"),
    ],
)  # fmt: skip
def test_one_instant_in_the_declared_form(dialect: dict[str, Any], at: Any) -> None:
    document = decode(ours(at=at), form(dialect))
    assert (document.readings.instants, document.rejected) == ([AT], [])


@pytest.mark.parametrize(
    ("dialect", "at", "code"),
    [
        pytest.param({}, "2026-11-22 08:00:00", "no_offset", id="no offset, none declared"),
        pytest.param({}, 1_795_305_600, "bad_time", id="seconds, none declared"),
        pytest.param({"time": "local"}, "gestern", "bad_time", id="no time"),
        pytest.param({"time": "local"}, 7, "bad_time", id="a number for a local time"),
        pytest.param(
            {"time": "local", "time_format": "%Y%m%d%H%M"}, "2026-11-22 08:00", "bad_time",
            id="another format than declared",
        ),
        pytest.param(
            {"time": "local", "zone": "Europe/Berlin"}, "2026-10-25 02:30", "ambiguous_time",
            id="an hour that comes twice",
        ),
        pytest.param(
            {"time": "local", "zone": "Europe/Berlin"}, "2026-03-29 02:30", "ambiguous_time",
            id="an hour that never comes",
        ),
        pytest.param({"time": "epoch_s"}, "2026-11-22T08:00:00Z", "bad_time", id="no seconds"),
        pytest.param({"time": "epoch_s"}, True, "bad_time", id="true for seconds"),
        pytest.param({"time": "epoch_s"}, -1, "bad_time", id="before 1970"),
        pytest.param({"time": "epoch_s"}, 1e300, "bad_time", id="the end of time"),
        pytest.param({"time": "epoch_s"}, 10**400, "bad_time", id="a number of 400 digits"),
        pytest.param({"time": "epoch_s"}, [1], "bad_time", id="a list"),
        pytest.param({"time": "epoch_s"}, None, "bad_field", id="null"),
    ],
)  # fmt: skip
def test_another_time_is_refused(dialect: dict[str, Any], at: Any, code: str) -> None:
    [(index, reason, _)] = refusals(dialect, ours(at=at))
    assert (index, reason) == (0, code)


TEXT = {"numbers": "text_allowed"}
MISSING = {"numbers": "text_allowed", "missing": ["", "--", "NaN", None, -9999]}


@pytest.mark.parametrize(
    ("dialect", "value", "told"),
    [
        pytest.param(TEXT, "1.5", 1.5, id="text"),
        pytest.param(TEXT, " +1.5e3 ", 1500.0, id="with a sign, an exponent and blanks"),
        pytest.param(TEXT, 1.5, 1.5, id="a number all the same"),
        pytest.param({"time": "local"}, "1.5", "not_number", id="text that was not declared"),
        pytest.param(TEXT, "1,5", "not_number", id="a comma"),
        pytest.param(TEXT, "１２", "not_number", id="wide digits"),
        pytest.param(TEXT, "1_0", "not_number", id="an underscore"),
        pytest.param(TEXT, "nan", "not_number", id="nan as text"),
        pytest.param(TEXT, "9" * 5_000, "not_number", id="5,000 digits"),
        pytest.param(TEXT, 10**400, "not_finite", id="an integer of 400 digits"),
        pytest.param(TEXT, True, "not_number", id="true"),
        pytest.param(TEXT, "", "not_number", id="an empty text that was not declared"),
        pytest.param(TEXT, None, "not_number", id="null that was not declared"),
        pytest.param(TEXT, {"a": 1}, "not_number", id="an object"),
        pytest.param(MISSING, "", None, id="an empty text"),
        pytest.param(MISSING, " -- ", None, id="dashes"),
        pytest.param(MISSING, None, None, id="null"),
        pytest.param(MISSING, -9999.0, None, id="a number that stands for none"),
        pytest.param(MISSING, "-9999", None, id="the same as text"),
        pytest.param(MISSING, "null", "not_number", id="another text"),
        pytest.param(MISSING, 0, 0.0, id="zero is a value"),
    ],
)
def test_a_value_is_read_left_out_or_refused(
    dialect: dict[str, Any], value: Any, told: float | str | None
) -> None:
    document = decode(ours(value=value), form(dialect))
    if isinstance(told, str):
        assert [item.reason.reason.value for item in document.rejected] == [told]
    else:
        assert document.readings.values == ([] if told is None else [told])
        assert (document.missing, document.rejected) == (int(told is None), [])


def test_nan_is_one_items_fault() -> None:
    payload = ours(value=float("nan")).replace(b"[{", b'[{"value": 1e999},{')
    assert [found[1] for found in refusals(TEXT, payload)] == ["bad_field", "not_number"]
    assert decode(ours(value=float("nan")), form(MISSING)).missing == 1


def test_tags_with_what_stands_around_them() -> None:
    payload = body(
        {"sn": "G-7", "ts": 1_795_305_600, "data": [
            {"tag": "Ua", "val": "220.1"}, {"tag": "Ep", "val": 7}, {"tag": "Ub", "val": "--"},
        ]}
    )  # fmt: skip
    document = decode(payload, form(TAGS))
    assert document.readings.sources == [("G-7", "voltage", None), ("G-7", "electricity", None)]
    assert document.readings.instants == [AT, AT]
    assert document.readings.values == [220.1, 7.0]
    assert (document.indexes, document.id) == ([0, 1], None)
    assert refusals(TAGS, payload) == [(2, "not_number", '"--"')]


def test_the_wide_form_in_lists_of_lists() -> None:
    payload = body(
        {"sequence": 17, "gateways": [
            {"time": "2026-11-22 08:00:00", "meters": [{"id": 7, "kwh": 1, "t": 20.5, "rssi": -7}]},
            {"time": "2026-11-22 08:00:00", "meters": {"id": "M-8", "kwh": "x", "t": 21}},
            {"time": "2026-11-22 08:00:00"},
            {"time": "2026-11-22 08:00:00", "meters": [{"id": "M-9"}]},
        ]}
    )  # fmt: skip
    document = decode(payload, form(WIDE))
    assert document.id == "17"
    assert document.readings.sources == [
        ("7", "electricity", None),
        ("T-9", "temperature", "minute.mean"),
        ("T-9", "temperature", "minute.mean"),
    ]
    assert document.indexes == [0, 0, 1]
    assert refusals(WIDE, payload) == [
        (1, "not_number", 'kwh: "x"'),
        (2, "bad_field", "nothing to read at `meters`"),
        (3, "bad_field", "no point at `@`"),
    ]


def test_points_of_one_object_or_a_list_of_them() -> None:
    one = {"t": 1_795_305_600_000, "n": "E01.kwh", "v": 5}
    for payload in (body(one), body([one])):
        document = decode(payload, form(POINTS))
        assert document.readings.sources == [("E-01", "electricity", None)]
    assert refusals(POINTS, body({**one, "n": "E02"})) == [(0, "unknown_quantity", "E02")]


def test_qualities_statistics_and_constants() -> None:
    dialect = {
        "mapping": {
            "items": "readings", "at": "at", "value": "value", "quality": "q",
            "statistic": "not_null(s, 'hour.mean')", "qualities": {"1": "bad"},
            "constants": {"device": "M-01", "quantity": "nmhc"},
        }
    }  # fmt: skip
    items = [{**GOOD, "q": 1}, {**GOOD, "q": "estimated", "s": "instant"}, {**GOOD, "q": "?"}, GOOD]
    document = decode(body({"readings": items}), form(dialect))
    assert [source[1:] for source in document.readings.sources] == [
        ("nmhc", "hour.mean"), ("nmhc", "instant"), ("nmhc", "hour.mean"),
    ]  # fmt: skip
    assert [QUALITIES[q].value for q in document.readings.qualities] == ["bad", "estimated", "good"]
    assert [item.index for item in document.rejected] == [2]


def test_what_stands_around_many_items_is_searched_once() -> None:
    """Each of 3,000 items would search 3,000: that took a minute."""
    mapping = {**TAGS["mapping"], "device": "^data[?tag=='sn'].val | [0]"}  # type: ignore[dict-item]
    data = [{"tag": "Ep", "val": 1}] * 3_000 + [{"tag": "sn", "val": "M-01"}]
    document = decode(body({"ts": 1, "data": data}), form({**TAGS, "mapping": mapping}))
    assert {source[0] for source in document.readings.sources} == {"M-01"}


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        pytest.param(b"garbage", "malformed", id="not JSON"),
        pytest.param(b"\xff\xfe", "invalid_utf8", id="not UTF-8"),
        pytest.param(b"[" * 200_000, "malformed", id="nested 200,000 deep"),
        pytest.param(b"9" * 5_000, "malformed", id="a number of 5,000 digits"),
        pytest.param(b'{"sn": 1}', "bad_field", id="no list of items"),
        pytest.param(b'{"data": 7}', "bad_field", id="a number for the list"),
        pytest.param(
            b'{"data":[' + b",".join([b"7"] * (MAX_READINGS + 1)) + b"]}", "too_many", id="too many"
        ),
    ],
)
def test_a_document_is_refused_whole(payload: bytes, code: str) -> None:
    with pytest.raises(Rejected) as refused:
        decode(payload, form(TAGS))
    assert refused.value.reason.value == code


def test_a_document_of_ours_names_its_enterprise_in_any_dialect() -> None:
    document = decode(body({"id": "d", "enterprise": "91", "readings": []}), form(TEXT))
    assert (document.id, document.enterprise) == ("d", "91")
    with pytest.raises(Rejected):
        decode(body({"enterprise": 91, "readings": []}), form(TEXT))


def test_refused_items_are_kept_to_the_letter_with_what_stands_around_them() -> None:
    payload = (
        b'{"sn":"G-7","ts":1795305600,"data":[{"tag":"Ua","val":"1"},{"val": 1.50e0 ,"tag":[]},'
        b'{"tag":"Ub","val":"--"}]}'
    )
    [(kept, items)] = extract(payload, [1, 2], form(TAGS))
    assert items == 2
    assert b'{"val": 1.50e0 ,"tag":[]}' in kept
    assert b"Ua" not in kept
    assert [found[1] for found in refusals(TAGS, kept)] == ["bad_field", "not_number"]


def test_refused_items_of_lists_of_lists_are_kept_in_their_places() -> None:
    gateways = [
        {"time": f"2026-11-22 0{hour}:00", "meters": [{"id": str(n), "kwh": n} for n in range(3)]}
        for hour in range(3)
    ]
    [(kept, _)] = extract(body({"gateways": gateways}), [1, 5, 5], form(WIDE))
    document = decode(kept, form(WIDE))
    assert [source[0] for source in document.readings.sources] == ["1", "2"]
    assert document.readings.instants == [AT - 7 * 3_600_000_000, AT - 8 * 3_600_000_000][::-1]


def test_a_document_whose_items_are_filtered_is_kept_whole() -> None:
    dialect = {**TAGS, "mapping": {**TAGS["mapping"], "items": "data[?tag!='x']"}}  # type: ignore[dict-item]
    payload = body({"sn": 1, "ts": 1, "data": [{"tag": "x"}, {"tag": "Ua"}]})
    assert [item.index for item in decode(payload, form(dialect)).rejected] == [0]
    assert list(extract(payload, [0], form(dialect))) == [(payload, 1)]


def test_lines_are_items_of_ours_or_documents_of_the_dialect() -> None:
    local = form({"time": "local"})
    lines = [body({**GOOD, "at": "2026-11-22 08:00:00"}), b"", b"nonsense", body({**GOOD, "at": 7})]
    document = decode(b"\n".join(lines), local.by_lines())
    assert (document.indexes, [item.index for item in document.rejected]) == ([0], [2, 3])
    kept = list(extract(b"\n".join(lines), [2, 3], local.by_lines()))
    assert kept == [(b"nonsense", 1), (b'{"readings":[' + lines[3] + b"]}", 1)]

    tags = form(TAGS)
    batch = body({"sn": 1, "ts": 1, "data": [{"tag": "Ua", "val": 1}, {"tag": "Ua", "val": "?"}]})
    payload = batch + b"\r\n\r\n" + batch + b"\n7"
    document = decode(payload, tags.by_lines())
    assert document.indexes == [0, 2]
    assert [item.index for item in document.rejected] == [0, 2, 3]
    [(kept_lines, items)] = extract(payload, [0, 2], tags.by_lines())
    assert items == 2
    assert [item.index for item in decode(kept_lines, tags).rejected] == [0, 1]  # as if sent again


def test_a_stored_dialect_becomes_a_form() -> None:
    assert form_of(None) is None
    assert form_of("{}") is None
    assert in_lines(form_of('{"time": "local"}')).by_lines()
    broken = form_of('{"time": "sundial"}')
    assert broken is not None
    for each in (broken, broken.by_lines()):
        with pytest.raises(Rejected) as refused:
            decode(b"{}", each)
        assert refused.value.reason is Reason.BAD_DIALECT
        assert list(extract(b"{}", [0], each)) == [(b"{}", 1)]


VALID = {"at": "t", "value": "v", "constants": {"device": "d", "quantity": "q"}}


@pytest.mark.parametrize(
    "dialect",
    [
        pytest.param({"time": "sundial"}, id="an unknown form of time"),
        pytest.param({"zone": "Mars/Olympus"}, id="an unknown zone"),
        pytest.param({"zone": "../../etc/passwd"}, id="a path for a zone"),
        pytest.param({"zone": "\0"}, id="NUL for a zone"),
        pytest.param({"time_format": "%Y%m%d%H%M"}, id="a format without local time"),
        pytest.param({"time": "local", "time_format": "%c"}, id="a format of the locale"),
        pytest.param({"time": "local", "time_format": "%Y%m%d%H%M%m"}, id="a month twice"),
        pytest.param({"missing": [True]}, id="true for a sign of missing"),
        pytest.param({"colour": 1}, id="an unknown field"),
        pytest.param({"mapping": {**VALID, "value": "a..b"}}, id="no JMESPath"),
        pytest.param({"mapping": {**VALID, "value": "a" * 201}}, id="a long expression"),
        pytest.param({"mapping": {**VALID, "value": "[@,@][].[@,@][].[@,@][]"}}, id="a bomb"),
        pytest.param({"mapping": {**VALID, "value": "sort_by(a, &b)"}}, id="a costly function"),
        pytest.param({"mapping": {**VALID, "value": "^^v"}}, id="above the document"),
        pytest.param({"mapping": {**VALID, "items": "^a"}}, id="a list above the document"),
        pytest.param({"mapping": {**VALID, "items": ["a"] * 4}}, id="four lists deep"),
        pytest.param({"mapping": {**VALID, "items": "data[*].{v: a}"}}, id="a list of its own"),
        pytest.param({"mapping": {**VALID, "value": "[a,a,a,a,a,a,a,a,a]"}}, id="a list of nine"),
        pytest.param({"mapping": {**VALID, "values": "v"}}, id="a value and values"),
        pytest.param({"mapping": {**VALID, "value": None, "values": "v"}}, id="no points"),
        pytest.param({"mapping": {"at": "t", "value": "v"}}, id="no device and quantity"),
        pytest.param({"mapping": {**VALID, "points": {"a": {}}, "value": None}}, id="no value"),
    ],
)
def test_a_dialect_that_cannot_work_is_refused(dialect: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        Dialect.model_validate(dialect)


@pytest.mark.parametrize("around", ["()", "!", "{a:}"])
def test_an_expression_nested_as_deeply_as_its_length_allows_does_no_harm(around: str) -> None:
    opening, closing = (around[:-1], around[-1]) if len(around) > 1 else (around, "")
    times = 198 // (len(opening) + len(closing))
    value = opening * times + "v" + closing * times
    with suppress(ValueError):  # and nothing else
        decode(b'{"t": 1, "v": 1}', form({"time": "epoch_s", "mapping": {**VALID, "value": value}}))


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.sampled_from("abt"), inner)),
    max_leaves=20,
)
EXPRESSIONS = (
    "@", "a", "a.b", "a[]", "a[*].b", "a[?t>`1`]", "*.b", "a[0]", "a[::-1]", "a || b", "!a",
    "a && b", "not_null(a, b)", "join('-', a)", "to_number(a)", "keys(@)", "values(@)", "abs(a)",
    "length(a)",
    "[a, b]", "{a: a}", "a | [0]", "floor(a)", "to_string(@)", "contains(a, 'b')", "reverse(a)",
)  # fmt: skip
expressions = st.sampled_from(EXPRESSIONS)


@given(json_values, st.lists(expressions, min_size=1, max_size=3), expressions, expressions)
def test_whatever_json_and_paths_meet_only_rejected_is_raised(
    document: Any, items: list[str], at: str, value: str
) -> None:
    items = [step for step in items if step not in ("[a, b]", "{a: a}")] or ["@"]
    dialect = form(
        {"time": "epoch_s", "numbers": "text_allowed", "mapping": {
            "items": items, "at": at, "value": value, "device": f"^{value}",
            "constants": {"quantity": "electricity"},
        }}
    )  # fmt: skip
    payload = json.dumps(document).encode()
    with suppress(Rejected):
        found = decode(payload, dialect)
        refused = [item.index for item in found.rejected]
        for part, _ in extract(payload, refused, dialect) if refused else ():
            again = decode(part, dialect)
            assert len(again.rejected) >= len(set(refused))


@given(st.binary(max_size=100))
def test_whatever_bytes_arrive_only_rejected_is_raised(payload: bytes) -> None:
    for dialect in (form(TAGS), form(TEXT)):
        for each in (dialect, dialect.by_lines()):
            with suppress(Rejected):
                decode(payload, each)
