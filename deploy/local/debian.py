"""Private roots: Debian packages unpacked into a folder of our own, without installing them."""

import os
import platform
import shutil
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from deploy.local import privileges
from deploy.local.apt import Apt
from deploy.local.errors import Cannot, explained
from deploy.local.locks import exclusive
from deploy.local.packages import Recipe
from deploy.local.progress import Progress, Report

STAMP = ".unpacked"
_SUPERUSER_FOLDERS = ("/usr/sbin", "/sbin")  # not in the PATH of a Debian user


def ensure(recipe: Recipe, cache: Path, report: Report | None = None) -> Path:
    """Return the root with the packages of ``recipe`` unpacked, below ``cache``.

    Needs no network once it is there. What a killed start has downloaded is kept; two starts at
    once wait for each other. Raises Cannot with what to do where it is impossible.
    """
    root = place_of(recipe, cache)
    if (root / STAMP).exists():
        return root
    progress = Progress()
    try:
        with explained("QINGYU_CACHE"):
            _make(recipe, cache, report or progress.about(f"Debian packages ({recipe.name})"))
    finally:
        progress.close()
    return root


def place_of(recipe: Recipe, cache: Path) -> Path:
    """Return the folder of the root of ``recipe``, there or not."""
    return cache / "debian" / recipe.key


def lock_of(cache: Path) -> Path:
    """Return the lock file that guards the roots below ``cache``."""
    return cache / "debian" / "lock"


def take_privileges(root: Path) -> None:
    """Let no program below ``root`` run as its owner: nobody has installed it for that."""
    for file in root.rglob("*"):
        if not file.is_symlink() and file.stat().st_mode & 0o6000:
            file.chmod(file.stat().st_mode & 0o777)


def _make(recipe: Recipe, cache: Path, report: Report) -> None:
    root = place_of(recipe, cache)
    privileges.make_open(root.parent)
    privileges.check_reach(root.parent, "QINGYU_CACHE")

    def waiting() -> None:
        report("another start is preparing them, waiting for it")

    with exclusive(lock_of(cache), waiting) as lock:
        if (root / STAMP).exists():
            return
        _check_machine(recipe, root.parent)
        apt = Apt(root.parent / "apt", recipe, lock, report)
        files = _download(apt)
        report("unpacking")
        _unpack(files, root, recipe, lock)
        apt.tidy()
    report("")


def _download(apt: Apt) -> list[Path]:
    apt.configure()
    apt.update()
    return apt.download(apt.plan())


def _check_machine(recipe: Recipe, folder: Path) -> None:
    if platform.machine() != "x86_64" or platform.system() != "Linux":
        raise Cannot(
            f"Debian packages are prepared for amd64 only, this is {platform.machine()}: install "
            "PostgreSQL 17 with TimescaleDB and Mosquitto yourself, or use deploy/compose.yaml."
        )
    free = shutil.disk_usage(folder).free // 1_000_000
    if free < recipe.megabytes:
        raise Cannot(
            f"{folder} has {free} MB left and {recipe.megabytes} are needed: "
            "free some space, or set QINGYU_CACHE to a folder on another disk."
        )


def _unpack(files: Sequence[Path], root: Path, recipe: Recipe, lock: int) -> None:
    part = root.with_name(f"{root.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    part.chmod(0o755)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda file: _run(["dpkg", "-x", file, part], lock), files))
    for folder in recipe.folders:  # some packages leave their soname link to the system's ldconfig
        _run([_ldconfig(), "-n", part / folder], lock)
    take_privileges(part)
    (part / STAMP).touch()
    _run(["sync", "--file-system", part], lock)
    shutil.rmtree(root, ignore_errors=True)
    part.rename(root)


def _run(command: Sequence[str | Path], lock: int) -> None:
    answer = subprocess.run(
        command, capture_output=True, text=True, check=False, pass_fds=(lock,), umask=0o022
    )
    if answer.returncode == 0:
        return
    if "No space left" in answer.stderr:
        raise Cannot("The disk is full: free some space, or set QINGYU_CACHE to another disk.")
    raise Cannot(f"{command[0]} failed ({answer.stderr.strip()[-200:]}): start again.")


def _ldconfig() -> str:
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), *_SUPERUSER_FOLDERS))
    found = shutil.which("ldconfig", path=path)
    if found is None:
        raise Cannot("There is no ldconfig here: install the package libc-bin.")
    return found
