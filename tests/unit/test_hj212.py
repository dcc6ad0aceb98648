"""Packets of HJ 212 in three versions: what they say, what is refused, what is answered."""

from contextlib import suppress
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.errors import Reason, Rejected
from ingest.protocols.hj212 import (
    Packet,
    Version,
    answer,
    data_answer,
    instant,
    notice_answer,
    parse,
)
from ingest.protocols.hj212_frames import Frame, Framer, build
from ingest.protocols.hj212_values import Content, Suffix, Value, quality_of, read
from schemas.reading import Quality

MN = "0123456789ABCDEF01234567"
SAMPLES = {
    "E01": (
        b"##0478QN=20260105080030000;ST=31;CN=2011;PW=123456;MN=0123456789ABCDEF01234567;"
        b"Flag=5;CP=&&DataTime=20260105080030;a24088-Rtd=12.345,a24088-Flag=N;a05002-Rtd=2.10,"
        b"a05002-Flag=N;a24087-Rtd=14.45,a24087-Flag=N;a25002-Rtd=0.120,a25002-Flag=N;"
        b"a25003-Rtd=1.310,a25003-Flag=N;a25005-Rtd=2.040,a25005-Flag=N;a00000-Rtd=3.917,"
        b"a00000-Flag=N;a01011-Rtd=5.73,a01011-Flag=N;a01012-Rtd=39.8,a01012-Flag=N;"
        b"a01013-Rtd=-0.123,a01013-Flag=N;a01014-Rtd=9.6,a01014-Flag=N;a19001-Rtd=15.2,"
        b"a19001-Flag=N&&7200"
    ),
    "E03": (
        b"##0276QN=20260105081000001;ST=31;CN=2051;PW=123456;MN=0123456789ABCDEF01234567;"
        b"Flag=4;CP=&&DataTime=20260105080000;a24088-Min=10.100,a24088-Avg=12.300,"
        b"a24088-Max=15.900,a24088-Cou=0.0290,a24088-Flag=N;a00000-Min=3.80,a00000-Avg=3.93,"
        b"a00000-Max=4.02,a00000-Cou=2358.0,a00000-Flag=N&&AA01"
    ),
    "E04": (
        b"##0276QN=20260105090000001;ST=31;CN=2061;PW=123456;MN=0123456789ABCDEF01234567;"
        b"Flag=5;CP=&&DataTime=20260105080000;a24088-Min=9.800,a24088-Avg=12.600,"
        b"a24088-Max=18.200,a24088-Cou=0.1780,a24088-Flag=N;a00000-Min=3.70,a00000-Avg=3.92,"
        b"a00000-Max=4.03,a00000-Cou=14112.0,a00000-Flag=N&&5E40"
    ),
    "E05": (
        b"##0242QN=20260105100000001;ST=31;CN=2061;PW=123456;MN=0123456789ABCDEF01234567;"
        b"Flag=5;CP=&&DataTime=20260105090000;a24088-Min=0.000,a24088-Avg=0.000,"
        b"a24088-Max=0.000,a24088-Cou=0.0000,a24088-Flag=M;a00000-Avg=3.90,a00000-Cou=14040.0,"
        b"a00000-Flag=N&&A441"
    ),
    "E06": (
        b"##0195QN=20260106000000001;ST=31;CN=2031;PW=123456;MN=0123456789ABCDEF01234567;"
        b"Flag=5;CP=&&DataTime=20260105000000;a24088-Min=8.100,a24088-Avg=12.100,"
        b"a24088-Max=31.700,a24088-Cou=4.1000,a24088-Flag=N&&7640"
    ),
    "E07": (
        b"##0281QN=20260105090000002;ST=31;CN=2061;PW=123456;MN=0123456789ABCDEF01234567;"
        b"Flag=5;CP=&&DataTime=20260105080000;a21026-Avg=20.1,a21026-ZsAvg=25.1,a21026-Flag=N;"
        b"a21002-Avg=33.0,a21002-ZsAvg=41.3,a21002-Flag=N;a34013-Avg=3.2,a34013-ZsAvg=4.0,"
        b"a34013-Flag=N;a19001-Avg=9.0,a19001-Flag=N&&8801"
    ),
    "E08": (
        b"##0155QN=20260105090000534;ST=31;CN=2061;PW=123456;MN=0123456789ABCDEF01234567;"
        b"Flag=7;PNUM=2;PNO=1;CP=&&DataTime=20260105080000;a24088-Avg=12.600,"
        b"a24088-Flag=N&&18C0"
    ),
    "E09": (
        b"##0154QN=20260105090000535;ST=31;CN=2061;PW=123456;MN=0123456789ABCDEF01234567;"
        b"Flag=7;PNUM=2;PNO=2;CP=&&DataTime=20260105080000;a05002-Avg=2.100,a05002-Flag=N&&7F80"
    ),
    "E10": (
        b"##0087QN=20260105090000001;ST=91;CN=9014;PW=123456;MN=0123456789ABCDEF01234567;"
        b"Flag=4;CP=&&&&D581"
    ),
    "E11": (
        b"##0128QN=20260105080030001;ST=31;CN=2021;PW=123456;MN=0123456789ABCDEF01234567;"
        b"Flag=5;CP=&&DataTime=20260105080030;SB1-RS=1;SB2-RS=0&&1A40"
    ),
    "E12": (
        b"##0137QN=20260105074500000;ST=31;CN=2081;PW=123456;MN=0123456789ABCDEF01234567;"
        b"Flag=5;CP=&&DataTime=20260105074500;RestartTime=20260105074312&&5F00"
    ),
    "E13": (
        b"##0142QN=20260105080030000;ST=31;CN=2011;PW=123456;MN=0123456789ABCDEF01234567;"
        b"Flag=9;CP=&&DataTime=20260105080030;a24088-Rtd=12.345,a24088-Flag=N&&8EC1"
    ),
    "E14": (
        b"##0147QN=20260105113000000;ST=31;CN=2061;PW=123456;MN=0123456789ABCDEF01234567;"
        b"Flag=9;RF=1;CP=&&DataTime=20260105080000;a24088-Avg=12.600,a24088-Flag=N&&5440"
    ),
    "E15": (
        b"##0087QN=20260105080100000;ST=31;CN=9015;PW=123456;MN=0123456789ABCDEF01234567;"
        b"Flag=9;CP=&&&&E041"
    ),
    "E16": (
        "##0152QN=20260105081500000;ST=31;CN=3020;PW=123456;MN=0123456789ABCDEF01234567;"
        "Flag=5;CP=&&DataTime=20260105081500;PolId=a24088;i11001-Info=//清洗管路//&&4400"
    ).encode(),
    "E17": (
        b"##0121ST=31;CN=2011;PW=123456;MN=88888880000001;CP=&&DataTime=20260105080030;"
        b"25-Rtd=14.45,25-Flag=N;S02-Rtd=5.73;S03-Rtd=39.8&&8801"
    ),
    "F11": (
        b"##0120QN=20200828190600000;ST=27;CN=2011;PW=123456;MN=18AAH;Flag=4;"
        b"CP=&&DataTime=20200828190600;a24088-Rtd=0.0,a24088-Flag=F&&B981"
    ),
    "F12": (
        b"##0164QN=20260105080030002;ST=31;CN=2011;PW=123456;MN=0123456789ABCDEF01234567;"
        b"Flag=5;CP=&&DataTime=20260105080030;a24088-Rtd=,a24088-Flag=D;a05002-Rtd=--,"
        b"a05002-Flag=B&&3AC0"
    ),
    "F13": (
        b"##0115QN=20260105080030003;ST=31;CN=2011;PW=123456;MN=0123456789ABCDEF01234567;"
        b"Flag=5;CP=&&a24088-Rtd=1.0,a24088-Flag=N&&F781"
    ),
}


def segment_of(frame: bytes) -> bytes:
    (found,) = Framer().feed(frame + b"\r\n")
    assert isinstance(found, Frame)
    return found.segment


def packet_of(name: str) -> Packet:
    return parse(segment_of(SAMPLES[name]))


def micros(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * 1_000_000


def numbers(content: Content) -> dict[str, float | None]:
    return {f"{value.factor}-{value.suffix}": value.number for value in content.values}


def content_of(cp: str, head: str = "ST=31;CN=2011;MN=M1;Flag=4") -> Content:
    return read(parse(f"{head};CP=&&{cp}&&".encode()))


@pytest.mark.parametrize(
    ("name", "st", "cn", "version", "wants_answer"),
    [
        pytest.param("E01", "31", "2011", Version.V2017, True, id="E01 and E02 moment"),
        pytest.param("E03", "31", "2051", Version.V2017, False, id="E03 ten minutes"),
        pytest.param("E04", "31", "2061", Version.V2017, True, id="E04 hour"),
        pytest.param("E05", "31", "2061", Version.V2017, True, id="E05 hour in maintenance"),
        pytest.param("E06", "31", "2031", Version.V2017, True, id="E06 day"),
        pytest.param("E07", "31", "2061", Version.V2017, True, id="E07 corrected for oxygen"),
        pytest.param("E08", "31", "2061", Version.V2017, True, id="E08 first part"),
        pytest.param("E09", "31", "2061", Version.V2017, True, id="E09 and F14 second part"),
        pytest.param("E10", "91", "9014", Version.V2017, False, id="E10 answer"),
        pytest.param("E11", "31", "2021", Version.V2017, True, id="E11 facility states"),
        pytest.param("E12", "31", "2081", Version.V2017, True, id="E12 restart"),
        pytest.param("E13", "31", "2011", Version.V2025, True, id="E13 of 2025"),
        pytest.param("E14", "31", "2061", Version.V2025, True, id="E14 sent again"),
        pytest.param("E15", "31", "9015", Version.V2025, True, id="E15 heartbeat"),
        pytest.param("E16", "31", "3020", Version.V2017, True, id="E16 log text"),
        pytest.param("E17", "31", "2011", Version.V2005, False, id="E17 of 2005"),
        pytest.param("F11", "27", "2011", Version.V2017, False, id="F11 short MN"),
        pytest.param("F12", "31", "2011", Version.V2017, True, id="F12 missing values"),
        pytest.param("F13", "31", "2011", Version.V2017, True, id="F13 no DataTime"),
    ],
)
def test_what_kind_of_packet_it_is(
    name: str, st: str, cn: str, version: Version, wants_answer: bool
) -> None:
    packet = packet_of(name)
    assert (packet.st, packet.cn, packet.version) == (st, cn, version)
    assert packet.wants_answer is wants_answer
    assert packet.resent is (name == "E14")


@pytest.mark.parametrize(
    ("name", "at", "expected"),
    [
        ("E03", "2026-01-05T08:00:00+08:00", {
            "a24088-Min": 10.1, "a24088-Avg": 12.3, "a24088-Max": 15.9, "a24088-Cou": 0.029,
            "a00000-Min": 3.8, "a00000-Avg": 3.93, "a00000-Max": 4.02, "a00000-Cou": 2358.0,
        }),
        ("E06", "2026-01-05T00:00:00+08:00", {
            "a24088-Min": 8.1, "a24088-Avg": 12.1, "a24088-Max": 31.7, "a24088-Cou": 4.1,
        }),
        ("E07", "2026-01-05T08:00:00+08:00", {
            "a21026-Avg": 20.1, "a21026-ZsAvg": 25.1, "a21002-Avg": 33.0, "a21002-ZsAvg": 41.3,
            "a34013-Avg": 3.2, "a34013-ZsAvg": 4.0, "a19001-Avg": 9.0,
        }),
        ("E09", "2026-01-05T08:00:00+08:00", {"a05002-Avg": 2.1}),
        ("E11", "2026-01-05T08:00:30+08:00", {"SB1-RS": 1, "SB2-RS": 0}),
        ("E13", "2026-01-05T08:00:30+08:00", {"a24088-Rtd": 12.345}),
        ("E16", "2026-01-05T08:15:00+08:00", {}),
        ("E17", "2026-01-05T08:00:30+08:00", {"25-Rtd": 14.45, "S02-Rtd": 5.73, "S03-Rtd": 39.8}),
        ("F11", "2020-08-28T19:06:00+08:00", {"a24088-Rtd": 0.0}),
        ("F12", "2026-01-05T08:00:30+08:00", {"a24088-Rtd": None, "a05002-Rtd": None}),
    ],
)  # fmt: skip
def test_what_a_packet_says(name: str, at: str, expected: dict[str, float | None]) -> None:
    content = read(packet_of(name))
    assert content.at == micros(at)
    assert numbers(content) == expected
    assert content.rejected == []


def test_values_carry_the_flag_of_their_factor() -> None:
    """E01 and E05: one factor in maintenance, the other not."""
    content = read(packet_of("E01"))
    assert content.values[0] == Value("a24088", Suffix.RTD, 12.345, "N")
    assert numbers(content)["a01013-Rtd"] == -0.123
    assert len(content.values) == 12
    packet = packet_of("E05")
    qualities = {v.factor: quality_of(v.flag, packet.version) for v in read(packet).values}
    assert qualities == {"a24088": Quality.BAD, "a00000": Quality.GOOD}


def test_each_part_of_a_split_packet_stands_alone() -> None:
    """E08, E09 and F14."""
    first, second = packet_of("E08"), packet_of("E09")
    assert [(part.pnum, part.pno) for part in (first, second)] == [(2, 1), (2, 2)]
    assert first.qn != second.qn
    assert read(first).at == read(second).at


def test_a_restart_has_its_time() -> None:
    assert read(packet_of("E12")).restarted_at == micros("2026-01-05T07:43:12+08:00")
    assert read(packet_of("E11")).restarted_at is None
    assert content_of("DataTime=20260105080000;RestartTime-Avg=0").restarted_at is None


def test_text_in_cp_is_utf_8() -> None:
    assert packet_of("E16").items[-1] == ("i11001", "Info", "//清洗管路//")


def test_a_packet_without_qn_or_flag_is_of_2005() -> None:
    packet = packet_of("E17")
    assert (packet.qn, packet.mn, packet.pnum) == ("", "88888880000001", None)
    assert [value.flag for value in read(packet).values] == ["N", "", ""]


def test_one_crc_is_no_identity() -> None:
    """F11: other packets of the device have B981 as well."""
    seen = set()
    for second in range(10_000):
        segment = segment_of(SAMPLES["F11"]).replace(b"1906000", b"19%05d" % second)
        if build(segment)[-6:-2] == b"B981":
            seen.add(parse(segment).qn)
    assert len(seen) > 10


@pytest.mark.parametrize(
    ("segment", "qn", "st", "pnum", "pno"),
    [
        pytest.param(b"QN=1,ST=31;CN=2011;MN=M1;Flag=5;CP=&&&&", "1", "31", None, None,
                     id="a comma before ST, as in table C.22"),
        pytest.param(b"QN=1;ST=31;CN=2011;MN=M1;Flag=5CP=&&&&", "1", "31", None, None,
                     id="nothing before CP, as in table C.19"),
        pytest.param(b"QN=1;ST=31;CN=2011;MN=M1;PNO=0002;PNUM=0003;CP=&&&&", "1", "31", 3, 2,
                     id="PNO first, zeros, no Flag"),
        pytest.param(b"QN=1;ST=31;CN=2011;PW=;MN=M1;Flag=;PNUM=;CP=&&&&", "1", "31", None, None,
                     id="empty fields"),
        pytest.param(b"qn=1;st=32;ST=31;CN=2011;MN=M1;CP=&&&&", "", "31", None, None,
                     id="names are case-sensitive"),
    ],
)  # fmt: skip
def test_printed_errors_are_read(
    segment: bytes, qn: str, st: str, pnum: int | None, pno: int | None
) -> None:
    packet = parse(segment)
    assert (packet.qn, packet.st, packet.mn) == (qn, st, "M1")
    assert (packet.pnum, packet.pno) == (pnum, pno)


def test_commas_and_semicolons_of_cp_are_read_alike() -> None:
    """Table C.23 has a comma where C.20 has a semicolon."""
    assert numbers(content_of("DataTime=20260105080000,a1-Rtd=1;a1-Min=0,a2-Rtd=2")) == {
        "a1-Rtd": 1, "a1-Min": 0, "a2-Rtd": 2,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("segment", "fact"),
    [
        (b"", "CP=&&…&&"),
        (b"ST=31;CN=2011;MN=M1", "CP=&&…&&"),
        (b"ST=31;CN=2011;MN=M1;CP=&&DataTime=1", "CP=&&…&&"),
        (b"ST=31;CN=2011;MN=M1;CP=&&", "CP=&&…&&"),
        (b"CN=2011;MN=M1;CP=&&&&", "ST"),
        (b"ST=31;MN=M1;CP=&&&&", "CN"),
        (b"ST=31;CN=2011;mn=M1;CP=&&&&", "MN"),
        (b"ST=31;CN=2011;MN=;CP=&&&&", "MN"),
        (b"ST=31;CN=2011;MN=M1;Flag=A;CP=&&&&", "Flag=A"),
        (b"ST=31;CN=2011;MN=M1;Flag=12;CP=&&&&", "Flag=12"),
        (b"ST=31;CN=2011;MN=M1;PNUM=-1;CP=&&&&", "PNUM=-1"),
        (b"ST=31;CN=2011;MN=M1;PNO=00001;CP=&&&&", "PNO=00001"),
        (b"ST=31;CN=2011;MN=M\x00;CP=&&&&", "ST=31;CN=2011;MN=M\ufffd;"),
        (b"ST=31;CN=2011;MN=M\xff;CP=&&&&", "ST=31;CN=2011;MN=M\ufffd;"),
        (b"ST=31;CN=2011;MN=%b;CP=&&&&" % (b"M" * 65), "MN=" + "M" * 65),
    ],
)
def test_what_cannot_be_read_is_refused(segment: bytes, fact: str) -> None:
    with pytest.raises(Rejected) as refused:
        parse(segment)
    assert (refused.value.reason, refused.value.fact) == (Reason.BAD_FIELD, fact)


@pytest.mark.parametrize(
    "cp",
    [
        pytest.param("a24088-Rtd=1.0,a24088-Flag=N", id="F13 missing"),
        "DataTime=",
        "DataTime=2026010508",
        "DataTime=20261305080000",
        "DataTime=20260230080000",
        "DataTime=２０２６0105080000",
        "DataTime=2026-01-05 08:00:00",
        "datatime=20260105080000",
        "DataTime=20260105080000;a1-Rtd=1;DataTime=20260105090000;a1-Rtd=2",
        "DataTime=20260105080000;RestartTime=never",
    ],
)
def test_a_packet_without_its_one_time_is_refused(cp: str) -> None:
    with pytest.raises(Rejected) as refused:
        content_of(cp)
    assert refused.value.reason is Reason.BAD_FIELD


def test_a_packet_of_data_without_datatime_can_still_be_known() -> None:
    """F13: it is refused for storage, and shown with its device."""
    packet = packet_of("F13")
    assert packet.mn == MN
    with pytest.raises(Rejected, match="DataTime"):
        read(packet)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("20260105080030", 1_767_571_230_000_000),
        ("20260105080030123", 1_767_571_230_123_000),
        ("19700101080000", 0),
        ("00010101000000", -62_135_625_600_000_000),
    ],
)
def test_times_are_of_beijing(text: str, expected: int) -> None:
    assert instant(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "-", "--", "NaN", "nan", "-nan", "null", "NULL", "N/A", "inf", "-Infinity", "1e999"],
)
def test_a_missing_value_is_no_number_and_no_error(text: str) -> None:
    content = content_of(f"DataTime=20260105080000;a1-Rtd={text},a1-Flag=D")
    assert content.values == [Value("a1", Suffix.RTD, None, "D")]
    assert content.rejected == []


@pytest.mark.parametrize("text", ["1O.5", "1.2.3", "1_000", "１２", "12 mg", "<0.07", "0x10"])
def test_a_value_that_is_no_number_is_refused_beside_good_ones(text: str) -> None:
    content = content_of(f"DataTime=20260105080000;a1-Rtd={text};a2-Rtd=+2")
    assert numbers(content) == {"a2-Rtd": 2}
    assert [(r.reason, r.fact) for r in content.rejected] == [(Reason.NOT_NUMBER, f"a1-Rtd={text}")]


def test_a_factor_that_is_no_code_is_refused_beside_good_ones() -> None:
    content = content_of("DataTime=20260105080000;a\x001-Rtd=1;甲-Rtd=2;a2-Rtd=3")
    assert numbers(content) == {"a2-Rtd": 3}
    assert [r.reason for r in content.rejected] == [Reason.BAD_FIELD] * 2


def test_conditions_of_production_are_letters() -> None:
    content = content_of(
        "DataTime=20260105080000;p99101-Rtd=St;p99102-Rtd=N;p99103-Rtd=1.2.3;d20105-Rtd=220.20;a1-Rtd=St"
    )
    assert content.marks == [("p99101", "St"), ("p99102", "N")]
    assert numbers(content) == {"d20105-Rtd": 220.2}
    assert [r.fact for r in content.rejected] == ["p99103-Rtd=1.2.3", "a1-Rtd=St"]


@pytest.mark.parametrize(
    ("flag", "of_2005", "of_2017", "of_2025"),
    [
        ("", Quality.GOOD, Quality.GOOD, Quality.GOOD),
        ("N", Quality.GOOD, Quality.GOOD, Quality.GOOD),
        ("F", Quality.UNCERTAIN, Quality.BAD, Quality.BAD),
        ("S", Quality.MANUAL, Quality.MANUAL, Quality.MANUAL),
        ("M", Quality.BAD, Quality.BAD, Quality.BAD),
        ("D", Quality.BAD, Quality.BAD, Quality.BAD),
        ("C", Quality.BAD, Quality.BAD, Quality.BAD),
        ("T", Quality.BAD, Quality.BAD, Quality.BAD),
        ("B", Quality.BAD, Quality.BAD, Quality.BAD),
        ("Td", Quality.UNCERTAIN, Quality.UNCERTAIN, Quality.BAD),
        ("P", Quality.BAD, Quality.UNCERTAIN, Quality.UNCERTAIN),
        ("0", Quality.BAD, Quality.UNCERTAIN, Quality.UNCERTAIN),
        ("3", Quality.GOOD, Quality.UNCERTAIN, Quality.UNCERTAIN),
        ("n", Quality.UNCERTAIN, Quality.UNCERTAIN, Quality.UNCERTAIN),
    ],
)
def test_a_flag_is_of_its_version(
    flag: str, of_2005: Quality, of_2017: Quality, of_2025: Quality
) -> None:
    assert [quality_of(flag, version) for version in Version] == [of_2005, of_2017, of_2025]


def test_cp_that_is_no_text_is_left_as_it_came() -> None:
    packet = parse(b"QN=1;ST=31;CN=2011;MN=M1;Flag=9;CP=&&\xe4\x3e&&CP=&&\xff&&")
    assert (packet.mn, packet.sealed, packet.items) == ("M1", b"\xe4\x3e&&CP=&&\xff", [])
    assert packet.wants_answer
    with pytest.raises(Rejected) as refused:
        read(packet)
    assert refused.value.reason is Reason.INVALID_UTF8


def test_data_are_answered_with_the_qn_they_came_with() -> None:
    """E04 is answered by E10."""
    assert data_answer(packet_of("E04")) == SAMPLES["E10"] + b"\r\n"


@pytest.mark.parametrize(
    ("name", "cn", "flag"),
    [
        ("E01", "9014", "4"), ("E08", "9014", "4"), ("E12", "9014", "4"), ("E13", "9014", "8"),
        ("E15", "9013", "8"), ("E16", "9014", "4"), ("F13", "9014", "4"),
    ],
)  # fmt: skip
def test_the_answer_is_of_the_packets_kind_and_version(name: str, cn: str, flag: str) -> None:
    packet = packet_of(name)
    built = answer(packet)
    assert built is not None
    assert segment_of(built) == (
        f"QN={packet.qn};ST=91;CN={cn};PW=123456;MN={MN};Flag={flag};CP=&&&&".encode()
    )
    assert built == (notice_answer if cn == "9013" else data_answer)(packet)


@pytest.mark.parametrize(
    "head",
    [
        pytest.param("QN=1;ST=31;CN=2011;MN=M1;Flag=4", id="none asked for"),
        pytest.param("QN=1;ST=31;CN=2011;MN=M1", id="no Flag"),
        pytest.param("ST=31;CN=2011;MN=M1;Flag=5", id="no QN to repeat"),
        pytest.param("QN=1;ST=91;CN=9014;MN=M1;Flag=5", id="an answer itself"),
        pytest.param("QN=1;ST=91;CN=9012;MN=M1;Flag=5", id="a result"),
    ],
)
def test_no_answer_is_given(head: str) -> None:
    assert answer(parse(f"{head};CP=&&&&".encode())) is None


words = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=24)


@given(words, st.sampled_from([4, 5, 8, 9]), st.dictionaries(words, st.floats(-1e6, 1e6)))
def test_what_is_built_is_read(mn: str, flag: int, sent: dict[str, float]) -> None:
    items = "".join(f";{factor}-Avg={number!r},{factor}-Flag=N" for factor, number in sent.items())
    head = f"QN=20260105080030000;ST=31;CN=2061;PW=;MN={mn};Flag={flag}"
    cp = f"CP=&&DataTime=20260105080000{items}&&"
    packet = parse(segment_of(build(f"{head};{cp}".encode())))
    assert (packet.mn, packet.version, packet.asks) == (mn, Version(flag >> 2), bool(flag & 1))
    assert read(packet).values == [
        Value(factor, Suffix.AVG, number, "N") for factor, number in sent.items()
    ]


fragments = st.lists(
    st.binary(max_size=8)
    | st.sampled_from(
        b"QN=|ST=31|CN=2011|MN=M1|Flag=5|PNUM=|PNO=|;|,|=|-|CP=&&|&&|DataTime=|-Rtd=|-Flag=|"
        b"20260105080000|RestartTime=|a24088|99991231235959|00010101000000|1e400|\xe6\xb8".split(
            b"|"
        )
    )
).map(b"".join)
complete = fragments.map(
    lambda middle: b"ST=31;CN=2011;MN=M1;CP=&&DataTime=20260105080000;%b&&" % middle
)


@given(fragments | complete)
def test_whatever_bytes_arrive_nothing_else_is_raised(segment: bytes) -> None:
    with suppress(Rejected):
        packet = parse(segment)
        if packet.wants_answer:
            assert answer(packet) is not None
        read(packet)
