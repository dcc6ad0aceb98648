"""Compressed bodies: what comes out, and that no more than a bound of it is ever made."""

import gzip
import tracemalloc
import zlib
from contextlib import suppress

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from ingest.errors import Reason, Rejected
from ingest.protocols.unpacking import MAX_UNPACKED, unpack

TEXT = b'{"readings":[]}' * 1_000
BOMB_BYTES = 1 << 30


def zstd(content: bytes, level: int = 3) -> bytes:
    return zstandard.ZstdCompressor(level).compress(content)


def streamed(content: bytes, window_log: int) -> bytes:
    """Compress without saying how long it will be, as a gateway does."""
    parameters = zstandard.ZstdCompressionParameters(window_log=window_log)
    packer = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    return packer.compress(content) + packer.flush()


def zstd_bomb() -> bytes:
    packer = zstandard.ZstdCompressor().compressobj()
    block = bytes(1 << 20)
    packed = b"".join(packer.compress(block) for _ in range(BOMB_BYTES // len(block)))
    return packed + packer.flush()


def gzip_bomb() -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    block = bytes(1 << 20)
    packed = b"".join(packer.compress(block) for _ in range(256))
    return packed + packer.flush()


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        pytest.param("gzip", gzip.compress(TEXT), id="gzip"),
        pytest.param("x-gzip", gzip.compress(TEXT), id="gzip by its old name"),
        pytest.param("zstd", zstd(TEXT), id="zstd"),
        pytest.param("zstd", zstd(TEXT, level=19), id="zstd at level 19"),
        pytest.param("zstd", streamed(TEXT, 23), id="zstd with a window of 8 MiB"),
    ],
)
def test_a_body_comes_out_as_it_went_in(encoding: str, body: bytes) -> None:
    assert unpack(body, encoding) == TEXT


@pytest.mark.parametrize(
    ("encoding", "body", "why"),
    [
        pytest.param("gzip", b"", "cut", id="empty gzip"),
        pytest.param("gzip", TEXT, "header", id="no gzip"),
        pytest.param("gzip", gzip.compress(TEXT)[:-9], "cut", id="cut gzip"),
        pytest.param("gzip", gzip.compress(TEXT) * 2, "other bytes", id="two gzip members"),
        pytest.param("gzip", gzip.compress(TEXT) + b"x", "1 other", id="gzip and a byte"),
        pytest.param("zstd", b"", "cut", id="empty zstd"),
        pytest.param("zstd", TEXT, "frame descriptor", id="no zstd"),
        pytest.param("zstd", zstd(TEXT)[:-1], "cut", id="cut zstd"),
        pytest.param("zstd", zstd(TEXT) * 2, "other bytes", id="two zstd frames"),
        pytest.param("zstd", zstd(TEXT) + b"x" * 2_000, "2,000 other", id="zstd and more"),
        pytest.param("zstd", streamed(TEXT, 24), "window", id="zstd with a window of 16 MiB"),
        pytest.param("br", TEXT, "br", id="another encoding"),
        pytest.param("gzip, zstd", TEXT, "gzip, zstd", id="two encodings"),
    ],
)
def test_another_body_is_refused_with_the_reason(encoding: str, body: bytes, why: str) -> None:
    with pytest.raises(Rejected) as refused:
        unpack(body, encoding)
    assert refused.value.reason is Reason.BAD_ENCODING
    assert why in refused.value.fact


@pytest.mark.parametrize(
    ("encoding", "bomb"),
    [pytest.param("gzip", gzip_bomb(), id="gzip"), pytest.param("zstd", zstd_bomb(), id="zstd")],
)
def test_a_bomb_is_refused_before_it_has_grown(encoding: str, bomb: bytes) -> None:
    assert len(bomb) < 1_000_000
    tracemalloc.start()
    with pytest.raises(Rejected) as refused:
        unpack(bomb, encoding)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert refused.value.reason is Reason.TOO_LARGE
    assert peak < 3 * MAX_UNPACKED


def test_as_much_as_is_allowed_comes_out_whole() -> None:
    content = bytes(MAX_UNPACKED)
    assert unpack(zstd(content), "zstd") == content
    with pytest.raises(Rejected):
        unpack(zstd(content + b"x"), "zstd")


@given(st.binary(max_size=300), st.sampled_from(["gzip", "zstd"]))
def test_whatever_bytes_arrive_only_rejected_is_raised(body: bytes, encoding: str) -> None:
    magic = b"\x1f\x8b\x08" if encoding == "gzip" else b"\x28\xb5\x2f\xfd"
    for each in (body, magic + body):
        with suppress(Rejected):
            unpack(each, encoding)
