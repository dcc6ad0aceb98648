"""A local run in the background: it is started, found and stopped from other terminals."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.local import locks, logs, records
from deploy.local.errors import Cannot

_READY = b"ready"
_INTERRUPTED = 130  # what a shell reports for Ctrl-C


@contextmanager
def claim(home: Path) -> Iterator[None]:
    """Be the one local run of ``home``; raises Cannot when there is one.

    The lock and not the number in it says that a run is alive, so a number that the machine has
    given to another program since then does no harm.
    """
    lock = locks.hold(_lock(home))
    if lock is None:
        raise Cannot(f"It runs already (process {_owner(home)}): stop it with make down.")
    try:
        os.ftruncate(lock, 0)
        os.write(lock, f"{os.getpid()}\n".encode())
        yield
    finally:
        os.close(lock)


def running(home: Path) -> int | None:
    """Return the process of the local run of ``home``, None when there is none."""
    lock = locks.hold(_lock(home))
    if lock is None:
        return _owner(home)
    os.close(lock)
    return None


def down(home: Path, folders: Iterable[Path], patience: float = 90.0) -> bool:
    """Stop the local run of ``home``; return whether anything ran.

    Returns when all has ended. What a killed run has left is ended by its notes in ``folders``.
    """
    owner = running(home)
    if owner is not None:
        records.send(owner, signal.SIGTERM)
        if not _gone(home, patience):
            records.send(owner, signal.SIGKILL)
            _gone(home, patience)
    left = records.sweep(folders)
    return owner is not None or bool(left)


def detach(log: Path) -> Callable[[], None]:
    """Go on in the background; returns there only, with the function to call when all is ready.

    The process that called ends with status 0 at that call, or with 1 when the background process
    ends before it; until then both share the terminal, so that progress and errors are seen.
    Afterwards output goes to ``log``.
    """
    reader, writer = os.pipe()
    if os.fork() > 0:
        os.close(writer)
        _await(reader)
    os.close(reader)
    os.setsid()
    if os.fork() > 0:
        os._exit(0)
    os.write(writer, f"{os.getpid()}\n".encode())

    def ready() -> None:
        _redirect(log)
        os.write(writer, _READY)
        os.close(writer)

    return ready


def _await(reader: int) -> None:
    answer, child = b"", 0
    while True:
        try:
            piece = os.read(reader, 64)
        except KeyboardInterrupt:  # the other session does not see the terminal's Ctrl-C
            if child:
                records.send(child, signal.SIGTERM)
            continue
        answer += piece
        child = child or int(answer.partition(b"\n")[0] or 0)
        if answer.endswith(_READY):
            sys.exit(0)
        if not piece:
            sys.exit(1)


def _redirect(log: Path) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    log.parent.mkdir(parents=True, exist_ok=True)
    logs.rotate(log)
    target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(target, 1)
    os.dup2(target, 2)


def _lock(home: Path) -> Path:
    return home / "up.lock"


def _owner(home: Path) -> int:
    deadline = time.monotonic() + 2
    while time.monotonic() < deadline:
        text = _lock(home).read_text()
        if text.endswith("\n"):
            return int(text)
        time.sleep(0.02)  # it has the lock and is about to write its number
    raise Cannot(f"{_lock(home)} is held by an unknown process: end it, and start again.")


def _gone(home: Path, patience: float) -> bool:
    deadline = time.monotonic() + patience
    while running(home) is not None:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
