"""Which processes run, written down so that a later start finds what an earlier one left."""

import os
import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from deploy.local.errors import Cannot

SUFFIX = ".process"


@dataclass(frozen=True, slots=True)
class Record:
    """One process: a pid alone may belong to another program by now, with its start it cannot.

    ``started`` is in clock ticks since the machine's boot; ``farewell`` is the signal that ends it.
    """

    pid: int
    started: int
    farewell: int

    @property
    def alive(self) -> bool:
        """Whether this very process still runs."""
        return _started(self.pid) == self.started

    def end(self, grace: float) -> None:
        """Ask it to end, and kill after ``grace`` seconds what is left of its process group."""
        if not self.alive:
            return
        send(self.pid, self.farewell)
        deadline = time.monotonic() + grace
        while self.alive and time.monotonic() < deadline:
            time.sleep(0.02)
        kill_group(self.pid)
        while self.alive:
            time.sleep(0.02)


def write(path: Path, pid: int, farewell: int) -> Record | None:
    """Note the process ``pid`` in ``path``; None when it has ended already."""
    started = _started(pid)
    if started is None:
        return None
    part = path.with_name(f"{path.name}.part")
    part.write_text(f"{pid} {started} {farewell}\n")
    part.replace(path)
    return Record(pid, started, farewell)


def read(path: Path) -> Record | None:
    """Return the process noted in ``path`` when it still runs."""
    try:
        pid, started, farewell = map(int, path.read_text().split())
    except (FileNotFoundError, ValueError):  # a note that was cut off names nobody
        return None
    record = Record(pid, started, farewell)
    return record if record.alive else None


def sweep(folders: Iterable[Path], grace: float = 20.0) -> list[str]:
    """End what the notes in ``folders`` name, newest first; return the names of those that ran."""
    notes = [note for folder in folders for note in folder.glob(f"*{SUFFIX}")]
    ended = []
    for note in sorted(notes, key=lambda note: note.stat().st_mtime, reverse=True):
        record = read(note)
        if record is not None:
            record.end(grace)
            ended.append(note.stem)
        note.unlink(missing_ok=True)
    return ended


def send(pid: int, number: int) -> None:
    """Send a signal to a process that may have ended."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
    except PermissionError:
        raise Cannot(f"Process {pid} of an earlier start is another user's: end it.") from None


def kill_group(leader: int) -> None:
    """Kill what is left of the process group of ``leader``."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        return


def _started(pid: int) -> int | None:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else int(fields[19])  # a zombie runs no more
