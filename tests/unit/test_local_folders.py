import io
import os
import threading
from pathlib import Path

import pytest

from deploy.local import locks, packages, privileges, tuning
from deploy.local.errors import Cannot
from deploy.local.privileges import User
from deploy.local.progress import Progress

GIB = 1 << 30


@pytest.mark.parametrize(
    ("available", "buffers", "wal"),
    [
        pytest.param(GIB // 2, "128MB", "1024MB", id="a small container"),
        pytest.param(8 * GIB, "1365MB", "2048MB", id="a laptop"),
        pytest.param(256 * GIB, "4096MB", "8192MB", id="a large server shares, too"),
    ],
)
def test_the_database_is_sized_by_the_machine(available: int, buffers: str, wal: str) -> None:
    found = tuning.settings(available)

    assert (found["shared_buffers"], found["max_wal_size"]) == (buffers, wal)


def test_the_machine_has_memory() -> None:
    assert tuning.memory() > 64 * tuning.MIB


def test_a_container_is_smaller_than_its_machine(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    limit, unlimited = tmp_path / "memory.max", tmp_path / "limit_in_bytes"
    limit.write_text("1048576\n")
    unlimited.write_text("max\n")
    monkeypatch.setattr(tuning, "_CGROUP_LIMITS", (limit, unlimited))

    assert tuning.memory() == 1048576


def test_new_folders_can_be_entered_by_other_users(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        privileges.make_open(tmp_path / "a" / "b")
    finally:
        os.umask(before)

    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o755


def test_a_folder_that_the_servant_cannot_enter_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(privileges, "servant", lambda: User("postgres", 12345, 12345))
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)

    with pytest.raises(Cannot, match=r"User postgres cannot enter .* set QINGYU_DATA to a folder"):
        privileges.check_reach(closed / "data", "QINGYU_DATA")


def test_a_user_without_privileges_runs_programs_as_they_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(privileges, "servant", lambda: None)

    assert privileges.lowered([Path("/bin/true"), "-x"]) == ["/bin/true", "-x"]


def test_another_choice_of_packages_is_another_folder() -> None:
    recipes = (packages.DATABASE_AND_BROKER, packages.CHROMIUM, packages.FONTS, packages.PIP)

    assert len({recipe.key for recipe in recipes}) == len(recipes)
    assert packages.PIP.key.startswith("pip-")


def test_a_second_start_waits_for_the_first(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    waiting = threading.Event()
    order: list[str] = []

    def second() -> None:
        with locks.exclusive(lock, waiting.set):
            order.append("second")

    thread = threading.Thread(target=second)
    with locks.exclusive(lock, lambda: None):
        thread.start()
        assert waiting.wait(10)
        assert locks.hold(lock) is None
        order.append("first")
    thread.join()

    assert order == ["first", "second"]
    descriptor = locks.hold(lock)
    assert descriptor is not None
    os.close(descriptor)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_one_line_on_a_terminal() -> None:
    terminal = Terminal()
    progress = Progress(terminal)
    python, debian = progress.about("Python"), progress.about("Debian")

    python("1 of 2")
    debian("unpacking")
    python("")
    progress.close()

    assert terminal.getvalue().split("\r") == [
        "",
        "Python: 1 of 2\x1b[K",
        "Python: 1 of 2 · Debian: unpacking\x1b[K",
        "Debian: unpacking\x1b[K",
        "\x1b[K",
    ]


def test_progress_in_a_file_does_not_repeat_itself() -> None:
    file = io.StringIO()
    report = Progress(file).about("Python")

    for sentence in ("making .venv", "1 of 31", "2 of 31", "3 of 31", "installing"):
        report(sentence)

    assert file.getvalue() == "Python: making .venv\nPython: 1 of 31\nPython: installing\n"
