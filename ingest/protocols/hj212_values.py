"""What CP of HJ 212 says of one time: numbers by factor, data flags, conditions of production."""

import math
from dataclasses import dataclass, field
from enum import StrEnum

import msgspec

from ingest.errors import Reason, Rejected
from ingest.protocols.hj212 import Packet, Version, instant
from schemas.reading import Quality

_MISSING = {"", "-", "--", "---", "null", "none", "n/a", "na"}


class Suffix(StrEnum):
    """What a number says of its factor (HJ 212-2017, table 4); Zs: corrected for oxygen."""

    RTD = "Rtd"
    MIN = "Min"
    AVG = "Avg"
    MAX = "Max"
    COU = "Cou"  # total of the period
    ZS_RTD = "ZsRtd"
    ZS_MIN = "ZsMin"
    ZS_AVG = "ZsAvg"
    ZS_MAX = "ZsMax"
    ZS_COU = "ZsCou"
    RS = "RS"  # 0 off, 1 runs, 2 calibrates, 3 maintained, 4 alarm, 5 blows back
    RT = "RT"  # hours run in the day

    __hash__ = str.__hash__  # that of Enum is computed in Python, at every look-up


_SUFFIXES = {suffix.value: suffix for suffix in Suffix}
# HJ 212-2017, table 8: what the instrument did.
_FLAGS = dict.fromkeys("FMDCTB", Quality.BAD) | {"N": Quality.GOOD, "S": Quality.MANUAL}
_QUALITIES: dict[Version, dict[str, Quality]] = {
    # HJ/T 212-2005: F is a source that stands still, P no power; digits are of air stations,
    # 0 calibration, 1 weather, 2 abnormal, 3 normal.
    Version.V2005: _FLAGS
    | {"F": Quality.UNCERTAIN, "P": Quality.BAD}
    | {"0": Quality.BAD, "1": Quality.UNCERTAIN, "2": Quality.BAD, "3": Quality.GOOD},
    Version.V2017: _FLAGS,
    Version.V2025: _FLAGS | {"Td": Quality.BAD},
}


class Value(msgspec.Struct, frozen=True, gc=False):
    """A number of a factor, in the device's unit; None is a missing one, the flag "" as well."""

    factor: str
    suffix: Suffix
    number: float | None
    flag: str


@dataclass(frozen=True, slots=True)
class Content:
    """What a packet of data says of one time, and the items that cannot be read.

    Instants are microseconds since 1970 UTC. ``at`` is DataTime: of 2011 and 2021 the moment,
    of 2031, 2041, 2051 and 2061 the start of the period (some devices send its end).
    ``marks`` are the letters that production conditions are sent as (HJ 212-2025, ST 45).
    """

    at: int
    values: list[Value]
    marks: list[tuple[str, str]] = field(default_factory=list)
    restarted_at: int | None = None
    rejected: list[Rejected] = field(default_factory=list)


def read(packet: Packet) -> Content:
    """Return the values of a packet of data.

    Raises `Rejected` where CP is no text, DataTime is missing or not one, or a time unreadable.
    """
    if packet.sealed is not None:
        raise Rejected(Reason.INVALID_UTF8, "CP is enciphered or in another character set")
    items = packet.items
    times = {text for name, suffix, text in items if name == "DataTime" and not suffix}
    if len(times) != 1:
        raise Rejected(Reason.BAD_FIELD, f"DataTime={','.join(sorted(times))}")
    content = Content(instant(times.pop()), [], [], _restart(items))
    flags = {name: text for name, suffix, text in items if suffix == "Flag"}
    for factor, named, text in items:
        if (suffix := _SUFFIXES.get(named)) is None:
            continue
        if not (factor.isascii() and factor.isalnum()):
            content.rejected.append(Rejected(Reason.BAD_FIELD, factor))
            continue
        try:
            number = _number(text)
        except ValueError:
            if factor.startswith("p") and text.isascii() and text.isalpha():
                content.marks.append((factor, text))
            else:
                content.rejected.append(Rejected(Reason.NOT_NUMBER, f"{factor}-{named}={text}"))
        else:
            content.values.append(Value(factor, suffix, number, flags.get(factor, "")))
    return content


def quality_of(flag: str, version: Version) -> Quality:
    """Return what a data flag says; none is GOOD, an unknown one UNCERTAIN."""
    return _QUALITIES[version].get(flag, Quality.UNCERTAIN) if flag else Quality.GOOD


def _restart(items: list[tuple[str, str, str]]) -> int | None:
    for name, suffix, text in items:
        if name == "RestartTime" and not suffix:
            return instant(text)
    return None


def _number(text: str) -> float | None:
    """Return a number, None for a missing one; raises `ValueError` for anything else."""
    try:
        number = float(text)
    except ValueError:
        if text.strip().lower() in _MISSING:
            return None
        raise
    if "_" in text or not text.isascii():  # both are numbers to Python
        raise ValueError(text)
    return number if math.isfinite(number) else None
