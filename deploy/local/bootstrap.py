"""The first thing that runs: prepares .venv with the machine's own Python, then goes on inside it.

``python3 deploy/local/bootstrap.py local|dev -- module [argument ...]``

Any Python 3 understands this file, so that an old one gets a sentence and not a traceback.
"""

import os
import runpy
import shutil
import sys
from pathlib import Path

OLDEST = 0x030B0000  # Python 3.11, as sys.hexversion has it
NEWER = ("python3.14", "python3.13", "python3.12", "python3.11")
_GUARD = "QINGYU_BOOTSTRAPPED_BY"  # says that the chosen interpreter is the one that runs


def main() -> None:
    """Go on with QINGYU_PYTHON, else with this Python, else with a newer one of the machine."""
    chosen = os.environ.get("QINGYU_PYTHON", "")
    if chosen and os.environ.pop(_GUARD, "") != chosen:
        os.environ[_GUARD] = chosen
        _go_on_with(chosen)
    if sys.hexversion < OLDEST:
        for name in NEWER if not chosen else ():
            if shutil.which(name):
                _go_on_with(name)
        sys.exit(
            f"Python 3.11 or newer is needed and this is {sys.version.split()[0]}: "
            "install python3.11, or set QINGYU_PYTHON to a newer interpreter."
        )
    sys.path[0] = str(Path(__file__).resolve().parents[2])
    runpy.run_module("deploy.local.environment", run_name="__main__")


def _go_on_with(interpreter: str) -> None:
    try:
        os.execvp(interpreter, [interpreter, *sys.argv])
    except OSError as error:
        sys.exit(f"QINGYU_PYTHON is {interpreter}, which does not run ({error.strerror}).")


if __name__ == "__main__":
    main()
