"""pip, and the empty environment that it fills."""

import importlib.util
import os
import shutil
import sys
from pathlib import Path

from deploy.local import commands, debian
from deploy.local.errors import Cannot
from deploy.local.packages import PIP
from deploy.local.progress import Progress, Report
from deploy.local.settings import cache_folder

_NO_VENV = (
    "This Python cannot make a virtual environment: install the package python3-venv, "
    "or set QINGYU_PYTHON to another interpreter."
)
_DISK = "The disk is full: free some space, and start again."
_NETWORK = (
    "The Python package index does not answer: check the network (or pip's index and proxy) "
    "and start again, what was downloaded is kept."
)
_HASH = "A downloaded Python package is not the one of the lock file: check pip's index."
_CAUSES = {  # what pip prints, the more telling first
    "No space left": _DISK,
    "DO NOT MATCH THE HASHES": _HASH,
    "NewConnectionError": _NETWORK,
    "NameResolutionError": _NETWORK,
    "ConnectTimeout": _NETWORK,
    "ReadTimeout": _NETWORK,
    "ProxyError": _NETWORK,
    "Connection": _NETWORK,
}
_WHEELS = Path("/usr/share/python-wheels")
_SWITCHES = (
    "--require-hashes",
    "--no-deps",  # the lock file is complete
    "--only-binary=:all:",
    "--no-compile",  # what is used is compiled when it is used
    "--no-input",
    "--disable-pip-version-check",
    "--progress-bar=off",
)


def make_environment(venv: Path, lock: int, progress: Progress) -> None:
    """Make an environment with pip in the folder ``venv``; raises Cannot.

    Not with ensurepip: it starts a program of its own, which would survive when we are killed.
    """
    command = [sys.executable, "-m", "venv", "--without-pip", str(venv)]
    status, _ = commands.run(command, log=venv / "venv.log", lock=lock)
    if status != 0:
        raise Cannot(_NO_VENV)
    wheel = _own_wheel() or _debian_wheel(progress.about("Debian packages (pip)"))
    itself = [str(wheel / "pip"), "install", "--no-index", "--no-compile", str(wheel)]
    python = venv / "bin" / "python"
    status, output = commands.run([python, *itself], log=venv / "pip.log", lock=lock)
    if status != 0:
        raise Cannot(sentence(output))


def install(python: Path, requirements: Path, lock: int, report: Report) -> None:
    """Install exactly what ``requirements`` lists, by its hashes; raises Cannot."""
    total = requirements.read_text().count("==")
    command = [str(python), "-m", "pip", "install", *_SWITCHES, "-r", str(requirements)]

    def tell(output: str) -> None:
        if "Installing collected packages" in output:
            report("installing")
        else:
            report(f"{output.count('Collecting ')} of {total}")

    venv = python.parent.parent
    scratch = venv / ".scratch"  # a killed pip leaves its files here, and they go with the folder
    scratch.mkdir(exist_ok=True)
    environment = {**os.environ, "PIP_USER": "0", "TMPDIR": str(scratch)}
    log = venv / "pip.log"
    status, output = commands.run(command, log=log, lock=lock, environment=environment, tell=tell)
    shutil.rmtree(scratch, ignore_errors=True)
    if status != 0:
        raise Cannot(sentence(output))


def _own_wheel() -> Path | None:
    """The wheel of pip that comes with Python, or with Debian's python3-venv."""
    spec = importlib.util.find_spec("ensurepip")
    folders = [Path(spec.origin).parent / "_bundled"] if spec and spec.origin else []
    wheels = [wheel for folder in (*folders, _WHEELS) for wheel in folder.glob("pip-*.whl")]
    return wheels[0] if wheels else None


def _debian_wheel(report: Report) -> Path:
    """Debian has it in a package apart, which needs no root to be unpacked."""
    try:
        root = debian.ensure(PIP, cache_folder(os.environ), report)
    except Cannot as refusal:
        raise Cannot(_NO_VENV) from refusal
    return next((root / _WHEELS.relative_to("/")).glob("pip-*.whl"))


def sentence(output: str) -> str:
    """Return what to do about a failure of pip that printed ``output``."""
    for sign, sentence in _CAUSES.items():
        if sign in output:
            return sentence
    complaints = [line for line in output.splitlines() if line.startswith("ERROR:")]
    return f"pip failed ({complaints[-1] if complaints else 'it was killed'}): start again."
