"""Requests of the upper machine (HJ 212-2017, 6.1); HJ 212-2025 enciphers some."""

from ingest.protocols.hj212 import Version
from ingest.protocols.hj212_cipher import seal
from ingest.protocols.hj212_frames import checksum

ENCIPHERED = frozenset({"1014", "3020"})  # and 2000 to 2999 (HJ 212-2025, as quoted)


def request(
    qn: str, st: str, cn: str, pw: str, mn: str, version: Version, content: str, key: bytes | None
) -> bytes:
    """Return the frame of a request that asks for answers; ``key`` is that of SM4, if there is one.

    The CRC is counted before the content is enciphered, which keeps its length.
    """
    flag = version << 2 | 1
    head = f"QN={qn};ST={st};CN={cn};PW={pw};MN={mn};Flag={flag};CP=&&".encode()
    plain = content.encode()
    is_sealed = key is not None and version is Version.V2025 and _may_be_sealed(cn)
    body = seal(plain, key) if is_sealed and key is not None else plain
    segment_bytes = len(head) + len(plain) + 2
    return b"##%04d%b%b&&%04X\r\n" % (segment_bytes, head, body, checksum(head + plain + b"&&"))


def whole(text: str | None) -> int | None:
    """Return the number of an answer; None where there is none."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) <= 4 else None


def _may_be_sealed(cn: str) -> bool:
    return cn in ENCIPHERED or cn.startswith("2")
