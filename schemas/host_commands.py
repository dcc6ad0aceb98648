"""Commands of an upper machine (上位机) to HJ 212 monitors: what there is, with its values.

Read in HJ 212-2017 (tables 4 and 9, C.1 to C.46) and HJ/T 212-2005; those of HJ 212-2025 alone
are quoted from a public implementation of its appendix C, the text itself was not seen. Left
out: 1002 (sets the MN, which the register of devices decides), 2052 (noise) and 2011 with a
period (power of HJ 212-2025, for another ST).
"""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """How a command is answered: a request by 9011 and then 9012, a notice by 9013."""

    REQUEST = "request"
    NOTICE = "notice"


class Confidence(StrEnum):
    """Whether the standard's own text was read, or somebody who quotes it."""

    VERIFIED = "verified"
    QUOTED = "quoted"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A value of CP: a whole number of ``numbers``, a time of ``digits``, or text of ``pattern``.

    ``wire`` is its name in the frame, where that depends on another value.
    """

    name: str
    zh: str
    en: str
    numbers: tuple[int, ...] = ()
    digits: int = 0  # YYYYMMDDhhmmss[zzz], Beijing time
    pattern: str = ""
    secret: bool = False
    wire: str = ""

    @property
    def accepts(self) -> str:
        """Return what may be sent: numbers, the form of a time, or the pattern of a text."""
        if self.digits:
            return "YYYYMMDDhhmmss" + "zzz" * (self.digits > len("YYYYMMDDhhmmss"))
        if not self.numbers:
            return self.pattern
        first, last = self.numbers[0], self.numbers[-1]
        if len(self.numbers) > 2 and len(self.numbers) == last - first + 1:
            return f"{first}…{last}"
        return ", ".join(map(str, self.numbers))


PARAMETERS: dict[str, Parameter] = {
    each.name: each
    for each in (
        Parameter("OverTime", "超时时间，秒", "time-out, s", tuple(range(1, 100))),
        Parameter("ReCount", "重发次数", "number of tries", tuple(range(1, 100))),
        Parameter("RtdInterval", "实时间隔，秒", "real-time interval, s", tuple(range(30, 3601))),
        Parameter(
            "MinInterval",
            "分钟间隔，分钟",
            "minute interval, min",
            (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30),
        ),
        Parameter("SystemTime", "系统时间", "time of the clock", digits=14),
        Parameter("BeginTime", "开始时间", "from", digits=14),
        Parameter("EndTime", "截止时间", "to, included", digits=14),
        # C6 in the standard; codes of 2005 are shorter
        Parameter("PolId", "污染因子编码", "factor code", pattern=r"[0-9A-Za-z]{2,6}"),
        Parameter("NewPW", "新密码", "new password", pattern=r"[0-9A-Za-z]{6}", secret=True),
        Parameter(
            "CstartTime",
            "采样起始时间",
            "first sample at hhmmss",
            pattern=r"([01]\d|2[0-3])([0-5]\d){2}",
        ),
        # printed Ctime in table 4 and CTime in the frames of C.35 and C.36
        Parameter("CTime", "采样周期，小时", "sampling period, h", tuple(range(1, 25))),
        Parameter("InfoId", "现场端信息编码", "information code", pattern=r"[0-9a-z]{6}"),
        Parameter(
            "Info", "参数值", "value", pattern=r"[0-9A-Za-z.+: _/-]{1,64}", wire="{InfoId}-Info"
        ),
        Parameter("CalibrationType", "0 零点，1 量程", "0 zero, 1 span", (0, 1)),
        Parameter("SKCreateTime", "密钥生成时间", "key made at", digits=17),
        Parameter("NewSK", "新密钥", "new key", pattern=r"[!-%'-+./0-:<>-~-]{16}", secret=True),
    )
}


@dataclass(frozen=True, slots=True)
class Command:
    """A command; a parameter with ? may be left out, and they are sent in this order.

    ``confirm`` says that it moves the instrument or changes what it is reached by, so it must be
    confirmed. ``longest`` bounds EndTime minus BeginTime, in days. ``source`` is a table of
    HJ 212-2017 where it does not say otherwise.
    """

    cn: str
    zh: str
    en: str
    parameters: tuple[str, ...]
    versions: tuple[str, ...]
    source: str
    kind: Kind = Kind.REQUEST
    confirm: bool = False
    longest: int = 31
    confidence: Confidence = Confidence.VERIFIED


_ALL = ("2005", "2017", "2025")
_SINCE_2017 = ("2017", "2025")
_ONLY_2017 = ("2017",)
_ONLY_2025 = ("2025",)
_PERIOD = ("BeginTime", "EndTime")
_2025 = "HJ 212-2025, {}, as quoted by an implementation"


def _quoted(
    cn: str, zh: str, en: str, names: tuple[str, ...], table: str, confirm: bool = False
) -> Command:
    return Command(
        cn,
        zh,
        en,
        names,
        _ONLY_2025,
        _2025.format(table),
        confirm=confirm,
        confidence=Confidence.QUOTED,
    )


COMMANDS: dict[str, Command] = {
    command.cn: command
    for command in (
        Command(
            "1000",
            "设置超时时间及重发次数",
            "set time-out and number of tries",
            ("OverTime", "ReCount"),
            _ALL,
            "C.1",
        ),
        Command("1011", "提取现场机时间", "get the clock", ("PolId?",), _ALL, "C.2"),
        # without a time that of sending, which the collector fills in
        Command("1012", "设置现场机时间", "set the clock", ("PolId?", "SystemTime?"), _ALL, "C.3"),
        _quoted(
            "1014", "下发新密钥", "set a new key", ("SKCreateTime", "NewSK"), "C.8", confirm=True
        ),
        Command("1061", "提取实时数据间隔", "get the real-time interval", (), _ALL, "C.5"),
        Command(
            "1062", "设置实时数据间隔", "set the real-time interval", ("RtdInterval",), _ALL, "C.6"
        ),
        Command("1063", "提取分钟数据间隔", "get the minute interval", (), _SINCE_2017, "C.7"),
        Command(
            "1064",
            "设置分钟数据间隔",
            "set the minute interval",
            ("MinInterval",),
            _SINCE_2017,
            "C.8",
        ),
        Command(
            "1072",
            "设置现场机访问密码",
            "set the password",
            ("NewPW",),
            _SINCE_2017,
            "C.9",
            confirm=True,
        ),
        Command("2011", "取污染物实时数据", "start real-time data", (), _ALL, "C.10"),
        Command(
            "2012", "停止察看污染物实时数据", "stop real-time data", (), _ALL, "C.11", Kind.NOTICE
        ),
        _quoted(
            "2013",
            "取原始监测数据（周期性监测）",
            "get raw data of periodic instruments",
            _PERIOD,
            "C.27",
        ),
        Command("2021", "取设备运行状态数据", "start running states", (), _ALL, "C.12"),
        Command(
            "2022", "停止察看设备运行状态", "stop running states", (), _ALL, "C.13", Kind.NOTICE
        ),
        Command("2031", "取污染物日历史数据", "get day data", _PERIOD, _ALL, "C.22", longest=366),
        Command(
            "2041",
            "取设备运行时间日历史数据",
            "get running hours of days",
            _PERIOD,
            _ALL,
            "C.23",
            longest=366,
        ),
        Command("2051", "取污染物分钟数据", "get minute data", _PERIOD, _ALL, "C.20"),
        Command("2061", "取污染物小时数据", "get hour data", _PERIOD, _ALL, "C.21"),
        _quoted(
            "2062", "取自动标样核查（校准）数据", "get automatic standard checks", _PERIOD, "C.60"
        ),
        Command(
            "3011",
            "零点校准量程校准",
            "calibrate zero and span",
            ("PolId", "CalibrationType?"),
            _SINCE_2017,
            "C.30",
            confirm=True,
        ),
        Command("3012", "即时采样", "sample now", ("PolId",), _SINCE_2017, "C.31", confirm=True),
        Command(
            "3013",
            "启动清洗/反吹",
            "start cleaning or blow-back",
            ("PolId",),
            _SINCE_2017,
            "C.32",
            confirm=True,
        ),
        Command(
            "3014",
            "比对采样",
            "sample for comparison",
            ("PolId",),
            _ONLY_2017,
            "C.33",
            confirm=True,
        ),
        Command("3015", "超标留样", "keep a sample", (), _ONLY_2017, "C.34", confirm=True),
        Command(
            "3016",
            "设置采样时间周期",
            "set the sampling period",
            ("PolId", "CstartTime", "CTime"),
            _ONLY_2017,
            "C.35",
            confirm=True,
        ),
        Command(
            "3017", "提取采样时间周期", "get the sampling period", ("PolId",), _ONLY_2017, "C.36"
        ),
        Command(
            "3018", "提取出样时间", "get the duration of sampling", ("PolId",), _SINCE_2017, "C.37"
        ),
        Command(
            "3019", "提取设备唯一标识", "get the serial number", ("PolId",), _SINCE_2017, "C.38"
        ),
        Command(
            "3020",
            "提取现场机信息",
            "get logs, states or parameters",
            ("PolId?", "InfoId", "BeginTime?", "EndTime?"),
            _SINCE_2017,
            "C.41, C.43, C.45",
        ),
        Command(
            "3021",
            "设置现场机参数",
            "set a parameter",
            ("PolId?", "InfoId", "Info"),
            _SINCE_2017,
            "C.46",
            confirm=True,
        ),
        _quoted("3022", "下发即时留样任务", "keep a sample now", ("PolId",), "C.62", confirm=True),
        _quoted("3024", "启动标样核查", "start a standard check", ("PolId",), "C.61", confirm=True),
    )
}
