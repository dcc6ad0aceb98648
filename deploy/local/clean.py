"""`make clean`: removes what was made here; the cache of downloads stays for the next start."""

import os
import shutil
import sys

from deploy.local import detached, settings
from deploy.local.errors import Cannot
from deploy.local.settings import CHECKOUT, Settings

CACHES = (
    ".hypothesis",
    ".import_linter_cache",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    "service/console/static/vendor",
)


def main() -> None:
    """Remove the database and all caches of this checkout, unless something still runs."""
    try:
        chosen = settings.read(os.environ)
        _check_stopped(chosen)
    except Cannot as refusal:
        sys.exit(str(refusal))
    for folder in (chosen.data, chosen.home, CHECKOUT / ".venv"):
        shutil.rmtree(folder, ignore_errors=True)
    for name in CACHES:
        shutil.rmtree(CHECKOUT / name, ignore_errors=True)
    for folder in CHECKOUT.rglob("__pycache__"):
        shutil.rmtree(folder, ignore_errors=True)
    print("clean; downloads stay in", chosen.cache)


def _check_stopped(chosen: Settings) -> None:
    if chosen.home.exists() and detached.running(chosen.home) is not None:
        raise Cannot("It still runs: stop it with make down first.")


if __name__ == "__main__":
    main()
