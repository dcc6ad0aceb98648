"""PostgreSQL with TimescaleDB, and Mosquitto: the machine's own or a private copy."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from deploy.local import debian, elf
from deploy.local.errors import Cannot
from deploy.local.packages import DATABASE_AND_BROKER, LIBRARIES, POSTGRES_PROGRAMS
from deploy.local.progress import Report
from deploy.local.settings import cache_folder

BROKER_PROGRAMS = ("mosquitto", "mosquitto_passwd", "mosquitto_pub", "mosquitto_sub")
_POSTGRES = "usr/lib/postgresql/17/bin"
_EXTENSION = "usr/share/postgresql/17/extension/timescaledb.control"
_TIME_ZONES = Path("/usr/share/zoneinfo/Asia/Shanghai")


@dataclass(frozen=True, slots=True)
class Runtime:
    """Where the programs of database and broker are; all of them run as they are."""

    initdb: Path
    pg_ctl: Path
    postgres: Path
    psql: Path
    pg_isready: Path
    pg_dump: Path
    pg_restore: Path
    mosquitto: Path
    mosquitto_passwd: Path
    mosquitto_pub: Path
    mosquitto_sub: Path
    mosquitto_dynamic_security: Path


def ensure_database_and_broker(cache: Path | None = None, report: Report | None = None) -> Runtime:
    """Return programs that run: the machine's own where they suffice, else from a private root.

    The first call downloads about 40 MB below ``cache``, later ones need no network. Raises Cannot.
    """
    if not _TIME_ZONES.exists():
        raise Cannot("This machine has no time zones: install the package tzdata.")
    own = installed(Path("/"))
    if own is not None:
        return own
    cache = cache or cache_folder(os.environ)
    root = debian.ensure(DATABASE_AND_BROKER, cache, report)
    elf.ensure(root, DATABASE_AND_BROKER, debian.lock_of(cache))
    return _programs(root)


def download(cache: Path, report: Report | None = None) -> None:
    """Do the part of ``ensure_database_and_broker`` that needs no patchelf yet."""
    if installed(Path("/")) is None:
        debian.ensure(DATABASE_AND_BROKER, cache, report)


def installed(root: Path) -> Runtime | None:
    """Return the programs that the packages of ``root`` installed, or None when any is missing."""
    programs = _programs(root)
    paths = (getattr(programs, name) for name in (*POSTGRES_PROGRAMS, *BROKER_PROGRAMS))
    files = (root / _EXTENSION, programs.mosquitto_dynamic_security)
    if all(file.exists() for file in files) and all(os.access(path, os.X_OK) for path in paths):
        return programs
    return None


def _programs(root: Path) -> Runtime:
    postgres = {name: root / _POSTGRES / name for name in POSTGRES_PROGRAMS}
    tools = {name: root / "usr/bin" / name for name in BROKER_PROGRAMS[1:]}
    return Runtime(
        **postgres,
        **tools,
        mosquitto=root / "usr/sbin/mosquitto",
        mosquitto_dynamic_security=root / LIBRARIES / "mosquitto_dynamic_security.so",
    )


if __name__ == "__main__":
    try:
        print(ensure_database_and_broker())
    except Cannot as refusal:
        sys.exit(str(refusal))
