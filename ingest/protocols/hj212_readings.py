"""Values of HJ 212 with the codes and statistics by which a channel is found.

One factor comes at one clock time as real-time, minute, hour and day value: these are different
statistics, and so is what is corrected for oxygen, smallest, largest or the period's total.
"""

from collections.abc import Iterator
from functools import lru_cache

from ingest.protocols.hj212 import Packet, Version
from ingest.protocols.hj212_values import Content, Suffix, quality_of
from schemas.factors import FACTORS
from schemas.reading import QUALITY_NUMBERS, Coded

# 分钟, 小时, 日 (HJ 212-2017, table 9); 2013 of HJ 212-2025 is an analysis of a periodic monitor.
PERIODS = {"2051": "minute", "2061": "hour", "2031": "day"}
_KINDS = {
    Suffix.AVG: "mean",
    Suffix.MIN: "min",
    Suffix.MAX: "max",
    Suffix.COU: "total",
    Suffix.ZS_AVG: "mean_corrected",
    Suffix.ZS_MIN: "min_corrected",
    Suffix.ZS_MAX: "max_corrected",
    Suffix.ZS_COU: "total_corrected",
}
_MOMENTS = {Suffix.RTD: "instant", Suffix.ZS_RTD: "instant_corrected", Suffix.RS: "instant"}
_STATISTICS: dict[str, dict[Suffix, str]] = {
    "2011": _MOMENTS,
    "2021": _MOMENTS,
    "2013": {Suffix.AVG: "cycle", Suffix.RTD: "cycle"},
    "2041": {Suffix.RT: "day.total"},
    **{
        cn: {suffix: f"{period}.{kind}" for suffix, kind in _KINDS.items()}
        for cn, period in PERIODS.items()
    },
}
_STATISTICS["2031"][Suffix.RT] = "day.total"
DATA = frozenset(_STATISTICS)
TOTALS = frozenset({Suffix.COU, Suffix.ZS_COU})
_VOLUME = {"gas_flow": "gas_volume"}


def coded(packet: Packet, content: Content) -> Iterator[Coded]:
    """Yield the numbers of a packet of data in order; what is missing (None) is left out.

    A suffix that the command does not have keeps its own name as statistic, which no channel
    has, so that it is seen among the unmapped codes.
    """
    version, at = packet.version, content.at
    for value in content.values:
        if value.number is not None:
            names, statistic = _key(packet.cn, value.factor, value.suffix)
            yield Coded(names, statistic, at, value.number, _quality(value.flag, version))


_KNOWN: dict[tuple[str, bool], tuple[str, ...]] = {}
for _factor in FACTORS.values():
    for _code in (_factor.code, _factor.code_2005):
        if _code is not None:
            _KNOWN[_code, False] = (_code, _factor.quantity)
            _KNOWN[_code, True] = (
                _code,
                _VOLUME.get(_factor.quantity, f"{_factor.quantity}_mass"),
            )


@lru_cache(maxsize=4_096)
def _key(cn: str, factor: str, suffix: Suffix) -> tuple[tuple[str, ...], str]:
    names = _KNOWN.get((factor, suffix in TOTALS)) or (factor,)
    return names, _STATISTICS.get(cn, {}).get(suffix) or f"{cn}-{suffix}"


@lru_cache(maxsize=256)
def _quality(flag: str, version: Version) -> int:
    return QUALITY_NUMBERS[quality_of(flag, version)]
