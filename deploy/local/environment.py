"""The virtual environment of the checkout, filled by a lock file with hashes."""

import hashlib
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from deploy.local import installer, runtime
from deploy.local.errors import Cannot, explain
from deploy.local.locks import exclusive
from deploy.local.progress import Progress
from deploy.local.settings import CHECKOUT, cache_folder

VENV = CHECKOUT / ".venv"
PYTHON = VENV / "bin" / "python"
LOCKS = {"local": "requirements-local.lock", "dev": "requirements-dev.lock"}
USAGE = "usage: python3 deploy/local/bootstrap.py local|dev -- module [argument ...]"
_WITH_RUNTIME = ("deploy.local.up", "pytest")  # what will need database and broker
_UNFINISHED = VENV / ".unfinished"


def main(arguments: Sequence[str]) -> None:
    """Make the environment fit its lock file, then become the module that was asked for."""
    match arguments:
        case [("local" | "dev") as profile, "--", module, *rest]:
            _prepare(profile, with_runtime=module in _WITH_RUNTIME)
            os.chdir(CHECKOUT)
            os.execv(PYTHON, [str(PYTHON), "-m", module, *rest])
    sys.exit(USAGE)


def ensure(profile: str, *, with_runtime: bool) -> None:
    """Make .venv fit the lock file of ``profile``; does nothing, and quickly, when it does.

    ``with_runtime`` fetches the Debian packages of database and broker meanwhile. Raises Cannot.
    """
    mark = _mark(profile)
    if _fits(profile, mark):
        return
    progress = Progress()
    report = progress.about("Python packages")
    try:
        with exclusive(
            CHECKOUT / ".qingyu" / "environment.lock",
            lambda: report("another start is installing them, waiting for it"),
        ) as lock:
            if not _fits(profile, mark):
                fetching = _fetch_runtime(progress) if with_runtime else None
                _install(profile, mark, lock, progress)
                if fetching:
                    fetching.join()
    finally:
        progress.close()


def _prepare(profile: str, *, with_runtime: bool) -> None:
    try:
        ensure(profile, with_runtime=with_runtime)
    except Cannot as refusal:
        sys.exit(str(refusal))
    except OSError as error:
        sys.exit(str(explain(error)))
    except KeyboardInterrupt:
        print("\nInterrupted; the next start goes on from here.", file=sys.stderr)
        sys.exit(130)


def _mark(profile: str) -> str:
    digest = hashlib.sha256(CHECKOUT.joinpath(LOCKS[profile]).read_bytes()).hexdigest()
    return f"{digest} {os.environ.get('QINGYU_PYTHON', '')}"


def _fits(profile: str, mark: str) -> bool:
    """An interpreter matters only while one is chosen; both profiles can be there together."""
    stamp = _stamp(profile)
    if _UNFINISHED.exists() or not PYTHON.exists() or not stamp.exists():
        return False
    digest, _, chosen = mark.partition(" ")
    had, _, had_chosen = stamp.read_text().partition(" ")
    return had == digest and chosen in ("", had_chosen)


def _stamp(profile: str) -> Path:
    return VENV / f".{profile}.stamp"


def _fetch_runtime(progress: Progress) -> threading.Thread:
    def fetch() -> None:
        report = progress.about("Debian packages")
        try:
            runtime.download(cache_folder(os.environ), report)
        except (Cannot, OSError):  # said again, with its remedy, by whoever needs them
            report("")

    thread = threading.Thread(target=fetch, daemon=True)
    thread.start()
    return thread


def _install(profile: str, mark: str, lock: int, progress: Progress) -> None:
    report = progress.about("Python packages")
    if _UNFINISHED.exists() or not _works() or _other_chosen(mark):
        report("making .venv")
        if VENV.exists():
            shutil.rmtree(VENV)
        VENV.mkdir()
        _UNFINISHED.touch()
        installer.make_environment(VENV, lock, progress)
    _UNFINISHED.touch()
    installer.install(PYTHON, CHECKOUT / LOCKS[profile], lock, report)
    _stamp(profile).write_text(mark)
    _UNFINISHED.unlink()
    report("")


def _works() -> bool:
    check = "import sys, pip; sys.exit(sys.version_info < (3, 11))"
    if not PYTHON.exists():
        return False
    return subprocess.run([PYTHON, "-c", check], capture_output=True, check=False).returncode == 0


def _other_chosen(mark: str) -> bool:
    chosen = mark.partition(" ")[2]
    had = {stamp.read_text().partition(" ")[2] for stamp in VENV.glob(".*.stamp")}
    return chosen != "" and had != {chosen}


if __name__ == "__main__":
    main(sys.argv[1:])
