"""Programs of a local run."""

import contextlib
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local import logs, records


@dataclass(slots=True)
class Program:
    """One program in a session of its own, so that Ctrl-C reaches the supervisor only.

    Its output goes to ``log``; beside that a note of the process lets a later start find it.
    ``farewell`` is the signal that asks it to end, ``grace`` the seconds it has for that.
    """

    name: str
    command: Sequence[str | Path]
    environment: Mapping[str, str]
    log: Path
    folder: Path | None = None
    farewell: int = signal.SIGTERM
    grace: float = 15.0
    _child: subprocess.Popen[bytes] | None = field(default=None, init=False, repr=False)

    def start(self) -> None:
        """Start it; one that an earlier start has left is ended first."""
        self.stop()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        logs.rotate(self.log)
        with self.log.open("ab") as output:
            self._child = subprocess.Popen(
                self.command,
                cwd=self.folder,
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        records.write(self._note, self._child.pid, self.farewell)

    def pid(self) -> int | None:
        """Return its process number, whoever started it; None when it does not run."""
        if self._child is not None:
            return self._child.pid if self._child.poll() is None else None
        record = records.read(self._note)
        return None if record is None else record.pid

    def running(self) -> bool:
        """Return whether it runs, whoever started it."""
        return self.pid() is not None

    def stop(self) -> None:
        """End it and all of its process group; returns when it is gone."""
        if self._child is not None:
            self._end(self._child)
            self._child = None
        else:
            record = records.read(self._note)
            if record is not None:
                record.end(self.grace)
        self._note.unlink(missing_ok=True)

    def signal(self, number: int) -> None:
        """Send a signal to it, if it runs."""
        pid = self.pid()
        if pid is not None:
            records.send(pid, number)

    @property
    def _note(self) -> Path:
        return self.log.parent / f"{self.name}{records.SUFFIX}"

    def _end(self, child: subprocess.Popen[bytes]) -> None:
        if child.poll() is None:
            child.send_signal(self.farewell)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(self.grace)
        records.kill_group(child.pid)
        child.wait()
