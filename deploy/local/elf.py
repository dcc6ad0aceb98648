"""Programs of a private root that find their own loader and libraries."""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from deploy.local.errors import Cannot
from deploy.local.locks import exclusive
from deploy.local.packages import LIBRARIES, Recipe

STAMP = ".patched"
LOADER = Path(LIBRARIES) / "ld-linux-x86-64.so.2"


def ensure(root: Path, recipe: Recipe, lock: Path) -> None:
    """Patch ``root`` once, and again when it was moved; ``lock`` keeps a second start waiting."""
    if _is_patched(root, recipe):
        return
    with exclusive(lock, lambda: None):
        if not _is_patched(root, recipe):
            patch(root, recipe)


def patch(root: Path, recipe: Recipe) -> None:
    """Set the interpreter and the RPATH of the programs of ``recipe`` to ``root``.

    RPATH and not RUNPATH, because libraries inherit it; those with a RUNPATH of their own would
    not, so it is taken from them. No environment variable is needed, hence none leaks the private
    C library into the machine's own programs. Can be repeated after it was killed.
    """
    patchelf = _patchelf()
    folders = ":".join(str(root / folder) for folder in recipe.folders)
    for folder in recipe.folders:
        for library in list(_with_runpath(patchelf, root / folder)):
            _rewrite(patchelf, library, ["--remove-rpath"])
    for program in recipe.programs:
        interpreter = ["--set-interpreter", str(root / LOADER)]
        rpath = ["--force-rpath", "--set-rpath", folders]
        _rewrite(patchelf, root / program, [*interpreter, *rpath])
    part = root / f"{STAMP}.part"
    part.write_text(_mark(root, recipe))
    part.replace(root / STAMP)


def _is_patched(root: Path, recipe: Recipe) -> bool:
    stamp = root / STAMP
    return stamp.exists() and stamp.read_text() == _mark(root, recipe)


def _mark(root: Path, recipe: Recipe) -> str:
    work = repr((str(root), recipe.programs, recipe.folders))
    return hashlib.sha256(work.encode()).hexdigest()


def _patchelf() -> str:
    beside = Path(sys.executable).with_name("patchelf")
    found = str(beside) if beside.exists() else shutil.which("patchelf")
    if found is None:
        raise Cannot(
            "There is no patchelf in this environment: run the command through "
            "deploy/local/bootstrap.py, or install requirements-local.lock."
        )
    return found


def _with_runpath(patchelf: str, folder: Path) -> Iterator[Path]:
    for file in folder.glob("*.so*"):
        if file.is_symlink() or not file.is_file():
            continue
        command: list[str | Path] = [patchelf, "--print-rpath", file]
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
        if answer.stdout.strip():  # silent for linker scripts too
            yield file


def _rewrite(patchelf: str, file: Path, arguments: Sequence[str]) -> None:
    """Replace ``file`` in one step: a killed start leaves either the old one or the new one."""
    part = file.with_name(f".{file.name}.part")
    answer = subprocess.run(
        [patchelf, *arguments, "--output", part, file], capture_output=True, text=True, check=False
    )
    if answer.returncode != 0:
        raise Cannot(f"{file.name} could not be patched ({answer.stderr.strip()}): start again.")
    shutil.copymode(file, part)
    part.replace(file)
