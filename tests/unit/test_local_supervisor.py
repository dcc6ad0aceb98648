import os
import signal

import pytest

from deploy.local.errors import Cannot
from deploy.local.supervisor import STEADY, Supervisor, pause_after


class Part:
    """A part that fails to start, or dies, when it is told to."""

    def __init__(self, name: str, journal: list[str]) -> None:
        self.name = name
        self.journal = journal
        self.up = self.broken = False

    def start(self) -> None:
        self.journal.append(f"start {self.name}")
        if self.broken:
            raise Cannot("no")
        self.up = True

    def stop(self) -> None:
        self.journal.append(f"stop {self.name}")
        self.up = False

    def running(self) -> bool:
        return self.up


def test_parts_are_stopped_in_reverse_order() -> None:
    journal: list[str] = []

    with Supervisor(journal.append) as supervisor:
        for name in "abc":
            supervisor.start(Part(name, journal))

    assert journal[3:] == ["stop c", "stop b", "stop a"]


def test_parts_are_stopped_when_the_start_of_another_fails() -> None:
    journal: list[str] = []
    broken = Part("b", journal)
    broken.broken = True

    def start() -> None:
        with Supervisor(journal.append) as supervisor:
            supervisor.start(Part("a", journal))
            supervisor.start(broken)

    with pytest.raises(Cannot):
        start()

    assert journal == ["start a", "start b", "stop b", "stop a"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_the_parts_and_is_swallowed(number: int) -> None:
    journal: list[str] = []
    before = signal.getsignal(number)

    with Supervisor(journal.append) as supervisor:
        supervisor.start(Part("a", journal))
        supervisor.watch(lambda: os.kill(os.getpid(), number))

    assert journal == ["start a", "stop a"]
    assert signal.getsignal(number) is before


def test_a_part_that_is_never_ready_is_a_sentence() -> None:
    with pytest.raises(Cannot, match="a is not ready after"), Supervisor(lambda _: None) as it:
        it.start(Part("a", []), ready=lambda: False, patience=0.1)


def test_a_dead_part_is_started_again_with_growing_pauses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = 1000.0
    monkeypatch.setattr("deploy.local.supervisor.time.monotonic", lambda: clock)
    said: list[str] = []
    part = Part("a", [])
    starts = []
    with Supervisor(said.append) as supervisor:
        supervisor.start(part)
        part.up, part.broken = False, True
        while clock < 1010:
            before = len(part.journal)
            supervisor.tick(clock)
            if len(part.journal) > before:
                starts.append(clock - 1000)
            clock += 0.25
        part.broken = False
        while not part.up:
            supervisor.tick(clock)
            clock += 0.25

    assert starts == [0.5, 1.5, 3.5, 7.5]
    assert said[0] == "a ended unexpectedly, next attempt in 0.5 s"
    assert said[1] == "a did not start (no), next attempt in 1.0 s"
    assert said[-1] == "a is started again"


def test_after_a_steady_run_a_failure_is_a_first_one(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = 0.0
    monkeypatch.setattr("deploy.local.supervisor.time.monotonic", lambda: clock)
    said: list[str] = []
    part = Part("a", [])
    with Supervisor(said.append) as supervisor:
        supervisor.start(part)
        for _ in range(3):
            part.up = False
            supervisor.tick(clock)
            clock += STEADY + 1
            supervisor.tick(clock)
            clock += STEADY + 1

    assert said[::2] == ["a ended unexpectedly, next attempt in 0.5 s"] * 3


def test_the_pause_has_an_end() -> None:
    assert [pause_after(number) for number in (1, 2, 3, 20)] == [0.5, 1.0, 2.0, 30.0]
