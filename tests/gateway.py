"""The reference sender as a process, fed by files, with what it says of its documents."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deploy.local.sender.arguments import PASSWORD
from deploy.local.settings import CHECKOUT


@dataclass(slots=True)
class Gateway:
    """One sender; its account at the broker has the password ``secret``."""

    broker: str
    uscc: str
    folder: Path
    options: Sequence[str] = ()
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.incoming.mkdir(parents=True)

    @property
    def incoming(self) -> Path:
        return self.folder / "incoming"

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def command(self, *more: str) -> list[str]:
        return [
            *(sys.executable, "-m", "deploy.local.sender", "--broker", self.broker),
            *("--uscc", self.uscc, "--folder", str(self.folder), "--events"),
            *self.options,
            *more,
        ]

    def bring(self, lines: Iterable[bytes], name: str = "1") -> None:
        """Put readings where the sender looks for files."""
        part = self.incoming / f"{name}.part"
        part.write_bytes(b"".join(line + b"\n" for line in lines))
        part.rename(self.incoming / f"{name}.ndjson")

    def start(self, *more: str) -> None:
        """Send the files until there are no more and all is answered."""
        with self.log.open("ab") as log, (self.folder / "events").open("ab") as events:
            self.process = subprocess.Popen(
                self.command("--incoming", str(self.incoming), "--once", *more),
                cwd=CHECKOUT,
                env={**os.environ, PASSWORD: "secret"},
                stdin=subprocess.DEVNULL,
                stdout=events,
                stderr=log,
            )

    def kill(self, number: int = signal.SIGKILL) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(30)
            self.process = None

    def events(self) -> list[dict[str, Any]]:
        """Return what the sender told; a kill may have cut the last line."""
        path = self.folder / "events"
        lines = path.read_bytes().splitlines() if path.exists() else []
        found = []
        for line in lines:
            try:
                found.append(json.loads(line))
            except ValueError:
                continue
        return found

    def answered(self) -> dict[str, dict[str, Any]]:
        """Return what the first outcome of each document said."""
        found: dict[str, dict[str, Any]] = {}
        for event in self.events():
            if "id" in event:
                found.setdefault(event["id"], event)
        return found

    def count_answered(self) -> int:
        """Return how many outcomes the sender told, without reading each."""
        path = self.folder / "events"
        return path.read_bytes().count(b'"id"') if path.exists() else 0

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def waiting(self) -> int:
        """Return how many documents wait for their outcomes."""
        return len(list((self.folder / "waiting").glob("*.json")))

    def refused(self) -> list[dict[str, Any]]:
        """Return what was refused, oldest first."""
        paths = sorted((self.folder / "refused").glob("*.json"))
        return [json.loads(path.read_bytes()) for path in paths]

    def finish(self, patience: float = 60.0) -> None:
        """Wait until it has sent everything and ended by itself."""
        assert self.process is not None
        try:
            status = self.process.wait(patience)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.waiting()} documents wait\n{self.told()}") from None
        self.process = None
        assert status == 0, self.told()

    def told(self) -> str:
        return self.log.read_text()[-3_000:]

    def wait_for(self, what: str, condition: Callable[[], object], patience: float = 60.0) -> None:
        deadline = time.monotonic() + patience
        while not condition():
            assert time.monotonic() < deadline, f"{what}\n{self.told()}"
            time.sleep(0.01)
