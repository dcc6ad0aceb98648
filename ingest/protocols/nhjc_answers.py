"""What NHJC end devices are answered: to the letter what clients in the field test for."""

import hashlib
from collections.abc import Mapping
from datetime import time

import msgspec

from schemas.nhjc import Dialect

PATHS: Mapping[str, str] = {  # field of the answer to register -> path; paths as seen in the field
    "loadConfigURL": "/downloadConfigData",
    "loadDicVersionURL": "/versionCheck",
    "centerInfoURL": "/uploadEnterpriseInfo",
    "centerDataURL": "/uploadEnergyData",
    "centerInfoDownloadURL": "/downloadConfigData",
    "centerDataDownloadURL": "/downloadBaseData",
    "downloadBaseDataURL": "/downloadBaseData",
    "centerMeteringDataURL": "/uploadMeteringData",
}


def success(dialect: Dialect, **fields: object) -> bytes:
    """Return the answer for what is committed."""
    return _answer(dialect, dialect.success_code, dialect.success_message, fields)


def failure(dialect: Dialect, sentence: str) -> bytes:
    """Return the answer for what was not taken: a sentence that says what to do.

    It never holds the message of success, which is all that some clients test for.
    """
    sentence = sentence.replace(dialect.success_message, "…")
    return _answer(dialect, dialect.failure_code, sentence, {})


def registered(
    dialect: Dialect, public_url: str, device_key: str, secret_key: bytes | None, upload_at: str
) -> bytes:
    """Return the answer to register: addresses, identity, the daily time to upload, SM4 key."""
    secret = {} if secret_key is None else {"secretKey": secret_key.hex()}
    addresses = {name: f"{public_url}{path}" for name, path in PATHS.items()}
    return success(dialect, deviceId=device_key, **addresses, uploadTime=upload_at, **secret)


def upload_time(uscc: str, first: time, last: time) -> str:
    """Return when an enterprise uploads each day, spread evenly over [first, last]."""
    start, stop = _seconds(first), _seconds(last)
    number = int.from_bytes(hashlib.sha256(uscc.encode()).digest()[:8])
    chosen = (start + number % ((stop - start) % 86_400 + 1)) % 86_400
    return f"{chosen // 3600:02}:{chosen // 60 % 60:02}:{chosen % 60:02}"


def _seconds(at: time) -> int:
    return at.hour * 3600 + at.minute * 60 + at.second


def _answer(dialect: Dialect, code: str, message: str, fields: Mapping[str, object]) -> bytes:
    shown = int(code) if dialect.code_as_number else code
    return msgspec.json.encode({"responseCode": shown, "responseMessage": message, **fields})
