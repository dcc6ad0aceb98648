"""NHJC uploads: documents, fields in clear and enciphered, what a region may do differently."""

import json
from datetime import UTC, datetime, time
from typing import Any

import pytest

from ingest.errors import Reason, Rejected
from ingest.protocols import nhjc, nhjc_answers
from ingest.protocols.nhjc_cipher import FieldCipher, is_enciphered
from ingest.protocols.nhjc_items import BEIJING, Content, StatType, read, start_of
from schemas.nhjc import Dialect, TimeOf
from schemas.reading import QUALITIES
from tests.end_device import ENCIPHERED, encipher

# GB/T 32907-2016, appendix A.1
KEY = bytes.fromhex("0123456789abcdeffedcba9876543210")
BLOCK = bytes.fromhex("681edf34d206965e86b3e94f536e4246")
DEVICE = "0123456789abcdef0123456789abcdef"
SENT = {
    "dataCode": "00-00-0000-023300-11",
    "dataValue": 12.5,
    "inputType": 4,
    "statType": 0,
    "statDate": "2026-11-22 08:15:00",
    "uploadDate": "2026-11-23 01:38:00",
    "scope": 1,
    "valid": True,
}


def payload(*items: Any, **fields: Any) -> bytes:
    document = {"deviceId": DEVICE, "enterpriseCode": "91620623MA0000001X", "data": items}
    return json.dumps(document | fields).encode()


def content(dialect: Dialect | None = None, key: bytes | None = None, **fields: Any) -> Content:
    request = nhjc.decode(payload({**SENT, **fields}))
    return read(request.items, dialect or Dialect(), key)


def reason(**fields: Any) -> Reason:
    found = content(**fields)
    assert not found.entries
    [refused] = found.refused
    assert refused.reason.detail_zh
    return refused.reason.reason


def sealed(key: bytes, **fields: Any) -> dict[str, Any]:
    whole = {**SENT, **fields}
    texts = {n: str(v).lower() if isinstance(v, bool) else str(v) for n, v in whole.items()}
    return {name: encipher(key, texts[name]) for name in ENCIPHERED}


def test_an_item_is_read() -> None:
    [entry] = content().entries
    assert (entry.code, entry.kind, entry.value) == ("0000000002330011", StatType.REAL_TIME, 12.5)
    assert entry.stated == datetime(2026, 11, 22, 0, 15, tzinfo=UTC)
    assert QUALITIES[entry.quality] == "good"


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        pytest.param("00-00-0000-023300-11", "0000000002330011", id="as usual"),
        pytest.param("00-00-0000023400-80", "0000000002340080", id="as in Sichuan"),
        pytest.param("0000000002330011", "0000000002330011", id="without dashes"),
        pytest.param(" 0100 0000 0233 0021 ", "0100000002330021", id="with spaces"),
        pytest.param("0x00000002330011ab", "0X00000002330011AB", id="of another dictionary"),
    ],
)
def test_codes_are_stored_bare(written: str, stored: str) -> None:
    [entry] = content(dataCode=written).entries
    assert entry.code == stored


@pytest.mark.parametrize(
    ("value", "number"),
    [(1, 1.0), (1.5, 1.5), ("1.5", 1.5), (" 1e3 ", 1000.0), ("-0.25", -0.25), ("+3", 3.0)],
)
def test_values_are_numbers_or_texts(value: object, number: float) -> None:
    [entry] = content(dataValue=value).entries
    assert entry.value == number


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        pytest.param({"dataValue": ""}, "not_number", id="empty value"),
        pytest.param({"dataValue": "--"}, "not_number", id="dashes"),
        pytest.param({"dataValue": None}, "not_number", id="no value"),
        pytest.param({"dataValue": True}, "not_number", id="a boolean"),
        pytest.param({"dataValue": "1_000"}, "not_number", id="a number of Python's"),
        pytest.param({"dataValue": "１２"}, "not_number", id="wide digits"),
        pytest.param({"dataValue": "12 kWh"}, "not_number", id="a unit"),
        pytest.param({"dataValue": "NaN"}, "not_finite", id="NaN as text"),
        pytest.param({"dataValue": "1e400"}, "not_finite", id="too large, as text"),
        pytest.param({"dataValue": [1]}, "bad_field", id="a list"),
        pytest.param({"dataCode": ""}, "bad_field", id="empty code"),
        pytest.param({"dataCode": 2330011}, "bad_field", id="a number for a code"),
        pytest.param({"dataCode": "0" * 41}, "bad_field", id="a long code"),
        pytest.param({"dataCode": "电"}, "bad_field", id="no code"),
        pytest.param({"statType": 4}, "bad_field", id="unknown statType"),
        pytest.param({"statType": None}, "bad_field", id="no statType"),
        pytest.param({"statDate": "2026-11-22T08:15:00+08:00"}, "bad_field", id="another form"),
        pytest.param({"statDate": "2026-02-30 00:00:00"}, "bad_field", id="no such day"),
        pytest.param({"statDate": "0001-01-01 00:00:00"}, "bad_field", id="before all meters"),
        pytest.param({"statDate": "2026-11-22 08:15"}, "bad_field", id="no seconds"),
        pytest.param({"statDate": 20261122}, "bad_field", id="a number for a time"),
        pytest.param({"statDate": None}, "bad_field", id="no time"),
    ],
)
def test_items_that_cannot_be_read_say_why(fields: dict[str, Any], why: str) -> None:
    assert reason(**fields) == why


def test_a_number_too_large_for_json_is_its_items_fault() -> None:
    body = payload(SENT, {**SENT, "dataValue": 7}).replace(b"12.5", b"1e999")
    found = read(nhjc.decode(body).items, Dialect(), None)
    assert [entry.value for entry in found.entries] == [7]
    assert found.refused[0].reason.reason is Reason.NOT_FINITE


REVERSED = {"0": "good", "1": "bad"}
YUNNAN = {"1": "good", "0": "uncertain"}


@pytest.mark.parametrize(
    ("table", "valid", "quality"),
    [
        pytest.param(None, True, "good", id="boolean, valid"),
        pytest.param(None, False, "bad", id="boolean, invalid"),
        pytest.param(None, 1, "good", id="number, valid"),
        pytest.param(None, 0, "bad", id="number, invalid"),
        pytest.param(None, "1", "good", id="text, valid"),
        pytest.param(None, "0", "bad", id="text, invalid"),
        pytest.param(None, "TRUE", "good", id="capitals"),
        pytest.param(None, 1.0, "good", id="number with a point"),
        pytest.param(REVERSED, 0, "good", id="reversed, valid"),
        pytest.param(REVERSED, "1", "bad", id="reversed, invalid"),
        pytest.param(YUNNAN, 0, "uncertain", id="可疑"),
        pytest.param(None, "x", "uncertain", id="an unknown word"),
        pytest.param(None, None, "good", id="no word"),
    ],
)
def test_valid_is_what_the_settings_say(
    table: dict[str, str] | None, valid: object, quality: str
) -> None:
    dialect = Dialect() if table is None else Dialect(valid=table)
    [entry] = content(dialect, valid=valid).entries
    assert QUALITIES[entry.quality] == quality


@pytest.mark.parametrize(
    ("typed", "valid", "quality"),
    [(5, True, "manual"), ("5", True, "manual"), (5, False, "bad"), (4, True, "good")],
)
def test_what_was_typed_by_hand_is_manual_unless_it_is_bad(
    typed: object, valid: bool, quality: str
) -> None:
    [entry] = content(inputType=typed, valid=valid).entries
    assert QUALITIES[entry.quality] == quality


def test_the_cipher_is_that_of_the_standard() -> None:
    assert FieldCipher(KEY).decipher(BLOCK) == KEY


def test_enciphered_items_are_read_and_kept_in_clear() -> None:
    request = nhjc.decode(payload(sealed(KEY, valid="1", dataValue="12.5")))
    [entry] = read(request.items, Dialect(), KEY).entries
    assert (entry.code, entry.value) == ("0000000002330011", 12.5)
    assert json.loads(entry.document) == {
        name: str(value) for name, value in (SENT | {"valid": 1}).items() if name != "uploadDate"
    }


def test_fields_may_be_enciphered_one_and_one() -> None:
    mixed = {**SENT, "dataValue": encipher(KEY, "3"), "valid": encipher(KEY, "0")}
    request = nhjc.decode(payload(mixed, SENT))
    entries = read(request.items, Dialect(), KEY).entries
    assert [(e.value, QUALITIES[e.quality]) for e in entries] == [(3, "bad"), (12.5, "good")]


@pytest.mark.parametrize("key", [bytes(16), None], ids=["another key", "no key agreed"])
def test_a_wrong_key_is_said(key: bytes | None) -> None:
    found = read(nhjc.decode(payload(sealed(KEY), sealed(KEY))).items, Dialect(), key)
    assert found.foreign is not None
    assert "解密失败" in found.foreign.detail_zh


def test_one_item_of_another_key_is_its_own_fault() -> None:
    found = read(nhjc.decode(payload(sealed(bytes(16)), sealed(KEY))).items, Dialect(), KEY)
    assert found.foreign is None
    assert [len(found.entries), len(found.refused)] == [1, 1]
    assert json.loads(found.refused[0].document)["dataCode"] == sealed(bytes(16))["dataCode"]


@pytest.mark.parametrize(
    ("text", "enciphered"),
    [
        (BLOCK.hex(), True),
        (BLOCK.hex().upper() * 2, True),
        (BLOCK.hex()[:-1], False),  # cut
        ("0000000002330011", False),
        ("", False),
        ("g" * 32, False),
    ],
)
def test_what_is_enciphered_shows(text: str, enciphered: bool) -> None:
    assert is_enciphered(text) is enciphered


@pytest.mark.parametrize(
    ("body", "why"),
    [
        pytest.param(b"", "malformed", id="empty"),
        pytest.param(b"[]", "malformed", id="a list"),
        pytest.param(b'{"data": {}}', "malformed", id="data is no list"),
        pytest.param(b'{"deviceId": 7}', "malformed", id="a number for a deviceId"),
        pytest.param(payload({**SENT, "dataValue": float("nan")}), "malformed", id="NaN"),
        pytest.param(b'{"data": ' + b"[" * 200_000, "malformed", id="nested 200,000 deep"),
        pytest.param(b'{"enterpriseCode": "\xb5\xe7"}', "invalid_utf8", id="GBK"),
        pytest.param(payload().decode().encode("utf-16"), "invalid_utf8", id="UTF-16"),
        pytest.param(
            b'{"data": [' + b"1," * nhjc.MAX_ITEMS + b"1]}", "too_many", id="too many items"
        ),
        pytest.param(b'{"deviceId": "%s"}' % (b"0" * 300), "bad_field", id="a long deviceId"),
    ],
)
def test_documents_that_cannot_be_read_say_why(body: bytes, why: str) -> None:
    with pytest.raises(Rejected) as refused:
        nhjc.decode(body)
    assert refused.value.reason == why


def test_a_document_may_begin_with_a_mark_of_its_encoding() -> None:
    assert len(nhjc.decode(b"\xef\xbb\xbf" + payload(SENT)).items) == 1


def test_no_secret_is_kept() -> None:
    assert DEVICE.encode() not in nhjc.redacted(payload(SENT))
    assert DEVICE not in nhjc.text_of(payload(SENT))
    assert nhjc.find_device_key(b'{"x": "\xb5\xe7", "deviceId" : "%s"' % DEVICE.encode()) == DEVICE


def test_what_is_kept_is_the_same_whenever_it_is_sent() -> None:
    def kept(upload_date: str) -> bytes:
        found = content(dataValue="--", uploadDate=upload_date)
        [(document, count)] = nhjc.documents([item.document for item in found.refused])
        assert count == 1
        return document

    assert kept("2026-11-23 01:38:00") == kept("2026-11-23 01:48:00")
    [again] = read(nhjc.decode(kept("")).items, Dialect(), None).refused
    assert again.reason.reason is Reason.NOT_NUMBER


STATED = datetime(2026, 3, 5, 8, 17, 9, tzinfo=BEIJING)


@pytest.mark.parametrize(
    ("statistic", "time_of", "start"),
    [
        pytest.param("instant", "start", "2026-03-05 08:17:09", id="real-time as it is"),
        pytest.param("quarter.total", "start", "2026-03-05 08:17:09", id="so of a quarter"),
        pytest.param("day.total", "start", "2026-03-05 00:00:00", id="the day of it"),
        pytest.param("month.total", "start", "2026-03-01 00:00:00", id="the month of it"),
        pytest.param("year.total", "start", "2026-01-01 00:00:00", id="the year of it"),
        pytest.param("instant", "upload", "2026-03-05 08:17:09", id="sent at: an instant stays"),
        pytest.param("quarter.total", "upload", "2026-03-05 08:00:00", id="sent at: the quarter"),
        pytest.param("hour.total", "upload", "2026-03-05 07:00:00", id="sent at: the hour"),
        pytest.param("day.total", "upload", "2026-03-04 00:00:00", id="sent at: yesterday"),
        pytest.param("month.total", "upload", "2026-02-01 00:00:00", id="sent at: last month"),
        pytest.param("year.total", "upload", "2025-01-01 00:00:00", id="sent at: last year"),
    ],
)
def test_the_period_that_a_time_names(statistic: str, time_of: str, start: str) -> None:
    wanted = datetime.fromisoformat(f"{start}+08:00")
    found = start_of(STATED, statistic, TimeOf(time_of))
    assert datetime.fromtimestamp(found / 1e6, BEIJING) == wanted


@pytest.mark.parametrize(
    ("kind", "fitting"),
    [
        (0, {"instant", "minute.mean", "quarter.total", "hour.total", "hour.mean"}),
        (1, {"day.total", "day.mean"}),
        (2, {"month.total"}),
        (3, {"year.total"}),
    ],
)
def test_which_channels_take_a_kind_of_value(kind: int, fitting: set[str]) -> None:
    statistics = {"instant", "minute.mean", "quarter.total", "hour.total", "hour.mean"}
    statistics |= {"day.total", "day.mean", "month.total", "year.total"}
    assert {name for name in statistics if StatType(kind).fits(name)} == fitting


def test_success_is_told_to_the_letter() -> None:
    answer = json.loads(nhjc_answers.success(Dialect()))
    assert answer == {"responseCode": "0", "responseMessage": "RECEIVE SUCCESS"}
    number = Dialect(code_as_number=True, success_code="200", success_message="成功")
    answer = json.loads(nhjc_answers.success(number))
    assert answer == {"responseCode": 200, "responseMessage": "成功"}


def test_no_failure_holds_the_message_of_success() -> None:
    answer = json.loads(nhjc_answers.failure(Dialect(), "RECEIVE SUCCESS 不符"))
    assert answer["responseCode"] == "1"
    assert "RECEIVE SUCCESS" not in answer["responseMessage"]


@pytest.mark.parametrize(
    ("first", "last"),
    [(time(1), time(5)), (time(23), time(2)), (time(3), time(3))],
    ids=["at night", "over midnight", "one second"],
)
def test_uploads_are_spread_over_the_window(first: time, last: time) -> None:
    times = {nhjc_answers.upload_time(f"91620623MA{n:08}", first, last) for n in range(500)}
    parsed = [time.fromisoformat(text) for text in times]
    if first <= last:
        assert all(first <= at <= last for at in parsed)
    else:
        assert all(at >= first or at <= last for at in parsed)
    assert len(times) > 400 or first == last
    assert nhjc_answers.upload_time("a", first, last) == nhjc_answers.upload_time("a", first, last)
