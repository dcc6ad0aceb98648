"""A socket with buffers: nothing is lost, repeated or reordered, whatever the socket does."""

import socket
from collections.abc import Iterator
from contextlib import suppress

import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from ingest.link import BufferedClient
from ingest.stream import MAX_UNSENT, Stream


@pytest.fixture
def pair() -> Iterator[tuple[Stream, socket.socket]]:
    ours, its = socket.socketpair()
    ours.setblocking(False)
    its.settimeout(5)
    with ours, its:
        yield Stream(ours), its


def test_small_reads_are_served_from_one_large(pair: tuple[Stream, socket.socket]) -> None:
    stream, its = pair
    its.sendall(b"abcdef")
    assert (stream.recv(1), stream.buffered) == (b"a", True)
    assert stream.recv(3) == b"bcd"
    assert (stream.recv(10), stream.buffered) == (b"ef", False)


def test_what_comes_after_there_was_nothing_is_read(pair: tuple[Stream, socket.socket]) -> None:
    """A packet that arrives in two parts: between them the socket has nothing."""
    stream, its = pair
    its.sendall(b"ab")
    assert stream.recv(5) == b"ab"
    for _ in range(2):
        with pytest.raises(BlockingIOError):
            stream.recv(3)
        assert not stream.buffered
    its.sendall(b"cde")
    assert stream.recv(3) == b"cde"


def test_the_end_is_told_after_what_came_before_it(pair: tuple[Stream, socket.socket]) -> None:
    stream, its = pair
    its.sendall(b"ab")
    its.close()
    assert (stream.recv(1), stream.recv(1), stream.recv(1)) == (b"a", b"b", b"")


def test_what_was_taken_goes_out_with_flush(pair: tuple[Stream, socket.socket]) -> None:
    stream, its = pair
    for number in range(100):
        assert stream.send(bytes([number])) == 1
    assert stream.flush()
    assert its.recv(200) == bytes(range(100))


def test_a_full_socket_stops_the_writer_and_loses_nothing(
    pair: tuple[Stream, socket.socket],
) -> None:
    stream, its = pair
    part = bytes(range(256)) * 256
    taken = _fill(stream, part)
    assert taken < 100 * MAX_UNSENT
    assert not stream.flush()
    received = bytearray()
    while len(received) < taken:
        received += its.recv(1 << 20)
        stream.flush()
    assert received == part * (taken // len(part))
    assert stream.flush()


def _fill(stream: Stream, part: bytes) -> int:
    """Send until the stream takes no more; returns how much it took."""
    taken = 0
    with suppress(BlockingIOError):
        while taken < 100 * MAX_UNSENT:
            taken += stream.send(part)
    return taken


def test_a_lost_peer_is_told_by_the_next_call(pair: tuple[Stream, socket.socket]) -> None:
    stream, its = pair
    its.close()
    stream.send(b"a")
    assert stream.flush()  # there is nothing left to wait for
    with pytest.raises(ConnectionError):
        stream.send(b"b")
    with pytest.raises(ConnectionError):
        stream.recv(1)


def test_close_sends_what_was_taken(pair: tuple[Stream, socket.socket]) -> None:
    stream, its = pair
    stream.send(b"bye")
    stream.close()
    assert its.recv(10) == b"bye"


def test_the_mqtt_client_is_on_such_a_socket() -> None:
    """Fails when paho makes its sockets otherwise; then a link is right, but slower."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = BufferedClient(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        client.connect("127.0.0.1", server.getsockname()[1])
        client.loop_write()
        sock = client.socket()
        assert isinstance(sock, Stream)
        sock.close()
        with server.accept()[0] as accepted:
            assert accepted.recv(1) == b"\x10"  # CONNECT
