import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.local import logs, records
from deploy.local.errors import Cannot
from deploy.local.processes import Program
from deploy.local.supervisor import STEADY, Supervisor, pause_after

FOREVER = "import time\nprint('hello', flush=True)\nwhile True: time.sleep(1)"
STUBBORN = "trap '' TERM; sleep 1000 & echo $!; while :; do sleep 1; done"


def program(folder: Path, name: str = "api", script: str = FOREVER) -> Program:
    command = [sys.executable, "-c", script]
    return Program(name, command, dict(os.environ), folder / f"{name}.log")


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_program_runs_until_it_is_stopped(tmp_path: Path) -> None:
    api = program(tmp_path)

    api.start()
    until(lambda: api.log.read_text() == "hello\n")
    assert api.running()

    api.stop()
    assert not api.running()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["api.log"]


def test_a_program_has_a_session_of_its_own(tmp_path: Path) -> None:
    api = program(tmp_path)
    api.start()
    pid = api.pid()
    assert pid is not None

    assert os.getsid(pid) == pid

    api.stop()


def test_a_program_that_does_not_listen_is_killed_with_its_children(tmp_path: Path) -> None:
    log = tmp_path / "stubborn.log"
    stubborn = Program("stubborn", ["sh", "-c", STUBBORN], dict(os.environ), log, grace=0.2)
    stubborn.start()
    until(lambda: log.read_text().endswith("\n"))
    child = records.write(tmp_path / "child", int(log.read_text()), signal.SIGTERM)
    assert child is not None

    stubborn.stop()

    until(lambda: not child.alive)


def test_a_later_start_finds_and_ends_what_a_killed_one_has_left(tmp_path: Path) -> None:
    earlier, later = program(tmp_path), program(tmp_path)
    earlier.start()
    left = earlier.pid()

    assert later.pid() == left
    later.start()

    assert not earlier.running()
    assert later.pid() not in (None, left)
    later.stop()


def test_a_note_with_the_number_of_another_program_names_nobody(tmp_path: Path) -> None:
    stranger = subprocess.Popen(["sleep", "1000"])
    note = tmp_path / f"api{records.SUFFIX}"
    record = records.write(note, stranger.pid, signal.SIGTERM)
    assert record is not None
    note.write_text(f"{record.pid} {record.started + 1} {record.farewell}\n")

    assert not program(tmp_path).running()
    assert records.sweep([tmp_path]) == []

    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


@pytest.mark.parametrize("text", ["", "12", "12 x 15"])
def test_a_note_that_was_cut_off_names_nobody(text: str, tmp_path: Path) -> None:
    note = tmp_path / f"api{records.SUFFIX}"
    note.write_text(text)

    assert records.read(note) is None


def test_a_sweep_ends_all_that_is_noted(tmp_path: Path) -> None:
    first, second = program(tmp_path, "first"), program(tmp_path, "second")
    first.start()
    second.start()

    assert sorted(records.sweep([tmp_path, tmp_path / "none"])) == ["first", "second"]

    assert not first.running()
    assert not second.running()


def test_logs_of_the_last_starts_are_kept(tmp_path: Path) -> None:
    log = tmp_path / "api.log"
    for number in range(6):
        logs.rotate(log)
        log.write_text(f"start {number}\n")

    kept = {path.name: path.read_text() for path in tmp_path.iterdir()}

    assert kept == {
        "api.log": "start 5\n",
        "api.log.1": "start 4\n",
        "api.log.2": "start 3\n",
        "api.log.3": "start 2\n",
    }
    assert logs.last_line(log) == "start 5"


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
