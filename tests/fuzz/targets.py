"""What is asked of each decoder, whatever bytes it gets."""

import msgspec

from ingest.errors import Rejected
from ingest.intake import Answer
from ingest.protocols import hj212, hj212_values, json_reading
from ingest.protocols.hj212_frames import Frame, Framer, Skipped, build
from ingest.writer import Outcome

LIMIT = 1_024  # bytes of a segment, so that a short input can exceed it


def check_json_reading(payload: bytes) -> None:
    """Decode a document: readings or Rejected, and an outcome that can be sent."""
    json_reading.find_id(payload)
    try:
        document = json_reading.decode(payload)
    except Rejected as rejected:
        _check_refusal(rejected)
        return
    readings = document.readings
    lengths = {len(readings.sources), len(readings.instants), len(readings.values)}
    assert lengths == {len(readings.qualities)} == {len(document.indexes)}
    refused = [item.index for item in document.rejected]
    places = sorted([*document.indexes, *refused])
    assert places == list(range(len(places)))
    for item in document.rejected:
        _check_refusal(item.reason)
    kept = 0
    for part, items in json_reading.extract(payload, refused):
        again = json_reading.decode(part)
        assert not len(again.readings)
        assert len(again.rejected) == items
        kept += items
    assert kept == len(refused)
    answer = Answer(Outcome(0, 0, 0), [(i.index, i.reason) for i in document.rejected], document.id)
    msgspec.json.decode(msgspec.json.encode(answer.document()))


def check_hj212_frames(data: bytes) -> None:
    """Cut a stream into frames: the first bytes say where, and the frames are the same."""
    cuts, stream = data[:4], data[4:]
    whole = frames(stream, [])
    assert frames(stream, [*cuts]) == whole
    for frame in whole:
        assert 0 < len(frame.segment) <= LIMIT
        assert Framer(LIMIT).feed(build(frame.segment)) == [
            Frame(build(frame.segment)[:-2], frame.segment)
        ]


def frames(stream: bytes, sizes: list[int]) -> list[Frame]:
    """Return the frames of a stream that comes in parts of these sizes, over and over."""
    framer, found, place, turn = Framer(LIMIT), [], 0, 0
    while place < len(stream):
        size = max(1, sizes[turn % len(sizes)]) if sizes else len(stream)
        found += framer.feed(stream[place : place + size])
        assert framer.waiting < LIMIT + 10
        place, turn = place + size, turn + 1
    while waiting := framer.waiting:
        found += framer.give_up()
        assert framer.waiting < waiting
    taken = sum(len(item.raw) if isinstance(item, Frame) else item.size for item in found)
    assert taken <= len(stream)
    assert all(len(item.excerpt) for item in found if isinstance(item, Skipped))
    return [item for item in found if isinstance(item, Frame)]


def check_hj212(segment: bytes) -> None:
    """Read a data segment: a packet with its answer and its values, or Rejected."""
    try:
        packet = hj212.parse(segment)
    except Rejected as rejected:
        _check_refusal(rejected)
        return
    answered = hj212.answer(packet)
    assert (answered is not None) == packet.wants_answer
    if answered is not None:
        [frame] = Framer().feed(answered)
        assert isinstance(frame, Frame)
        assert hj212.parse(frame.segment).qn == packet.qn
    try:
        content = hj212_values.read(packet)
    except Rejected as rejected:
        _check_refusal(rejected)
        return
    for value in content.values:
        assert hj212_values.quality_of(value.flag, packet.version)
        assert value.factor.isalnum()
    for item in content.rejected:
        _check_refusal(item)


def _check_refusal(rejected: Rejected) -> None:
    """A refusal is told to the sender and kept in a column of text."""
    for text in (rejected.detail, rejected.detail_zh):
        assert "\0" not in text
        assert len(text.encode()) < 2_000


TARGETS = {
    "json_reading": check_json_reading,
    "hj212_frames": check_hj212_frames,
    "hj212": check_hj212,
}
