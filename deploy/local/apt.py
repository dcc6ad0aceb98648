"""A private apt: the machine's program and mirror, with lists and archives of its own."""

import os
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.local import mirror
from deploy.local.errors import Cannot
from deploy.local.packages import SUITE, Recipe
from deploy.local.progress import Report

# A killed start takes apt with it.
_LEASHED = ("setpriv", "--pdeathsig", "TERM")
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
_CAUSES = (
    (("No space left", "enough free space"), "The disk is full: free {megabytes} MB in {folder}, "
     "or set QINGYU_CACHE to a folder on another disk."),
    (("NO_PUBKEY", "is not signed", "EXPKEYSIG", "not trusted"), "This machine's Debian keys do "
     "not know {suite}: update the package debian-archive-keyring."),
    (("does not have a Release file", "404  Not Found"), "The Debian mirror of this machine has "
     "no {suite}: set QINGYU_DEBIAN_MIRROR to the address of one that has."),
    (("resolv", "connect", "Connection", "timed out", "unreachable", "Failed to fetch"),
     "The Debian mirror of this machine does not answer: check the network (or the proxy of apt) "
     "and start again, what was downloaded is kept."),
)  # fmt: skip


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
        printed = self._run(["install", "-qq", "-o", nothing, "--print-uris", *self.recipe.packages])
        lines = [line.split() for line in printed.splitlines() if line.startswith("'")]
        return [Archive(file, int(size)) for _, file, size, *_ in lines]

    def download(self, planned: Sequence[Archive]) -> list[Path]:
        """Return the files of ``planned``, fetched where they are not there yet."""
        total = sum(archive.size for archive in planned)

        def tell() -> None:
            self.report(f"{self._fetched() / 1e6:.0f} of {total / 1e6:.0f} MB")

        self._run(["install", "-qq", "--yes", "--download-only", *self.recipe.packages], tell)
        return [self.archives / archive.file for archive in planned]

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
            "Acquire::Languages": "none",
            "Acquire::Retries": "3",
            "Acquire::http::Timeout": "20",
            "Acquire::https::Timeout": "20",
        }
        return "".join(f'{name} "{value}";\n' for name, value in values.items())

    def _fetched(self) -> int:
        return sum(file.stat().st_size for file in self.archives.rglob("*.deb"))

    def _run(self, arguments: Sequence[str], tell: Report | None = None) -> str:
        ...
