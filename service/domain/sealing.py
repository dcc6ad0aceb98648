"""Passwords of MQTT accounts: as a hash for a broker that reads it, sealed for one that is told.

A broker that lost its accounts has to be told the passwords again, so they are kept, encrypted
with a key that is made of the service's own password at the broker: who has that one may set any
password anyway, and the database alone tells nothing.
"""

import functools
import hashlib
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE = 12  # bytes
_CONTEXT = b"qingyu mqtt accounts"


def make_password() -> str:
    """Return a new password of 192 random bits."""
    return secrets.token_urlsafe(24)


def hashed(password: str) -> tuple[str, str]:
    """Return salt and hexadecimal SHA-256 of salt and password; what is random needs no more."""
    salt = secrets.token_hex(16)
    return salt, hashlib.sha256((salt + password).encode()).hexdigest()


def seal(secret: str, user: str, password: str) -> bytes:
    """Return the password of a user, encrypted with a key made of a secret."""
    nonce = secrets.token_bytes(_NONCE)
    return nonce + AESGCM(_key(secret)).encrypt(nonce, password.encode(), user.encode())


def unseal(secret: str, user: str, sealed: bytes) -> str | None:
    """Return the password, or None where it was sealed with another secret or for another user."""
    try:
        opened = AESGCM(_key(secret)).decrypt(sealed[:_NONCE], sealed[_NONCE:], user.encode())
    except (InvalidTag, ValueError):
        return None
    return opened.decode()


@functools.lru_cache(maxsize=4)
def _key(secret: str) -> bytes:
    """Return a key that is slow to guess where the secret is a weak one."""
    return hashlib.scrypt(secret.encode(), salt=_CONTEXT, n=2**14, r=8, p=1, dklen=32)
