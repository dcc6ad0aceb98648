"""A seeded database and the API as a process of its own on a real socket."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from deploy.local.database import Database
from deploy.local.settings import CHECKOUT, free_port
from service.store.engine import EVERYWHERE, make_engine
from tests.browser import seed

PATIENCE_S = 60.0


@dataclass(slots=True)
class Site:
    """The console at ``url`` and the keys of those who work with it."""

    db: Database
    keys: dict[str, str]
    log: Path
    guests: bool = True
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Return the address of the page."""
        return f"http://127.0.0.1:{self.port}/"

    def start(self) -> None:
        """Start the API and wait until it is ready."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("QINGYU_")}
        variables = {"QINGYU_DATABASE": self.db.service, "QINGYU_API_BIND": self.url[7:-1]}
        guests = {"QINGYU_GUEST_REGION": ""} if self.guests else {}
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "service", "api"],
                cwd=CHECKOUT,
                env={**inherited, **variables, **guests},
                stdout=output,
                stderr=output,
            )
        deadline = time.monotonic() + PATIENCE_S
        while not self._is_ready():
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise AssertionError(self.log.read_text()[-3000:])
            time.sleep(0.05)

    def stop(self, number: int = signal.SIGTERM) -> None:
        """End the API by a signal."""
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(PATIENCE_S)
            self.process = None

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}readyz", timeout=5).is_success
        except httpx.HTTPError:
            return False

    async def enter(self, *figures: dict[str, Any]) -> None:
        """Enter official figures as the statistics office does, over the socket, and evaluate."""
        headers = {"Authorization": f"Bearer {self.keys['statistics']}"}
        async with httpx.AsyncClient(base_url=self.url, headers=headers) as client:
            answer = await client.post("/api/v1/statistics", json={"figures": [*figures]})
            assert answer.is_success, answer.text
        await self.evaluate()

    async def enter_unseen(self, *figures: dict[str, Any]) -> None:
        """Enter official figures while the API is down, as by another of its processes."""
        await seed.post(self.db, self.keys["statistics"], "/statistics", {"figures": [*figures]})
        await self.evaluate()

    async def evaluate(self) -> None:
        """Evaluate the official figures as the analysis does."""
        engine = make_engine(self.db.service, "test", region=EVERYWHERE)
        try:
            await seed.evaluate(engine, datetime.now(UTC), "official_intensity")
        finally:
            await engine.dispose()
