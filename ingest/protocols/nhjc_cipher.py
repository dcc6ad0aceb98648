"""Fields enciphered one by one: SM4 (GB/T 32907) in ECB with PKCS#7, in hexadecimal.

Each block stands for itself, so one context serves all fields of a device, and the same clear
text is always the same cipher text: what a document repeats is deciphered once.
"""

import re

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from ingest.errors import Reason, Rejected

BLOCK = 16  # bytes
_HEX = re.compile(r"(?:[0-9a-fA-F]{32})+")


def is_enciphered(text: str) -> bool:
    """Tell whether a field looks enciphered: no clear field is whole blocks of hexadecimal."""
    return len(text) % (2 * BLOCK) == 0 and _HEX.fullmatch(text) is not None


class FieldCipher:
    """Deciphers the fields of a device; without a key, those that are clear pass."""

    def __init__(self, key: bytes | None) -> None:
        self._known: dict[str, str] = {}
        self._context = (
            None if key is None else Cipher(algorithms.SM4(key), modes.ECB()).decryptor()  # noqa: S305 -- the protocol's
        )

    def reveal(self, name: str, text: str) -> str:
        """Return a field in clear, whichever way it was sent.

        Raises `Rejected` where it is enciphered with another key, or none is agreed.
        """
        if not is_enciphered(text):
            return text
        if (known := self._known.get(text)) is None:
            known = self._known[text] = self._decipher(name, text)
        return known

    def decipher(self, blocks: bytes) -> bytes:
        """Return whole blocks deciphered, their padding with them."""
        if self._context is None:
            raise Rejected(Reason.DECRYPT_FAILED, "SM4 is not agreed with this device")
        return self._context.update(blocks)

    def _decipher(self, name: str, text: str) -> str:
        clear = self.decipher(bytes.fromhex(text))
        padding = clear[-1]
        if not 1 <= padding <= BLOCK or clear[-padding:] != bytes([padding]) * padding:
            raise Rejected(Reason.DECRYPT_FAILED, name)
        content = clear[:-padding]
        # a wrong key leaves a valid padding in one case of 256; all fields are ASCII
        if not content.isascii() or not content.decode("ascii").isprintable():
            raise Rejected(Reason.DECRYPT_FAILED, name)
        return content.decode("ascii")
