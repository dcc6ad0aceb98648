"""CPU seconds of each stage of the line while something runs."""

import contextlib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

import psutil

CORES = psutil.cpu_count() or 1


@dataclass(slots=True)
class Stages:
    """Processes by the stage that they belong to; backends of the database come and go.

    ``backends`` says which stage a backend belongs to, by the name of its application.
    """

    programs: Mapping[str, int]  # stage: process
    postmaster: int
    backends: Mapping[str, str]
    _last: dict[int, float] = field(default_factory=dict)
    _spent: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    def sample(self, applications: Mapping[int, str]) -> None:
        """Add what was spent since the last sample; ``applications`` are backends by process."""
        stages = {pid: stage for stage, pid in self.programs.items()}
        with contextlib.suppress(psutil.NoSuchProcess):
            for child in psutil.Process(self.postmaster).children():
                name = applications.get(child.pid, "")
                stages[child.pid] = self.backends.get(name, "database, other")
        for pid, stage in stages.items():
            with contextlib.suppress(psutil.NoSuchProcess):
                times = psutil.Process(pid).cpu_times()
                now = times.user + times.system
                self._spent[stage] += now - self._last.get(pid, now)
                self._last[pid] = now

    @property
    def spent(self) -> dict[str, float]:
        """CPU seconds between the first sample and the last, by stage."""
        return dict(self._spent)
