"""Around HJ 212's packets: ciphers, statistics, bindings, split packets, requests."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import bindings
from ingest.errors import Reason
from ingest.protocols import hj212, hj212_cipher, hj212_readings, hj212_values
from ingest.protocols.hj212 import Version
from ingest.protocols.hj212_frames import Frame, Framer
from ingest.protocols.hj212_request import request
from ingest.registry import Monitor, Sender
from ingest.splits import PATIENCE, Splits
from schemas.registry import STATISTICS

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
KEY = bytes.fromhex("0123456789abcdeffedcba9876543210")
MONITOR = Monitor(1, "V-1", "MN1", Sender("MN1", 1, "uscc"))
LOCKED = replace(MONITOR, locked=True, password="123456", addresses=("10.1.0.0/16", "fd00::/8"))


def segment(cn: str, content: str, flag: int = 5, extra: str = "") -> bytes:
    head = f"QN=20260105080030000;ST=31;CN={cn};PW=123456;MN=MN1;Flag={flag};{extra}"
    return f"{head}CP=&&{content}&&".encode()


# --- ciphers


def test_sm4_is_that_of_gb_t_32907() -> None:
    assert hj212_cipher.seal(KEY, KEY).hex() == "681edf34d206965e86b3e94f536e4246"


@given(content=st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=16))
def test_what_was_sealed_is_revealed(content: str) -> None:
    head = b"QN=1;CP=&&"
    sealed = head + hj212_cipher.seal(content.encode(), KEY) + b"&&"
    assert hj212_cipher.reveal(sealed, [bytes(16), KEY]) == head + content.encode() + b"&&"


def test_a_tail_shorter_than_a_block_stays_in_plain() -> None:
    assert hj212_cipher.seal(b"x" * 16 + b"tail", KEY).endswith(b"tail")


def test_the_printed_form_of_a_ciphertext_is_read() -> None:
    sealed = hj212_cipher.seal(b"DataTime=20260105", KEY)
    printed = "{" + ",".join(f"0x{byte:02X}" for byte in sealed[:16]) + "}"
    whole = b"CP=&&" + printed.encode() + sealed[16:] + b"&&"
    assert hj212_cipher.reveal(whole, [KEY]) == b"CP=&&DataTime=20260105&&"


@given(garbage=st.binary(max_size=200))
def test_garbage_is_revealed_as_nothing_or_text(garbage: bytes) -> None:
    plain = hj212_cipher.reveal(b"CP=&&" + garbage + b"&&", [KEY])
    assert plain is None or plain.decode().isprintable()


# --- statistics


@pytest.mark.parametrize(
    ("cn", "item", "names", "statistic"),
    [
        ("2011", "a24088-Rtd=1", ("a24088", "nmhc"), "instant"),
        ("2011", "a24088-ZsRtd=1", ("a24088", "nmhc"), "instant_corrected"),
        ("2051", "a24088-Avg=1", ("a24088", "nmhc"), "minute.mean"),
        ("2061", "a24088-Max=1", ("a24088", "nmhc"), "hour.max"),
        ("2061", "a24088-ZsAvg=1", ("a24088", "nmhc"), "hour.mean_corrected"),
        ("2061", "a24088-Cou=1", ("a24088", "nmhc_mass"), "hour.total"),
        ("2061", "a00000-Cou=1", ("a00000", "gas_volume"), "hour.total"),
        ("2031", "a24088-Avg=1", ("a24088", "nmhc"), "day.mean"),
        ("2013", "a24088-Avg=1", ("a24088", "nmhc"), "cycle"),
        ("2011", "S01-Rtd=1", ("S01", "oxygen"), "instant"),
        ("2011", "ga0601-Rtd=1", ("ga0601",), "instant"),
        ("2021", "SB1-RS=1", ("SB1",), "instant"),
        ("2041", "SB1-RT=1", ("SB1",), "day.total"),
        ("2011", "a24088-Avg=1", ("a24088", "nmhc"), "2011-Avg"),
    ],
)
def test_a_value_is_named_by_code_and_statistic(
    cn: str, item: str, names: tuple[str, ...], statistic: str
) -> None:
    packet = hj212.parse(segment(cn, f"DataTime=20260105080000;{item}"))
    [value] = hj212_readings.coded(packet, hj212_values.read(packet))
    assert (value.names, value.statistic) == (names, statistic)
    assert statistic in STATISTICS or statistic == "2011-Avg"


def test_what_is_missing_is_left_out() -> None:
    packet = hj212.parse(segment("2011", "DataTime=20260105080000;a24088-Rtd=--,a24088-Flag=B"))
    assert list(hj212_readings.coded(packet, hj212_values.read(packet))) == []


# --- bindings


@pytest.mark.parametrize(
    ("monitor", "password", "address", "reason"),
    [
        pytest.param(MONITOR, "anything", "8.8.8.8", None, id="learning takes what comes"),
        pytest.param(LOCKED, "123456", "10.1.2.3", None, id="fits"),
        pytest.param(LOCKED, "123456", "fd00::1", None, id="fits the other version"),
        pytest.param(LOCKED, "000000", "10.1.2.3", Reason.WRONG_PW, id="another PW"),
        pytest.param(LOCKED, "123456", "10.2.0.1", Reason.WRONG_ADDRESS, id="another network"),
        pytest.param(LOCKED, "123456", "", Reason.WRONG_ADDRESS, id="no address"),
        pytest.param(replace(LOCKED, addresses=()), "123456", "8.8.8.8", None, id="any address"),
        pytest.param(replace(LOCKED, password=None), "x", "10.1.2.3", None, id="any PW"),
    ],
)
def test_a_monitor_is_judged_by_what_it_is_bound_to(
    monitor: Monitor, password: str, address: str, reason: Reason | None
) -> None:
    rejected = bindings.judge(monitor, password, address)
    assert (rejected.reason if rejected else None) == reason


@pytest.mark.parametrize(
    ("since", "addresses", "is_news"),
    [
        pytest.param(None, (), True, id="the first frame"),
        pytest.param(NOW - timedelta(days=1), ("10.1.2.3/32",), False, id="known"),
        pytest.param(NOW - timedelta(days=1), ("10.9.9.9/32",), True, id="another address"),
        pytest.param(NOW - timedelta(days=7), ("10.1.2.3/32",), True, id="time to lock"),
    ],
)
def test_learning_writes_only_what_is_new(
    since: datetime | None, addresses: tuple[str, ...], is_news: bool
) -> None:
    monitor = replace(MONITOR, learning_since=since, addresses=addresses)
    assert bindings.is_news(monitor, "10.1.2.3", NOW, timedelta(days=7)) is is_news


# --- split packets


def part(number: int, of: int = 2, cn: str = "2061") -> hj212.Packet:
    extra = f"PNUM={of};PNO={number};"
    return hj212.parse(segment(cn, "DataTime=20260105080000;a24088-Avg=1", 7, extra))


@pytest.mark.parametrize(
    ("parts", "given_up"),
    [
        pytest.param((1, 2), [], id="in order"),
        pytest.param((2, 1), [], id="the other way round"),
        pytest.param((1, 2, 1), [], id="sent again after it was complete"),
        pytest.param((1,), ["MN1"], id="half"),
        pytest.param((1, 1), ["MN1"], id="the same half twice"),
        pytest.param((3,), ["MN1"], id="a part beyond the number of parts"),
    ],
)
def test_a_set_of_parts_is_complete_or_given_up(
    parts: tuple[int, ...], given_up: list[str]
) -> None:
    splits = Splits()
    for number in parts:
        assert splits.note(part(number), 1, NOW) == []
    later = hj212.parse(segment("2061", "DataTime=20260105090000;a24088-Avg=1"))
    assert splits.note(later, 2, NOW + PATIENCE) == given_up


# --- requests


def test_a_request_is_a_frame_that_asks_for_an_answer() -> None:
    frame = request("2" * 17, "31", "1012", "123456", "MN1", Version.V2017, "SystemTime=1", None)
    [found] = Framer().feed(frame)
    assert isinstance(found, Frame)
    packet = hj212.parse(found.segment)
    assert (packet.cn, packet.asks, packet.version) == ("1012", True, Version.V2017)
    assert packet.content == "SystemTime=1"


def test_a_request_of_2025_is_enciphered_after_its_crc_was_counted() -> None:
    content = "SKCreateTime=20260105080000000;NewSK=0123456789abcdef"
    frame = request("2" * 17, "31", "1014", "123456", "MN1", Version.V2025, content, KEY)
    assert content.encode()[:16] not in frame
    [found] = Framer(reveal=lambda raw: hj212_cipher.reveal(raw, [KEY])).feed(frame)
    assert isinstance(found, Frame)
    assert hj212.parse(found.segment).content == content
