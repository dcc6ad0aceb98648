"""Frames of HJ 212: whatever the stream holds, the good ones come out, once and in order."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.protocols import hj212_frames
from ingest.protocols.hj212_frames import (
    MAX_EXCERPT,
    MAX_SEGMENT,
    Cause,
    Frame,
    Framer,
    Skipped,
    build,
    checksum,
)

SEGMENT = (
    b"QN=20260105090000001;ST=31;CN=2061;PW=123456;MN=0123456789ABCDEF01234567;Flag=5;"
    b"CP=&&DataTime=20260105080000;a24088-Min=9.800,a24088-Avg=12.600,a24088-Max=18.200,"
    b"a24088-Cou=0.1780,a24088-Flag=N;a00000-Min=3.70,a00000-Avg=3.92,a00000-Max=4.03,"
    b"a00000-Cou=14112.0,a00000-Flag=N&&"
)
HOUR = b"##0276" + SEGMENT + b"5E40"  # E04
HEARTBEAT = (
    b"##0087QN=20260105080100000;ST=31;CN=9015;PW=123456;MN=0123456789ABCDEF01234567;"
    b"Flag=9;CP=&&&&E041"
)


def frames(found: Sequence[Frame | Skipped]) -> list[bytes]:
    return [item.raw for item in found if isinstance(item, Frame)]


def causes(found: Sequence[Frame | Skipped]) -> list[Cause]:
    return [item.cause for item in found if isinstance(item, Skipped)]


def drain(framer: Framer) -> list[Frame | Skipped]:
    found: list[Frame | Skipped] = []
    while framer.waiting:
        before = framer.waiting
        found += framer.give_up()
        assert framer.waiting < before
    return found


def register_of_appendix_a(segment: bytes) -> int:
    register = 0xFFFF
    for byte in segment:
        register = (register >> 8) ^ byte
        for _ in range(8):
            carry = register & 1
            register >>= 1
            if carry:
                register ^= 0xA001
    return register


@pytest.mark.parametrize(
    ("sent", "segments", "skipped"),
    [
        pytest.param(HOUR + b"\r\n", 1, [], id="E04 a frame"),
        pytest.param(HOUR, 1, [], id="CR LF may be missing"),
        pytest.param(HOUR + HOUR + b"\n" + HEARTBEAT, 3, [], id="E02 joined, and sent again"),
        pytest.param(HOUR[:100], 0, [], id="F01 half a frame waits"),
        pytest.param(
            HOUR.replace(b"12.600", b"12.700"), 0, [Cause.CRC], id="F03 one digit changed"
        ),
        pytest.param(HOUR[:-4] + b"5e40", 1, [], id="F04 CRC in small letters"),
        pytest.param(HOUR[:-4] + b"405E", 0, [Cause.CRC], id="F05 CRC bytes swapped"),
        pytest.param(
            HOUR.replace(b"0276", b"0275") + HEARTBEAT, 1, [Cause.CRC], id="F06 length too small"
        ),
        pytest.param(
            HOUR.replace(b"0276", b"0277") + HEARTBEAT, 1, [Cause.CRC], id="F07 length too large"
        ),
        pytest.param(
            HOUR.replace(b"0276", b"0X51") + HEARTBEAT, 1, [Cause.LENGTH], id="F08 no number"
        ),
        pytest.param(HOUR.replace(b"0276", b"276") + HEARTBEAT, 2, [], id="F09 three digits"),
        pytest.param(b"..#garbage#" + HOUR, 1, [Cause.NOISE], id="F10 a lone # before a frame"),
        pytest.param(HOUR[:-4] + b"FFFF", 0, [Cause.CRC], id="F15 a CRC that none can be"),
        pytest.param(b"##0000FFFF" + HOUR, 1, [Cause.LENGTH], id="an empty segment says nothing"),
        pytest.param(
            HOUR[:-4] + b"0x5E" + HOUR[:-4] + b"+5E4" + HOUR,
            1,
            [Cause.CRC, Cause.CRC],
            id="failed frames are counted one by one",
        ),
        pytest.param(b"\r\n\r\n" + HOUR + b"\r\n\n", 1, [], id="empty lines are no noise"),
    ],
)
def test_what_comes_of_a_stream(sent: bytes, segments: int, skipped: list[Cause]) -> None:
    found = Framer().feed(sent)
    assert len(frames(found)) == segments
    assert causes(found) == skipped


def test_a_frame_is_kept_as_it_came_and_its_segment_without_head_and_crc() -> None:
    assert Framer().feed(HOUR + b"\r\n") == [Frame(HOUR, SEGMENT)]


def test_the_second_half_completes_a_frame() -> None:
    """F01 and F02."""
    framer = Framer()
    assert framer.feed(HOUR[:100]) == []
    assert framer.waiting == 100
    assert framer.feed(HOUR[100:]) == [Frame(HOUR, SEGMENT)]
    assert framer.waiting == 0


def test_half_a_frame_is_given_up_and_shown() -> None:
    """F01 after its time-out."""
    framer = Framer()
    framer.feed(HOUR[:100])
    assert framer.give_up() == [Skipped(Cause.TRUNCATED, 100, HOUR[:100])]
    assert framer.waiting == 0
    assert framer.give_up() == []


def test_giving_up_finds_the_frames_that_a_wrong_length_lays_claim_to() -> None:
    framer = Framer()
    assert framer.feed(b"##9000" + HOUR + b"\r\n" + HOUR[:50]) == []
    found = framer.give_up()
    assert (frames(found), causes(found)) == ([HOUR], [Cause.TRUNCATED])
    assert framer.waiting == 50
    assert frames(framer.feed(HOUR[50:])) == [HOUR]


def test_a_good_frame_inside_a_failed_one_is_found() -> None:
    failed = b"##0400" + b"x" * 60 + HOUR + b"y" * 54 + b"0000"
    found = Framer().feed(failed)
    assert frames(found) == [HOUR]
    assert [(item.cause, item.size) for item in found if isinstance(item, Skipped)] == [
        (Cause.CRC, 66),
        (Cause.NOISE, 58),
    ]


def test_a_segment_above_the_limit_is_skipped() -> None:
    assert causes(Framer(limit=275).feed(HOUR)) == [Cause.LENGTH]
    assert frames(Framer(limit=276).feed(HOUR)) == [HOUR]


def test_what_is_shown_of_skipped_bytes_is_bounded() -> None:
    (skipped,) = Framer().feed(b"x" * 5_000)
    assert skipped == Skipped(Cause.NOISE, 5_000, b"x" * MAX_EXCERPT)


def test_bytes_that_look_like_a_frame_inside_a_good_one_are_not_taken() -> None:
    outer = build(b"QN=1;CP=&&" + HEARTBEAT + b"\r\n##0001&&")
    for cut in range(len(outer)):
        framer = Framer()
        assert frames(framer.feed(outer[:cut]) + framer.feed(outer[cut:])) == [outer[:-2]]


def enciphered(cp: bytes) -> tuple[bytes, bytes]:
    """Return a plain segment and its frame, its CP under a cipher that only flips bits."""
    head = b"QN=1;Flag=9;CP=&&%b&&"
    plain = head % cp
    sent = head % bytes(byte ^ 0x80 for byte in cp)
    return plain, b"##%04d%b%04X" % (len(sent), sent, checksum(plain))


def reveal(segment: bytes) -> bytes | None:
    if not segment.startswith(b"QN=1;Flag=9;CP=&&"):
        return None
    return segment[:17] + bytes(byte ^ 0x80 for byte in segment[17:-2]) + b"&&"


def test_the_crc_of_an_enciphered_segment_is_that_of_the_plain_one() -> None:
    """HJ 212-2025 counts first and enciphers then; the ciphertext here holds a frame."""
    plain, sent = enciphered(bytes(byte ^ 0x80 for byte in HEARTBEAT))
    assert Framer(reveal=reveal).feed(sent) == [Frame(sent, plain)]


def test_ciphertext_that_fits_its_crc_by_chance_is_revealed_too() -> None:
    plain, sent = enciphered(b"a24088-Rtd=12.34")
    assert checksum(sent[6:-4]) == checksum(plain)
    assert Framer(reveal=reveal).feed(sent) == [Frame(sent, plain)]
    assert Framer().feed(sent) == [Frame(sent, sent[6:-4])]


def test_a_wrong_key_reveals_nothing() -> None:
    _, sent = enciphered(b"a24088-Rtd=1")
    assert causes(Framer(reveal=lambda _: b"QN=1;Flag=9;CP=&&junk&&").feed(sent)) == [Cause.CRC]


def test_text_that_cannot_be_revealed_is_as_it_came() -> None:
    sent = build("ST=31;CP=&&i11001-Info=//清洗//&&".encode())
    assert frames(Framer(reveal=reveal).feed(sent + HOUR)) == [sent[:-2], HOUR]
    assert causes(Framer(reveal=reveal).feed(HOUR[:-4] + b"0000")) == [Cause.CRC]


def test_the_register_is_that_of_appendix_a() -> None:
    printed = (
        b"QN=20160801085857223;ST=32;CN=1062;PW=100000;MN=010000A8900016F000169DC0;Flag=5;"
        b"CP=&&RtdInterval=30&&"
    )
    assert checksum(printed) == register_of_appendix_a(printed) == 0x1C80


@given(st.binary(min_size=1, max_size=3_000))
def test_the_crc_of_any_bytes_is_that_of_appendix_a(segment: bytes) -> None:
    crc = checksum(segment)
    assert crc == register_of_appendix_a(segment)
    assert crc & 0xFF in {0x00, 0x01, 0x40, 0x41, 0x80, 0x81, 0xC0, 0xC1}


@given(st.binary(min_size=1, max_size=500), st.data())
def test_one_byte_changed_is_always_noticed(segment: bytes, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(segment) - 1))
    other = data.draw(st.integers(0, 255).filter(lambda byte: byte != segment[place]))
    changed = segment[:place] + bytes([other]) + segment[place + 1 :]
    assert checksum(changed) != checksum(segment)


@given(st.binary(min_size=1, max_size=MAX_SEGMENT))
def test_what_is_built_is_framed(segment: bytes) -> None:
    if segment[:1].isdigit():  # a segment begins with a name
        segment = b"Q" + segment[1:]
    sent = build(segment)
    assert Framer().feed(sent) == [Frame(sent[:-2], segment)]


@pytest.mark.parametrize("segment", [b"", b"x" * (MAX_SEGMENT + 1)])
def test_a_length_that_cannot_be_said_is_not_built(segment: bytes) -> None:
    with pytest.raises(ValueError, match="segment"):
        build(segment)


good = st.sampled_from([HOUR, HEARTBEAT, HOUR.replace(b"0276", b"276")]) | st.binary(
    max_size=300
).map(lambda content: build(b"CP=&&%b&&" % content)[:-2])
noise = st.lists(st.sampled_from([b"#", b"##", b"Q", b"\xff\x00", b"&&", b"\r\n"])).map(b"".join)
cuts = st.lists(st.integers(0, 3_000), max_size=30)


def feed_in_parts(framer: Framer, stream: bytes, places: list[int]) -> list[Frame | Skipped]:
    found: list[Frame | Skipped] = []
    edges = [0, *sorted(place for place in places if place < len(stream)), len(stream)]
    for start, stop in pairwise(edges):
        found += framer.feed(stream[start:stop])
        assert framer.waiting < MAX_SEGMENT + 10
    return found


@given(st.lists(st.tuples(noise, good)), noise, cuts)
def test_good_frames_come_out_of_any_noise_however_it_is_cut(
    sent: list[tuple[bytes, bytes]], rest: bytes, places: list[int]
) -> None:
    stream = b"".join(before + frame for before, frame in sent) + rest
    framer = Framer()
    found = feed_in_parts(framer, stream, places)
    assert frames(found) == [frame for _, frame in sent]
    assert framer.waiting <= 2


@given(st.lists(st.tuples(st.sampled_from([b"##0100", b"##999", b"##9999~"]), good)), cuts)
def test_false_heads_delay_good_frames_and_lose_none(
    sent: list[tuple[bytes, bytes]], places: list[int]
) -> None:
    stream = b"".join(before + frame for before, frame in sent)
    framer = Framer()
    found = feed_in_parts(framer, stream, places) + drain(framer)
    assert frames(found) == [frame for _, frame in sent]


pieces = st.lists(
    st.binary(max_size=20)
    | st.sampled_from([b"##", b"#", b"##0010", b"##1024", b"##9999", b"##001X0000", HOUR, b"\r\n"])
)


@given(pieces.map(b"".join), cuts, st.integers(1, MAX_SEGMENT))
def test_every_byte_is_framed_or_reported_once(
    stream: bytes, places: list[int], limit: int
) -> None:
    framer = Framer(limit)
    found = feed_in_parts(framer, stream, places)
    assert framer.waiting < limit + 10
    found += drain(framer)
    told = sum(len(item.raw) if isinstance(item, Frame) else item.size for item in found)
    assert len(stream) - stream.count(b"\r") - stream.count(b"\n") <= told <= len(stream)


@pytest.mark.parametrize(
    "unit",
    [b"#", b"##1024", b"##9999", b"##0000", b"##0001X0000", b"##99900000", b"x", HOUR[:-4]],
    ids=repr,
)
def test_a_hostile_megabyte_costs_one_crc_a_head(
    unit: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = 0

    def counting(segment: bytes) -> int:
        nonlocal counted
        counted += 1
        return checksum(segment)

    monkeypatch.setattr(hj212_frames, "checksum", counting)
    stream = unit * (1_000_000 // len(unit))
    framer = Framer()
    assert frames(framer.feed(stream)) == []
    assert framer.waiting < MAX_SEGMENT + 10
    assert counted <= stream.count(b"##")
