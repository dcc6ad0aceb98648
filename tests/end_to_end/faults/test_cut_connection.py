"""Connections that are reset amid a document: what is cut leaves nothing half behind."""

import socket
import struct
from collections.abc import Callable

import pytest

from tests.end_to_end.faults import readings
from tests.end_to_end.faults.books import Books
from tests.end_to_end.faults.scene import Scene

# Where a document is cut, as a share of all its bytes with what is around it; at 1 all of it
# has arrived, and only the answer is not heard.
CUTS = (0.05, 0.3, 0.5, 0.9, 0.999, 1.0)


def over_http(stage: Scene, document: bytes) -> tuple[socket.socket, bytes]:
    host, _, port = stage.collectors[0].url.removeprefix("http://").partition(":")
    head = (
        f"POST /ingest/v1/readings HTTP/1.1\r\nHost: {host}\r\n"
        f"Authorization: Bearer {stage.plants[0].key}\r\nContent-Length: {len(document)}\r\n\r\n"
    )
    return socket.create_connection((host, int(port))), head.encode() + document


def over_mqtt(stage: Scene, document: bytes) -> tuple[socket.socket, bytes]:
    uscc = stage.plants[0].uscc
    line = socket.create_connection(("127.0.0.1", stage.broker.port))
    account = _text(b"cut") + _text(uscc.encode()) + _text(b"secret")
    line.sendall(_packet(0x10, _text(b"MQTT") + b"\x05\xc2\x00\x3c\x00" + account))
    assert line.recv(1) == b"\x20"  # CONNACK
    topic = _text(f"qingyu/v1/{uscc}/readings".encode())
    return line, _packet(0x32, topic + b"\x00\x01\x00" + document)


# HJ 212 belongs here, as a third: a frame that is cut, over its own port.
WAYS = (over_http, over_mqtt)


def _text(text: bytes) -> bytes:
    return struct.pack(">H", len(text)) + text


def _packet(kind: int, body: bytes) -> bytes:
    """Return an MQTT packet (MQTT 5, 2.1)."""
    length, left = b"", len(body)
    while True:
        left, digit = divmod(left, 128)[0], left % 128
        length += bytes([digit | (0x80 if left else 0)])
        if not left:
            return bytes([kind]) + length + body


@pytest.mark.parametrize("way", WAYS)
def test_a_connection_that_is_cut_leaves_nothing_half_behind(
    stage: Scene, undisturbed: Books, way: Callable[[Scene, bytes], tuple[socket.socket, bytes]]
) -> None:
    lines = readings.halves(readings.PLANTS[0])[1][: 5 * len(CUTS)]
    for place, cut in enumerate(CUTS):
        part = lines[5 * place : 5 * place + 5]
        document = b'{"id":"cut-%d","readings":[%b]}' % (place, b",".join(part))
        line, whole = way(stage, document)
        line.sendall(whole[: round(cut * len(whole))])
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        line.close()  # with a reset
    stage.send()
    stage.finish()
    stage.expect(f"{len(CUTS)} connections cut {way.__name__}", undisturbed)
    assert "Traceback" not in stage.collectors[0].log.read_text()  # a line that is cut is no fault
