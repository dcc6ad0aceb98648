"""What holds for every input of a decoder, drawn from shapes that come near to good ones."""

import json
import sys
import tracemalloc
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.errors import Rejected
from ingest.protocols import hj212, hj212_values, json_reading
from ingest.protocols.hj212_frames import Framer, build
from tests.fuzz.seeds import DOCUMENT, SEGMENT, WORDS
from tests.fuzz.targets import (
    LIMIT,
    check_hj212,
    check_hj212_frames,
    check_json_reading,
    frames,
)


def torn(good: bytes, words: list[bytes]) -> st.SearchStrategy[bytes]:
    """Draw a good input of which some parts are replaced by words or by any bytes."""
    parts = st.one_of(st.sampled_from([*words, b"", good]), st.binary(max_size=20))

    def tear(drawn: tuple[list[int], list[bytes]]) -> bytes:
        torn = good
        for place, part in zip(*drawn, strict=False):
            at = place % (len(torn) + 1)
            torn = torn[:at] + part + torn[at + len(part) :]
        return torn

    places = st.lists(st.integers(0, 10_000), max_size=6)
    return st.tuples(places, st.lists(parts, max_size=6)).map(tear)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
_items = st.fixed_dictionaries(
    {},
    optional={
        "device": st.just("M-01") | _json,
        "quantity": st.just("nmhc") | _json,
        "at": st.just("2026-11-22T08:00:00Z") | _json,
        "value": st.floats(allow_nan=False, allow_infinity=False) | _json,
        "quality": st.sampled_from(["good", "bad", "worse"]) | _json,
        "statistic": st.just("hour.mean") | _json,
    },
)
_documents = st.fixed_dictionaries(
    {"readings": st.lists(_items | _json, max_size=4) | _json},
    optional={"id": st.just("d1") | _json, "enterprise": st.text() | _json},
)


@given(torn(DOCUMENT, WORDS["json_reading"]) | st.binary(max_size=200))
def test_bytes_are_a_document_or_rejected(payload: bytes) -> None:
    check_json_reading(payload)


@given(_documents | _json)
def test_json_of_any_shape_is_a_document_or_rejected(document: object) -> None:
    check_json_reading(json.dumps(document).encode())


@given(torn(SEGMENT, WORDS["hj212"]) | st.binary(max_size=200))
def test_a_segment_is_a_packet_or_rejected(segment: bytes) -> None:
    check_hj212(segment)


@given(
    st.lists(st.binary(min_size=1, max_size=40).map(build) | st.binary(max_size=8), max_size=6),
    st.binary(min_size=4, max_size=4),
)
def test_a_stream_cut_anywhere_has_the_same_frames(parts: list[bytes], cuts: bytes) -> None:
    check_hj212_frames(cuts + b"".join(parts))


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=6), st.integers(1, 50))
def test_frames_that_are_made_are_found_however_they_are_cut(
    segments: list[bytes], size: int
) -> None:
    found = frames(b"".join(map(build, segments)), [size])
    assert [frame.segment for frame in found] == segments


def _segment(payload: bytes) -> None:
    packet = hj212.parse(payload)
    hj212_values.read(packet)


HOSTILE: dict[str, tuple[Callable[[bytes], object], Callable[[int], bytes]]] = {
    "items that are none": (json_reading.decode, lambda n: _readings([b"{}"] * n)),
    "a number without end": (json_reading.decode, lambda n: _readings([b"1" * 50 * n])),
    "a text for a value": (json_reading.decode, lambda n: _readings([_text(50 * n)])),
    "nested without end": (json_reading.decode, lambda n: b"[" * 50 * n),
    "heads in heads": (lambda data: Framer(LIMIT).feed(data), lambda n: b"##1024" * n),
    "heads alone": (lambda data: Framer(LIMIT).feed(data), lambda n: b"##0001" * n),
    "noise": (lambda data: Framer(LIMIT).feed(data), lambda n: b"#" * 50 * n),
    "items of a packet": (_segment, lambda n: SEGMENT[:-2] + b";a-Rtd=x" * n + b"&&"),
    "signs of a packet": (_segment, lambda n: SEGMENT[:-2] + b"-=" * n + b"&&"),
}


def _readings(items: list[bytes]) -> bytes:
    return b'{"readings":[%b]}' % b",".join(items)


def _text(size: int) -> bytes:
    return b'{"value":"%b"}' % (b"1" * size)


@pytest.mark.parametrize("name", HOSTILE)
def test_memory_and_work_grow_with_the_input_and_no_faster(name: str) -> None:
    decode, make = HOSTILE[name]
    decode_or_refuse(decode, make(100))  # what is made once is not counted
    small, large = make(2_000), make(4_000)
    assert work(decode, large) < 2.2 * work(decode, small) + 100
    memory = peak(decode, large)
    assert memory < 2.5 * peak(decode, small) + 10_000
    assert memory < 300 * len(large) + 100_000


def decode_or_refuse(decode: Callable[[bytes], object], payload: bytes) -> None:
    with suppress(Rejected):
        decode(payload)


def work(decode: Callable[[bytes], object], payload: bytes) -> int:
    """Return how many calls a decoder makes, of Python and of C."""
    calls = 0

    def count(*_: object) -> None:
        nonlocal calls
        calls += 1

    sys.setprofile(count)
    try:
        decode_or_refuse(decode, payload)
    finally:
        sys.setprofile(None)
    return calls


def peak(decode: Callable[[bytes], object], payload: bytes) -> int:
    """Return how many bytes a decoder takes at most."""
    tracemalloc.start()
    try:
        decode_or_refuse(decode, payload)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
