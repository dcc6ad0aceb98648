"""The machine's own Debian mirror and keyring."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.local.errors import Cannot

KEYRINGS = Path("/usr/share/keyrings")
KEYRING_NAMES = ("debian-archive-keyring.pgp", "debian-archive-keyring.gpg")
NO_MIRROR = (
    "This machine's apt knows no Debian mirror: set QINGYU_DEBIAN_MIRROR to the address of one "
    "and install debian-archive-keyring, or install PostgreSQL 17 with TimescaleDB and Mosquitto "
    "yourself, or use deploy/compose.yaml."
)
NO_KEYRING = (
    "The keys of the Debian archive are missing: install the package debian-archive-keyring."
)
NO_APT = (
    "There is no apt-get or dpkg here: install PostgreSQL 17 with TimescaleDB and Mosquitto "
    "yourself, or use deploy/compose.yaml."
)


@dataclass(frozen=True, slots=True)
class Mirror:
    """Where the machine gets Debian packages from, and the keys that sign them."""

    address: str
    keyring: Path

    def source(self, suite: str) -> str:
        """Return the line of a sources.list for ``suite``."""
        return f"deb [arch=amd64 signed-by={self.keyring}] {self.address} {suite} main\n"


def find(environment: Mapping[str, str] = os.environ) -> Mirror:
    """Return the mirror that this machine's apt uses; raises Cannot when there is none."""
    if not (shutil.which("apt-get") and shutil.which("dpkg")):
        raise Cannot(NO_APT)
    address = environment.get("QINGYU_DEBIAN_MIRROR") or _configured()
    keyring = next((KEYRINGS / name for name in KEYRING_NAMES if (KEYRINGS / name).exists()), None)
    if address is None:
        raise Cannot(NO_MIRROR)
    if keyring is None:
        raise Cannot(NO_KEYRING)
    return Mirror(address, keyring)


def address_in(targets: str) -> str | None:
    """Return the address of the Debian archive in the output of ``apt-get indextargets``.

    A machine that never ran ``apt-get update`` knows no labels yet; there the folder's name tells.
    """
    stanzas = [dict(_fields(stanza)) for stanza in targets.split("\n\n")]
    named = (stanza for stanza in stanzas if stanza.get("Label") == "Debian")
    unlabelled = (
        stanza
        for stanza in stanzas
        if "Label" not in stanza and stanza.get("Repo-URI", "").rstrip("/").endswith("/debian")
    )
    for stanza in (*named, *unlabelled):
        address = stanza.get("Repo-URI", "")
        if address and not address.startswith("cdrom:"):
            return address
    return None


def _configured() -> str | None:
    return address_in(_indextargets()) or address_in(_indextargets("--no-release-info"))


def _indextargets(*options: str) -> str:
    command = ["apt-get", "indextargets", *options]
    environment = {**os.environ, "LC_ALL": "C"}
    answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return answer.stdout


def _fields(stanza: str) -> Iterator[tuple[str, str]]:
    for line in stanza.splitlines():
        name, _, value = line.partition(": ")
        yield name, value
