import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.local import logs, records
from deploy.local.processes import Program

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
