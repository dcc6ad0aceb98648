"""The two ways in which a payload is not stored, named for what its sender should do."""

from enum import StrEnum


class Reason(StrEnum):
    """Why a payload can never be stored; a closed set, because it labels a counter."""

    MALFORMED = "malformed"
    INVALID_UTF8 = "invalid_utf8"
    TOO_LARGE = "too_large"
    TOO_MANY = "too_many"
    BAD_ENCODING = "bad_encoding"
    NO_OFFSET = "no_offset"
    BAD_TIME = "bad_time"
    FUTURE_TIME = "future_time"
    TOO_OLD = "too_old"
    BEFORE_SERVICE = "before_service"
    AFTER_SERVICE = "after_service"
    NOT_NUMBER = "not_number"
    NOT_FINITE = "not_finite"
    OUT_OF_RANGE = "out_of_range"
    BAD_FIELD = "bad_field"
    UNKNOWN_DEVICE = "unknown_device"
    UNKNOWN_QUANTITY = "unknown_quantity"
    AMBIGUOUS_STATISTIC = "ambiguous_statistic"
    UNKNOWN_ENTERPRISE = "unknown_enterprise"
    NOT_OWNER = "not_owner"
    NOT_STORABLE = "not_storable"


# What happened and what to do, in English and in Chinese; {fact} is what was seen.
TEXTS: dict[Reason, tuple[str, str]] = {
    Reason.MALFORMED: (
        "The payload is not the JSON of the manual ({fact}); NaN is not JSON: leave it out.",
        "报文不是手册规定的 JSON（{fact}）；NaN、Infinity 不是 JSON，缺测请不要上送。",
    ),
    Reason.INVALID_UTF8: (
        "The payload is not UTF-8 ({fact}); set the gateway's character set to UTF-8.",
        "报文不是 UTF-8 编码（{fact}）；请将网关字符集设为 UTF-8。",
    ),
    Reason.TOO_LARGE: (
        "The payload is larger than {fact}; send it in several parts.",
        "报文超过 {fact}，请分多次上送。",
    ),
    Reason.TOO_MANY: (
        "The document holds more than {fact} readings; send it in several parts.",
        "一次上送超过 {fact} 条，请分多次上送。",
    ),
    Reason.BAD_ENCODING: (
        "The Content-Encoding cannot be read ({fact}); send plain JSON or gzip.",
        "内容编码无法解开（{fact}）；请直接上送 JSON 或使用 gzip。",
    ),
    Reason.NO_OFFSET: (
        "The time {fact} has no offset; append +08:00.",
        "时间 {fact} 无时区，请加 +08:00。",
    ),
    Reason.BAD_TIME: (
        "The time {fact} is not RFC 3339; send it as 2026-11-22T08:00:00+08:00.",
        "时间 {fact} 格式不对，应为 2026-11-22T08:00:00+08:00。",
    ),
    Reason.FUTURE_TIME: (
        "The time is {fact} ahead of ours; set the device's clock (NTP).",
        "时间超前 {fact}，请校时（NTP）。",
    ),
    Reason.TOO_OLD: (
        "The time lies before {fact}, the oldest that is kept; ask the operator to import it.",
        "时间早于保存期限 {fact}；如需补录请联系运维人员。",
    ),
    Reason.BEFORE_SERVICE: (
        "The time lies before the channel's first day in service, {fact}; correct the date.",
        "早于启用日期 {fact}，请核对启用日期。",
    ),
    Reason.AFTER_SERVICE: (
        "The time lies after the channel's last day in service, {fact}; correct the date.",
        "晚于停用日期 {fact}，请核对停用日期。",
    ),
    Reason.NOT_NUMBER: (
        "The value {fact} is not a number; leave missing values out.",
        "值 {fact} 不是数字，缺测请不要上送。",
    ),
    Reason.NOT_FINITE: (
        "The value {fact} is not a finite number; leave missing values out.",
        "值 {fact} 不是有限数，缺测请不要上送。",
    ),
    Reason.OUT_OF_RANGE: (
        "The value {fact} is larger than any quantity measured; check the device's data type.",
        "值 {fact} 超出任何计量范围，请检查设备数据类型。",
    ),
    Reason.BAD_FIELD: (
        "A field is missing or wrong: {fact}.",
        "字段缺失或不合规定：{fact}。",
    ),
    Reason.UNKNOWN_DEVICE: (
        "The device {fact} is not registered; register it or check its code.",
        "未登记的设备编号 {fact}，请在测点表登记或核对编号。",
    ),
    Reason.UNKNOWN_QUANTITY: (
        "The device has no channel for {fact}; register it or check the quantity and statistic.",
        "该设备未登记 {fact}，请在测点表登记或核对。",
    ),
    Reason.AMBIGUOUS_STATISTIC: (
        'The device has several channels of {fact}; say which with "statistic".',
        "该设备的 {fact} 有多个统计口径，请用 statistic 指明。",
    ),
    Reason.UNKNOWN_ENTERPRISE: (
        "The enterprise {fact} is not registered; check the social credit code in the topic.",
        "未登记的企业 {fact}，请核对主题中的统一社会信用代码。",
    ),
    Reason.NOT_OWNER: (
        "This key may not report for {fact}; use that enterprise's own key.",
        "该密钥无权上报 {fact}，请使用该企业自己的密钥。",
    ),
    Reason.NOT_STORABLE: (
        "The database cannot hold this value ({fact}); correct it.",
        "数据库无法保存该值（{fact}），请更正。",
    ),
}
MAX_FACT = 200


class Rejected(Exception):
    """The payload can never be stored; acknowledge it and keep it, do not retry."""

    def __init__(self, reason: Reason, fact: object = "") -> None:
        self.reason = reason
        self.fact = _printable(str(fact))
        super().__init__(f"{reason}: {self.fact}")

    @property
    def detail(self) -> str:
        """Return what happened and what to do, in English."""
        return TEXTS[self.reason][0].format(fact=self.fact)

    @property
    def detail_zh(self) -> str:
        """Return what happened and what to do, in Chinese."""
        return TEXTS[self.reason][1].format(fact=self.fact)


class Unavailable(Exception):
    """The store cannot take readings now; do not acknowledge, send again."""


def _printable(fact: str) -> str:
    shown = fact[:MAX_FACT]  # first, because a fact may be as long as a payload
    if not shown.isprintable():
        shown = "".join(part if part.isprintable() else "\ufffd" for part in shown)
    return shown if len(fact) <= MAX_FACT else shown[: MAX_FACT - 1] + "…"
