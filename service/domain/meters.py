"""What the register of meters (计量器具台账) says of a meter: its calibration, and its silence."""

from datetime import timedelta
from enum import StrEnum

SILENT_AFTER = 3.0  # expected intervals without a reading
DUE_SOON = timedelta(days=30)  # before the end of a calibration


class Calibration(StrEnum):
    """检定校准状态: 有效, 即将到期, 超期, 未知.

    A calibration that failed leaves the meter overdue. Without one, or without an end of the last
    one, nothing is known.
    """

    VALID = "valid"
    DUE_SOON = "due_soon"
    OVERDUE = "overdue"
    UNKNOWN = "unknown"


class State(StrEnum):
    """在线状态: 正常上报, 静默, 从未上报, 已停用.

    A meter reports when each of its channels in service does; it never did when none of them has.
    """

    REPORTING = "reporting"
    SILENT = "silent"
    NEVER = "never"
    OUT_OF_SERVICE = "out_of_service"
