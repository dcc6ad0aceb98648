"""The whole product as `make up` starts it, in folders and on ports of its own."""

import asyncio
import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from deploy.local.fleet import clock
from deploy.local.settings import CHECKOUT, PORTS, free_port

READINGS = """
    SELECT r.at, r.value FROM readings AS r JOIN channels USING (channel_id)
    JOIN devices USING (device_id) JOIN enterprises USING (enterprise_id)
    WHERE uscc = $1 AND code = $2 AND r.at > $3 ORDER BY r.at
"""
KEPT = ("QINGYU_CACHE", "QINGYU_CHROMIUM")
PATIENCE_S = 300.0
TAIL = 2_500  # characters of each log


@dataclass(frozen=True, slots=True)
class Product:
    """One local run below ``folder``; ``environment`` is that of whoever starts it."""

    folder: Path
    environment: dict[str, str]

    @property
    def home(self) -> Path:
        """Return the folder of local.env and logs."""
        return self.folder / "home"

    def up(self) -> float:
        """Start it in the background; returns after how many seconds it was ready."""
        begun = time.monotonic()
        answer = self.run("deploy.local.up", DETACH="1")
        assert answer.returncode == 0, f"{answer.stdout}{answer.stderr}{self.tails()}"
        print(answer.stdout)
        return time.monotonic() - begun

    def down(self) -> None:
        """Stop it."""
        answer = self.run("deploy.local.down")
        assert answer.returncode == 0, f"{answer.stderr}{self.tails()}"

    def fleet(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Return what a command of the demo fleet answers."""
        return self.run("deploy.local.fleet", *arguments)

    def run(self, module: str, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Return what a module of the local run answers; background processes may outlive it."""
        output, errors = self.folder / "stdout", self.folder / "stderr"
        with output.open("wb") as out, errors.open("wb") as err:
            answer = subprocess.run(
                [sys.executable, "-m", module, *arguments],
                cwd=CHECKOUT,
                env={**self.environment, **more},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                timeout=PATIENCE_S,
                check=False,
            )
        return subprocess.CompletedProcess(
            answer.args, answer.returncode, output.read_text(), errors.read_text()
        )

    def variables(self) -> dict[str, str]:
        """Return what local.env says, read as a shell reads it."""
        words = shlex.split((self.home / "local.env").read_text(encoding="utf-8"), comments=True)
        return dict(word.split("=", 1) for word in words)

    async def counts(self, tables: Sequence[str]) -> dict[str, int]:
        """Return how many rows tables have."""
        connection = await asyncpg.connect(self.variables()["QINGYU_DATABASE"])
        try:
            return {t: await connection.fetchval(f"SELECT count(*) FROM {t}") for t in tables}
        finally:
            await connection.close()

    async def readings_past(
        self, meter: tuple[str, str], since: int, past: int
    ) -> list[tuple[datetime, float]]:
        """Return a meter's readings since an instant, as soon as one lies past another instant."""
        connection = await asyncpg.connect(self.variables()["QINGYU_DATABASE"])
        deadline = time.monotonic() + PATIENCE_S
        try:
            while time.monotonic() < deadline:
                rows = await connection.fetch(READINGS, *meter, clock.moment(since))
                if rows and rows[-1]["at"] > clock.moment(past):
                    return [(row["at"], row["value"]) for row in rows]
                await asyncio.sleep(0.2)
        finally:
            await connection.close()
        raise AssertionError("the fleet did not go on")

    def tails(self) -> str:
        """Return the ends of all logs."""
        logs = sorted(self.folder.rglob("*.log"))
        return "".join(
            f"\n==> {log.relative_to(self.folder)} <==\n{log.read_text(errors='replace')[-TAIL:]}"
            for log in logs
        )


def prepare(folder: Path, since: str) -> Product:
    """Return a product that is not started yet, whose demo's history begins on a day."""
    folder.mkdir()
    folder.chmod(0o755)  # PostgreSQL may run as another user
    foreign = ("DEMO", "DETACH")
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name in KEPT or not (name.startswith("QINGYU_") or name in foreign)
    }
    ports: set[int] = set()
    while len(ports) < len(PORTS):
        ports.add(free_port())
    return Product(
        folder,
        {
            **inherited,
            **{name: str(port) for name, port in zip(PORTS, ports, strict=True)},
            "QINGYU_HOME": str(folder / "home"),
            "QINGYU_DATA": str(folder / "data"),
            "QINGYU_DEMO_SINCE": since,
            "QINGYU_SERIES": "",
        },
    )


def items(api: httpx.Client, path: str, **asked: str) -> list[dict[str, Any]]:
    """Return what a route lists."""
    answer = api.get(path, params=asked)
    assert answer.is_success, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


def waited(what: str, condition: Callable[[], bool], patience: float = 30.0) -> float:
    """Return and print after how many seconds a condition held."""
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < patience, f"{what}: not within {patience:.0f} s"
        time.sleep(0.05)
    spent = time.monotonic() - begun
    print(f"{what}: {spent:.2f} s")
    return spent


@dataclass(frozen=True, slots=True)
class Spare:
    """The meter for newcomers, with what they know of it."""

    variables: dict[str, str]
    api: httpx.Client

    @property
    def _asked(self) -> dict[str, str]:
        return {
            "enterprise": self.variables["QINGYU_DEMO_USCC"],
            "device": self.variables["QINGYU_DEMO_DEVICE"],
        }

    def document(self, *values: tuple[datetime, float]) -> str:
        """Return a document of readings."""
        device = self.variables["QINGYU_DEMO_DEVICE"]
        rows = [
            {"device": device, "quantity": "electricity", "at": at.isoformat(), "value": value}
            for at, value in values
        ]
        return json.dumps({"readings": rows})

    def has(self, at: datetime, value: float) -> bool:
        """Tell whether exactly this reading is there."""
        stretch = {"from": at.isoformat(), "to": (at + timedelta(seconds=1)).isoformat()}
        found = items(self.api, "/readings", **self._asked, **stretch)
        return [row["value"] for row in found] == [value]

    def used(self, start: datetime, stop: datetime) -> float:
        """Return what was used between two instants, kWh."""
        stretch = {"from": start.isoformat(), "to": stop.isoformat()}
        found = items(self.api, "/usage", **self._asked, **stretch)
        return sum(float(row["amount"]) for row in found)
