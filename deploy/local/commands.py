"""Other programs that do a part of the preparation."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

_LOOK = 0.1  # seconds between two looks at a running program


def run(
    command: Sequence[str | Path],
    *,
    log: Path,
    lock: int,
    environment: Mapping[str, str] = os.environ,
    folder: Path | None = None,
    tell: Callable[[str], None] = lambda _text: None,
) -> tuple[int, str]:
    """Return the exit status of ``command`` and what it printed, which also stays in ``log``.

    ``tell`` gets the output so far, again and again. A killed start takes the program with it,
    and until it has ended it keeps our ``lock``, so that the next start does not meet it.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*_leash(), *command],
            env=dict(environment),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=(lock,),
            umask=0o022,
        )
    _await(process, lambda: tell(_text(log)))
    return process.returncode, _text(log)


def _await(process: subprocess.Popen[bytes], look: Callable[[], None]) -> None:
    try:
        while process.poll() is None:
            look()
            time.sleep(_LOOK)
    finally:
        process.kill()  # apt takes no notice of a mere SIGTERM
        process.wait()


def _leash() -> list[str]:
    return ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []


def _text(log: Path) -> str:
    return log.read_text(errors="replace")
