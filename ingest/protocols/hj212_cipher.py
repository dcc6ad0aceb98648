"""SM4 of HJ 212-2025: the text between ``CP=&&`` and the closing ``&&``, block by block (ECB).

No padding: a tail of less than 16 bytes stays in plain. The CRC is counted over the plain
segment. The standard prints a ciphertext as ``{0xE4,0x3E,…}`` but gives the length of raw bytes;
no capture was seen, so both forms are read.
"""

import re
from collections.abc import Sequence

from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import SM4

BLOCK = 16
KEY_BYTES = 16
_OPENING, _CLOSING = b"CP=&&", b"&&"
_PRINTED = re.compile(rb"\{(0[xX][0-9A-Fa-f]{2}(?:,0[xX][0-9A-Fa-f]{2})*)\}")


def reveal(segment: bytes, keys: Sequence[bytes]) -> bytes | None:
    """Return the plain segment by the first key that gives text; None where none does.

    Raises nothing, whatever the bytes are.
    """
    head, opening, rest = segment.partition(_OPENING)
    if not opening or not rest.endswith(_CLOSING):
        return None
    content = _unprinted(rest[: -len(_CLOSING)])
    if len(content) < BLOCK:
        return None
    for key in keys:
        plain = _blocks(content, key, decrypt=True)
        if _is_text(plain):
            return head + opening + plain + _CLOSING
    return None


def seal(content: bytes, key: bytes) -> bytes:
    """Return the content of CP enciphered."""
    return _blocks(content, key, decrypt=False)


def _blocks(content: bytes, key: bytes, *, decrypt: bool) -> bytes:
    whole = len(content) - len(content) % BLOCK
    cipher = Cipher(SM4(key), modes.ECB())  # noqa: S305 (what the standard demands)
    step = cipher.decryptor() if decrypt else cipher.encryptor()
    return step.update(content[:whole]) + step.finalize() + content[whole:]


def _unprinted(content: bytes) -> bytes:
    """Return ciphertext that was sent as it is printed in the standard as bytes."""
    match = _PRINTED.match(content)
    if match is None:
        return content
    digits = match[1].decode().lower().replace("0x", "").replace(",", "")
    return bytes.fromhex(digits) + content[match.end() :]


def _is_text(plain: bytes) -> bool:
    try:
        return plain.decode().isprintable()
    except UnicodeDecodeError:
        return False
