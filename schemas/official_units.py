"""Units in which official figures are written, and how many stored units one of them is.

Factors are powers of ten where they can be, so that 1.2 亿元 stays a figure of two digits.
"""

from decimal import Decimal

_TEN = {exponent: Decimal(f"1E{exponent}") for exponent in range(-4, 10)}


def _spelt(names: str, exponent: int) -> dict[str, Decimal]:
    return dict.fromkeys(names.split(), _TEN[exponent])


# stored unit -> unit as written (without spaces, in compatibility form NFKC, lower case) -> factor
UNITS: dict[str, dict[str, Decimal]] = {
    "%": _spelt("% 百分比", 0),
    "万元": (
        _spelt("元", -4) | _spelt("千元", -1) | _spelt("万元", 0) | _spelt("百万元", 2)
        | _spelt("亿元", 4)
    ),
    "人": _spelt("人", 0) | _spelt("万人", 4),
    "tce": (
        _spelt("tce 吨标准煤 吨标煤", 0) | _spelt("ktce 千吨标准煤", 3)
        | _spelt("万tce 万吨标准煤 万吨标煤", 4) | _spelt("亿吨标准煤", 8)
    ),
    "kWh": (
        _spelt("kwh 千瓦时 度", 0) | _spelt("mwh 兆瓦时", 3) | _spelt("万kwh 万千瓦时 万度", 4)
        | _spelt("gwh", 6) | _spelt("亿kwh 亿千瓦时 亿度", 8)
    ),
    "m³": _spelt("m3 立方米", 0) | _spelt("万m3 万立方米", 4) | _spelt("亿m3 亿立方米", 8),
    "GJ": (
        _spelt("mj 兆焦", -3) | _spelt("gj 吉焦 百万千焦", 0) | _spelt("tj 太焦", 3)
        | _spelt("万gj 万吉焦 万百万千焦", 4)
    ),
    "t": _spelt("kg 千克 公斤", -3) | _spelt("t 吨", 0) | _spelt("万t 万吨", 4),
    "m²": _spelt("m2 平方米", 0) | _spelt("万m2 万平方米", 4),
    "tCO2": _spelt("tco2 吨二氧化碳 吨co2", 0) | _spelt("万tco2 万吨二氧化碳 万吨co2", 4),
}  # fmt: skip
