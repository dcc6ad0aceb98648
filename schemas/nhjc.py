"""What regions do differently in NHJC, as settings of each end device; and its data codes.

No text of the standard was at hand: the defaults are what most devices in the field do.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

COLLECTOR = "nhjc"


class Cipher(StrEnum):
    """How the fields of an upload are enciphered."""

    NONE = "none"
    SM4 = "sm4"  # each field by itself, ECB, PKCS#7, hexadecimal


class TimeOf(StrEnum):
    """What `statDate` names."""

    START = "start"  # of the period
    UPLOAD = "upload"  # the moment of sending: the period is the last one that ended before it


# What `valid` says, as a quality; texts in lower case, numbers and booleans as JSON writes them.
VALID: Mapping[str, str] = {"true": "good", "1": "good", "false": "bad", "0": "bad"}


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one end device speaks, and how it wants to be spoken to."""

    valid: Mapping[str, str] = field(default_factory=lambda: dict(VALID))
    cipher: Cipher = Cipher.NONE
    time_of: TimeOf = TimeOf.START
    success_code: str = "0"
    failure_code: str = "1"
    success_message: str = "RECEIVE SUCCESS"
    code_as_number: bool = False
    reg_version: str = "1"
    dic_version: str = "1"
    upload_time: str | None = None  # HH:mm:ss; else spread by enterprise


_OF_THEIR_OWN = {"day", "month", "year"}


def fits(listed: str, statistic: str) -> bool:
    """Tell whether a channel in a statistic can take values that are listed as another.

    Days, months and years are sent as such; everything shorter is sent as real-time (`instant`).
    """
    period, wanted = statistic.partition(".")[0], listed.partition(".")[0]
    return period == wanted if wanted in _OF_THEIR_OWN else period not in _OF_THEIR_OWN


def bare(code: str) -> str:
    """Return a data code as it is stored: without dashes and spaces, in capitals."""
    return code.replace("-", "").replace(" ", "").upper()
