"""`make check`: format, lint, types, import contracts, and migrations that fit the tables."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from deploy.local import scratch
from deploy.local.settings import CHECKOUT

PLAIN = (
    ("ruff", "format", "--check", "."),
    ("ruff", "check", "."),
    ("mypy",),
    ("lint-imports",),
)


def main() -> None:
    """Run every check and exit with 1 when one of them fails."""
    failed = [" ".join(check) for check in PLAIN if not _passes(check, os.environ)]
    with scratch.running() as database:
        environment = {**os.environ, "QINGYU_DATABASE": database.owner}
        if not _passes(("alembic", "check"), environment):
            failed.append("alembic check")
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


def _passes(check: Sequence[str], environment: Mapping[str, str]) -> bool:
    print("-", *check, flush=True)
    program = Path(sys.executable).parent / check[0]
    command = [str(program), *check[1:]]
    return subprocess.run(command, cwd=CHECKOUT, env=environment, check=False).returncode == 0


if __name__ == "__main__":
    main()
