"""Keeps the parts of a local run running, and stops them in reverse order."""

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType, TracebackType
from typing import Protocol, Self

from deploy.local.errors import Cannot
from deploy.local.progress import Report

STEADY = 60.0  # seconds of running after which the next failure is a first one again
LONGEST_PAUSE = 30.0  # seconds between two attempts at most
TICK = 0.2  # seconds between two looks
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Part(Protocol):
    """What is started, watched and stopped."""

    @property
    def name(self) -> str: ...

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def running(self) -> bool: ...


@dataclass(slots=True)
class _Watched:
    part: Part
    failures: int = 0
    started_at: float = 0.0  # on the monotonic clock, like the next
    retry_at: float | None = None


def pause_after(failures: int) -> float:
    """Return the seconds to wait before the next attempt after so many failures in a row."""
    return float(min(LONGEST_PAUSE, 0.5 * 2 ** (failures - 1)))


class Supervisor:
    """A context: SIGINT, SIGTERM and SIGHUP end it, and whatever was started is stopped at its end.

    To be entered by the main thread. It swallows the KeyboardInterrupt that these signals raise.
    """

    def __init__(self, report: Report) -> None:
        self._report = report
        self._watched: list[_Watched] = []
        self._busy = False  # a part is between its start and our knowing of it
        self._asked = False

    def __enter__(self) -> Self:
        self._handlers = {number: signal.signal(number, self._interrupt) for number in _SIGNALS}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        self._stop()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        return kind is not None and issubclass(kind, KeyboardInterrupt)

    def start(
        self, part: Part, ready: Callable[[], bool] | None = None, patience: float = 60.0
    ) -> None:
        """Start ``part`` and wait until it is ready; raises Cannot after ``patience`` seconds."""
        watched = _Watched(part)
        self._watched.append(watched)
        self._start(watched)
        deadline = time.monotonic() + patience
        while ready is not None and not ready():
            if not part.running():
                raise Cannot(f"{part.name} ended while it started; its log says why.")
            if time.monotonic() > deadline:
                raise Cannot(f"{part.name} is not ready after {patience:.0f} s; its log says why.")
            time.sleep(0.05)

    def watch(self, status: Callable[[], None] = lambda: None) -> None:
        """Restart what dies, until a signal ends it; ``status`` is called at each look."""
        while True:
            self.tick(time.monotonic())
            status()
            time.sleep(TICK)

    def tick(self, at: float) -> None:
        """Look once at every part; ``at`` is the monotonic clock."""
        for watched in self._watched:
            if watched.retry_at is not None:
                if at >= watched.retry_at:
                    self._retry(watched, at)
            elif not watched.part.running():
                self._postpone(watched, at, "ended unexpectedly")

    def _retry(self, watched: _Watched, at: float) -> None:
        watched.retry_at = None
        try:
            self._start(watched)
        except (Cannot, OSError) as error:
            self._postpone(watched, at, f"did not start ({error})")
        else:
            self._report(f"{watched.part.name} is started again")

    def _postpone(self, watched: _Watched, at: float, what: str) -> None:
        steady = time.monotonic() - watched.started_at > STEADY
        watched.failures = 1 if steady else watched.failures + 1
        pause = pause_after(watched.failures)
        watched.retry_at = at + pause
        self._report(f"{watched.part.name} {what}, next attempt in {pause:.1f} s")

    def _start(self, watched: _Watched) -> None:
        self._busy = True
        try:
            watched.part.start()
            watched.started_at = time.monotonic()
        finally:
            self._busy = False
        if self._asked:
            raise KeyboardInterrupt

    def _stop(self) -> None:
        for watched in reversed(self._watched):
            try:
                watched.part.stop()
            except (Cannot, OSError) as error:  # the others are to be stopped all the same
                self._report(f"{watched.part.name} could not be stopped: {error}")
        self._watched.clear()

    def _interrupt(self, _number: int, _frame: FrameType | None) -> None:
        self._asked = True
        if not self._busy:
            raise KeyboardInterrupt
