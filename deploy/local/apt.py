"""A private apt: the machine's program and mirror, with lists and archives of its own."""

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.local import commands, mirror
from deploy.local.errors import Cannot
from deploy.local.packages import SUITE, Recipe
from deploy.local.progress import Report

_PROXIES = ("Acquire::http", "Acquire::https", "Acquire::ftp", "Acquire::tor", "Acquire::Check-")
_ASSUMED = """\
Package: {name}
Status: install ok installed
Architecture: amd64
Multi-Arch: foreign
Version: 99:0
Maintainer: none
Description: assumed

"""
_DISK = (
    "The disk is full: free {megabytes} MB in {folder}, "
    "or set QINGYU_CACHE to a folder on another disk."
)
_KEYS = "This machine's Debian keys do not know {suite}: update the package debian-archive-keyring."
_SUITE = (
    "The Debian mirror of this machine has no {suite}: "
    "set QINGYU_DEBIAN_MIRROR to the address of one that has."
)
_NETWORK = (
    "The Debian mirror of this machine does not answer: check the network (or the proxy of apt) "
    "and start again, what was downloaded is kept."
)
_CAUSES = {  # what apt-get prints, the more telling first
    "No space left": _DISK,
    "enough free space": _DISK,
    "NO_PUBKEY": _KEYS,
    "EXPKEYSIG": _KEYS,
    "is not signed": _KEYS,
    "does not have a Release file": _SUITE,
    "404  Not Found": _SUITE,
    "resolv": _NETWORK,
    "onnect": _NETWORK,
    "timed out": _NETWORK,
    "unreachable": _NETWORK,
    "Failed to fetch": _NETWORK,
}


@dataclass(frozen=True, slots=True)
class Archive:
    """One package file of the mirror and its size in bytes."""

    file: str
    size: int


@dataclass(frozen=True, slots=True)
class Apt:
    """apt-get with all its state below ``folder``; ``lock`` stays with its children."""

    folder: Path
    recipe: Recipe
    lock: int
    report: Report

    @property
    def archives(self) -> Path:
        """The folder of downloaded packages."""
        return self.folder / f"archives-{self.recipe.name}"

    def configure(self) -> None:
        """Write the configuration: the machine's mirror and proxies, nothing else of it."""
        found = mirror.find()
        for folder in (self.folder / "lists" / "partial", self.archives / "partial"):
            folder.mkdir(parents=True, exist_ok=True)
        self.folder.joinpath("sources.list").write_text(found.source(SUITE))
        status = "".join(_ASSUMED.format(name=name) for name in self.recipe.assumed)
        self.folder.joinpath("status").write_text(status)
        self._config.write_text(_proxies() + self._settings())

    def update(self) -> None:
        """Fetch the mirror's list of packages."""
        self.report("reading the list of packages")
        self._run(["update", "-q"])

    def plan(self) -> list[Archive]:
        """Return the packages that make up the recipe."""
        nothing = f"Dir::Cache::archives={self.folder / 'lists'}"  # else those here are left out
        printed = self._run(
            ["install", "-qq", "-o", nothing, "--print-uris", *self.recipe.packages]
        )
        lines = [line.split() for line in printed.splitlines() if line.startswith("'")]
        return [Archive(file, int(size)) for _, file, size, *_ in lines]

    def download(self, planned: Sequence[Archive]) -> list[Path]:
        """Return the files of ``planned``, fetched where they are not there yet."""
        total = sum(archive.size for archive in planned)

        def tell() -> None:
            self.report(f"{self._fetched() / 1e6:.0f} of {total / 1e6:.0f} MB")

        self._run(["install", "-qq", "--yes", "--download-only", *self.recipe.packages], tell)
        return [self.archives / archive.file for archive in planned]

    def tidy(self) -> None:
        """Remove what only this recipe needed; the list of packages stays for the next one."""
        shutil.rmtree(self.archives)
        for index in self.folder.glob("*pkgcache.bin*"):
            index.unlink()

    @property
    def _config(self) -> Path:
        return self.folder / "apt.conf"

    def _settings(self) -> str:
        values = {
            "Dir::Etc::main": "/dev/null",
            "Dir::Etc::parts": "/dev/null",
            "Dir::Etc::preferences": "/dev/null",
            "Dir::Etc::preferencesparts": "/dev/null",
            "Dir::Etc::sourcelist": self.folder / "sources.list",
            "Dir::Etc::sourceparts": "/dev/null",
            "Dir::State": self.folder,
            "Dir::State::lists": self.folder / "lists",
            "Dir::State::status": self.folder / "status",
            "Dir::Cache": self.folder,
            "Dir::Cache::archives": self.archives,
            "APT::Architecture": "amd64",
            "APT::Install-Recommends": "false",
            "APT::Update::Error-Mode": "any",
            "Acquire::GzipIndexes": "true",
            "Acquire::Languages": "none",
            "Acquire::Retries": "3",
            "Acquire::http::Timeout": "20",
            "Acquire::https::Timeout": "20",
        }
        return "".join(f'{name} "{value}";\n' for name, value in values.items())

    def _fetched(self) -> int:
        return sum(_size(file) for file in self.archives.rglob("*.deb"))

    def _run(self, arguments: Sequence[str], tell: Callable[[], None] = lambda: None) -> str:
        status, text = commands.run(
            ["apt-get", *arguments],
            log=self.folder / "apt.log",
            lock=self.lock,
            environment={**os.environ, "LC_ALL": "C", "APT_CONFIG": str(self._config)},
            tell=lambda _text: tell(),
        )
        if status != 0:
            raise Cannot(sentence(text, self.folder, self.recipe))
        return text


def sentence(output: str, folder: Path, recipe: Recipe) -> str:
    """Return what to do about a failure of apt-get that printed ``output``."""
    for sign, sentence in _CAUSES.items():
        if sign in output:
            return sentence.format(folder=folder, suite=SUITE, megabytes=recipe.megabytes)
    complaint = next(
        (line for line in output.splitlines() if line.startswith("E:")), "it was killed"
    )
    return f"apt-get could not fetch the Debian packages ({complaint}): start again."


def _proxies() -> str:
    command = ["apt-config", "dump", "Acquire"]
    dump = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return "".join(f"{line}\n" for line in dump.splitlines() if line.startswith(_PROXIES))


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:  # apt has just moved it
        return 0
