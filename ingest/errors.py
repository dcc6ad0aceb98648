"""The two ways in which a payload is not stored, named for what its sender should do."""

from enum import StrEnum
from typing import Self


class Reason(StrEnum):
    """Why a payload can never be stored; a closed set, because it labels a counter."""

    MALFORMED = "malformed"
    INVALID_UTF8 = "invalid_utf8"
    TOO_LARGE = "too_large"
    TOO_MANY = "too_many"
    BAD_ENCODING = "bad_encoding"
    BAD_TYPE = "bad_type"
    BAD_DIALECT = "bad_dialect"
    NO_OFFSET = "no_offset"
    BAD_TIME = "bad_time"
    AMBIGUOUS_TIME = "ambiguous_time"
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
    UNKNOWN_SENDER = "unknown_sender"
    NOT_STORABLE = "not_storable"
    UNKNOWN_MN = "unknown_mn"
    WRONG_PW = "wrong_pw"
    WRONG_ADDRESS = "wrong_address"
    UNKNOWN_CODE = "unknown_code"
    BAD_CRC = "bad_crc"
    BAD_FRAME = "bad_frame"
    DECRYPT_FAILED = "decrypt_failed"
    UNKNOWN_DEVICE_ID = "unknown_device_id"
    WRONG_ENTERPRISE = "wrong_enterprise"
    REGISTRATION_CLOSED = "registration_closed"
    AMBIGUOUS_DEVICE = "ambiguous_device"


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
        "The Content-Encoding cannot be read ({fact}); send it plain, or in gzip or zstd.",
        "内容编码无法解开（{fact}）；请直接上送，或使用 gzip、zstd 压缩。",
    ),
    Reason.BAD_TYPE: (
        "The Content-Type {fact} is not taken; send application/json or application/x-ndjson.",
        "不接受内容类型 {fact}，请用 application/json 或 application/x-ndjson。",
    ),
    Reason.BAD_DIALECT: (
        "This sender's dialect cannot be read ({fact}); ask the operator to enter it again.",
        "该发送方的报文格式设置无法读取（{fact}），请联系运维人员重新录入；报文已留存。",
    ),
    Reason.NO_OFFSET: (
        "The time {fact} has no offset; append +08:00, or have local time declared for the key.",
        "时间 {fact} 无时区，请加 +08:00，或在接入设置中声明北京时间。",
    ),
    Reason.BAD_TIME: (
        "The time {fact} cannot be read; send it as 2026-11-22T08:00:00+08:00, or as declared.",
        "时间 {fact} 格式不对，应为 2026-11-22T08:00:00+08:00，或与接入设置中声明的格式一致。",
    ),
    Reason.AMBIGUOUS_TIME: (
        "The clock change makes the local time {fact} twice or never; send it with an offset.",
        "当地时间 {fact} 因时钟调整出现两次或不存在，请带时区上送。",
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
        "The value {fact} is not a number; leave missing values out, or have such texts declared.",
        "值 {fact} 不是数字，缺测请不要上送；网关只能发文本或缺测符号的，请在接入设置中声明。",
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
        "The enterprise {fact} is not registered; check its social credit code.",
        "未登记的企业 {fact}，请核对统一社会信用代码。",
    ),
    Reason.NOT_OWNER: (
        "This key may not report for {fact}; use that enterprise's own key.",
        "该密钥无权上报 {fact}，请使用该企业自己的密钥。",
    ),
    Reason.UNKNOWN_SENDER: (
        "The sender {fact} has no valid key any more; give it one and replay, or purge this.",
        "上报方 {fact} 已无有效密钥；请重新发放后重放，或清除该报文。",
    ),
    Reason.NOT_STORABLE: (
        "The database cannot hold this value ({fact}); correct it.",
        "数据库无法保存该值（{fact}），请更正。",
    ),
    Reason.UNKNOWN_MN: (
        "The MN {fact} is not registered; register it or correct the device: frames wait 24 hours.",
        "未登记的设备标识 MN {fact}，报文暂存 24 小时；请登记该设备或核对现场机 MN 设置。",
    ),
    Reason.WRONG_PW: (
        "The PW is not the one of {fact}; correct it in the device, or let it be learnt again.",
        "PW 与 {fact} 绑定的密码不符；请核对现场机密码，或由运维人员重新学习。",
    ),
    Reason.WRONG_ADDRESS: (
        "The address {fact} is not one the device is bound to; add it, or let it be learnt again.",
        "报文来自 {fact}，不在该设备绑定的地址范围内；请补充地址，或由运维人员重新学习。",
    ),
    Reason.UNKNOWN_CODE: (
        "No channel carries the code {fact}; map it to a channel, its newest value is kept.",
        "编码 {fact} 未对应测点；请在测点表中映射，最新值已保留。",
    ),
    Reason.BAD_CRC: (
        "The CRC of the frame is wrong ({fact}); HJ 212-2017, appendix A has the loop.",
        "报文 CRC 校验错误（{fact}）；算法见 HJ 212-2017 附录 A。",
    ),
    Reason.BAD_FRAME: (
        "The bytes are no frame of HJ 212 ({fact}); check length field and line settings.",
        "收到的字节不是 HJ 212 通讯包（{fact}）；请检查长度字段和串口设置。",
    ),
    Reason.DECRYPT_FAILED: (
        "The field cannot be deciphered ({fact}); register again for the present secretKey.",
        "解密失败（{fact}）：密钥不符，请重新注册（register）以取得当前 secretKey。",
    ),
    Reason.UNKNOWN_DEVICE_ID: (
        "The deviceId is not registered or was replaced; register again.",
        "设备序列号 deviceId 未注册或已更换，请重新注册（register）。",
    ),
    Reason.WRONG_ENTERPRISE: (
        "The deviceId does not belong to the enterprise {fact}; check enterpriseCode.",
        "设备序列号与统一社会信用代码 {fact} 不符，请核对 enterpriseCode。",
    ),
    Reason.REGISTRATION_CLOSED: (
        "No registration is open for {fact}; let the operator open one.",
        "{fact} 未开放端设备注册或已过期，请联系运维人员开放注册窗口后重试。",
    ),
    Reason.AMBIGUOUS_DEVICE: (
        "Several end devices of {fact} may register from here; put the device's code in the path.",
        "{fact} 有多台端设备可从该地址注册，请用带设备编号的地址：…/设备编号/enterprise/register。",
    ),
}
MAX_FACT = 200


class Rejected(Exception):
    """The payload can never be stored; acknowledge it and keep it, do not retry."""

    def __init__(self, reason: Reason, fact: object = "") -> None:
        self.reason = reason
        self.fact = _printable(str(fact))
        super().__init__(f"{reason}: {self.fact}")

    def bare(self) -> Self:
        """Return it without what it was raised from and where, which may be most of a payload."""
        self.__traceback__ = self.__cause__ = self.__context__ = None
        return self

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


class SlotTaken(Exception):
    """Another process collects in this slot: end this one, and give each a slot of its own."""


class NotDrained(Exception):
    """The broker does not let a slot be drained: its session stays, drain it again."""


def _printable(fact: str) -> str:
    shown = fact[:MAX_FACT]  # first, because a fact may be as long as a payload
    if not shown.isprintable():
        shown = "".join(part if part.isprintable() else "\ufffd" for part in shown)
    return shown if len(fact) <= MAX_FACT else shown[: MAX_FACT - 1] + "…"
