"""Commands to HJ 212 monitors: their states, what is answered, whether they can be sent, and CP."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from schemas.host_commands import COMMANDS, PARAMETERS, Command, Kind, Parameter

__all__ = [
    "COMMANDS",
    "EXECUTION_RETURNS",
    "OPEN",
    "REQUEST_RETURNS",
    "Kind",
    "State",
    "Unfit",
    "check",
    "masked",
    "render",
]


class State(StrEnum):
    """How far a command has come; the first three are open, the others never change again."""

    WAITING = "waiting"
    SENT = "sent"
    ACCEPTED = "accepted"  # 9011, QnRtn=1
    REFUSED = "refused"  # 9011, another QnRtn
    DONE = "done"  # 9012, ExeRtn=1, or 9013
    FAILED = "failed"  # 9012, another ExeRtn
    TIMED_OUT = "timed_out"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


OPEN = frozenset({State.WAITING, State.SENT, State.ACCEPTED})


Value = int | str

# QnRtn: HJ 212-2017, table 7
REQUEST_RETURNS: dict[int, tuple[str, str]] = {
    1: ("准备执行请求", "ready"),
    2: ("请求被拒绝", "refused"),
    3: ("PW 错误", "wrong PW"),
    4: ("MN 错误", "wrong MN"),
    5: ("ST 错误", "wrong ST"),
    6: ("Flag 错误", "wrong Flag"),
    7: ("QN 错误", "wrong QN"),
    8: ("CN 错误", "wrong CN"),
    9: ("CRC 校验错误", "wrong CRC"),
    100: ("未知错误", "unknown error"),
}
# ExeRtn: HJ 212-2017, table 6
EXECUTION_RETURNS: dict[int, tuple[str, str]] = {
    1: ("执行成功", "done"),
    2: ("执行失败，原因未知", "failed for an unknown reason"),
    3: ("命令请求条件错误", "wrong condition"),
    4: ("通讯超时", "timed out"),
    5: ("系统繁忙不能执行", "busy"),
    6: ("系统故障", "system fault"),
    100: ("没有数据", "no data"),
}
MASK = "***"


class Unfit(ValueError):
    """A command that cannot be sent; says what to mend in both languages."""

    def __init__(self, en: str, zh: str) -> None:
        super().__init__(en)
        self.zh = zh


def check(cn: str, parameters: Mapping[str, object]) -> dict[str, Value]:
    """Return the parameters of a command in the order of the frame; raises `Unfit`."""
    command = COMMANDS.get(cn)
    if command is None:
        known = ", ".join(COMMANDS)
        raise Unfit(f"cn is one of {known}", f"cn 应为 {known} 之一")
    names = {name.rstrip("?"): not name.endswith("?") for name in command.parameters}
    if unknown := sorted(parameters.keys() - names.keys()):
        known = ", ".join(names)
        raise Unfit(
            f"{cn} has no parameter {unknown[0][:40]!r}; it has {known or 'none'}",
            f"{cn} 没有参数 {unknown[0][:40]!r}；可用参数：{known or '无'}",
        )
    if missing := [name for name, needed in names.items() if needed and name not in parameters]:
        raise Unfit(f"{cn} needs {', '.join(missing)}", f"{cn} 缺少参数 {', '.join(missing)}")
    checked = {
        name: _check(PARAMETERS[name], parameters[name]) for name in names if name in parameters
    }
    _check_period(command, checked)
    return checked


def render(cn: str, parameters: Mapping[str, Value]) -> str:
    """Return what stands between CP=&& and &&, the names in the order of the standard."""
    return ";".join(
        f"{(PARAMETERS[name].wire or name).format(**parameters)}={parameters[name]}"
        for name in (each.rstrip("?") for each in COMMANDS[cn].parameters)
        if name in parameters
    )


def masked(parameters: Mapping[str, Value]) -> dict[str, Value]:
    """Return parameters as they may be shown: passwords and keys are hidden."""
    return {
        name: MASK if name in PARAMETERS and PARAMETERS[name].secret else value
        for name, value in parameters.items()
    }


def _check(parameter: Parameter, value: object) -> Value:
    if parameter.numbers:
        if isinstance(value, int) and not isinstance(value, bool) and value in parameter.numbers:
            return value
        raise _unfit(parameter)
    if not isinstance(value, str):
        raise _unfit(parameter)
    if parameter.digits:
        if _instant(value, parameter.digits) is None:
            raise _unfit(parameter)
    elif not re.fullmatch(parameter.pattern, value):
        raise _unfit(parameter)
    return value


def _check_period(command: Command, values: Mapping[str, Value]) -> None:
    bounds = [str(values[name]) for name in ("BeginTime", "EndTime") if name in values]
    if len(bounds) == 1:
        raise Unfit("give both BeginTime and EndTime", "BeginTime 与 EndTime 应同时给出")
    first, last = ([_instant(each, 14) for each in bounds] + [None, None])[:2]
    if first is None or last is None:
        return
    if not timedelta(0) <= last - first <= timedelta(days=command.longest):
        raise Unfit(
            f"EndTime is at most {command.longest} days after BeginTime and not before it",
            f"EndTime 不得早于 BeginTime，且相差不超过 {command.longest} 天",
        )


def _instant(text: str, digits: int) -> datetime | None:
    if len(text) != digits or not (text.isascii() and text.isdigit()):
        return None
    try:
        return datetime.strptime(text[:14] + "+0800", "%Y%m%d%H%M%S%z")
    except ValueError:
        return None


def _unfit(parameter: Parameter) -> Unfit:
    name, accepts = parameter.name, parameter.accepts
    return Unfit(f"{name} ({parameter.en}): {accepts}", f"{name}（{parameter.zh}）：{accepts}")
