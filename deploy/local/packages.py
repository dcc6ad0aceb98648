"""Which Debian packages make up each private root."""

import hashlib
from dataclasses import dataclass

SUITE = "trixie"  # Debian 13
LIBRARIES = "usr/lib/x86_64-linux-gnu"

# What maintainer scripts and optional parts ask for; apt is told that it is there already, which
# saves half of the download: nothing here runs from a private root.
_UNUSED = (
    "adduser",
    "base-passwd",
    "debconf",
    "init-system-helpers",
    "libc-bin",
    "libc-l10n",
    "locales",
    "login.defs",
    "netbase",
    "openssl",
    "openssl-provider-legacy",
    "passwd",
    "perl",
    "perl-base",
    "procps",
    "sensible-utils",
    "tzdata",  # PostgreSQL reads the machine's own /usr/share/zoneinfo
    "ucf",
)


@dataclass(frozen=True, slots=True)
class Recipe:
    """What one private root holds.

    ``assumed`` are packages that are left out although others ask for them, ``programs`` the
    executables that are run from it and ``folders`` those of its libraries, all below the root.
    ``megabytes`` is the disk needed while it is made.
    """

    name: str
    packages: tuple[str, ...]
    assumed: tuple[str, ...]
    programs: tuple[str, ...]
    folders: tuple[str, ...]
    megabytes: int

    @property
    def key(self) -> str:
        """The name of the root's folder: another choice of packages is another folder."""
        choice = repr((SUITE, self.packages, self.assumed)).encode()
        return f"{self.name}-{hashlib.sha256(choice).hexdigest()[:12]}"


POSTGRES_PROGRAMS = ("initdb", "pg_ctl", "postgres", "psql", "pg_isready", "pg_dump", "pg_restore")

DATABASE_AND_BROKER = Recipe(
    name="database-and-broker",
    packages=("postgresql-17", "postgresql-17-timescaledb", "mosquitto", "mosquitto-clients"),
    assumed=(
        *_UNUSED,
        "libllvm19",  # only for jit, which is off
        "postgresql-client-common",
        "postgresql-common",
        "ssl-cert",
        "sysvinit-utils",
    ),
    programs=(
        *(f"usr/lib/postgresql/17/bin/{name}" for name in POSTGRES_PROGRAMS),
        "usr/sbin/mosquitto",
        "usr/bin/mosquitto_passwd",
        "usr/bin/mosquitto_pub",
        "usr/bin/mosquitto_sub",
    ),
    folders=(LIBRARIES,),
    megabytes=600,
)

PIP = Recipe(
    name="pip",
    packages=("python3-pip-whl",),
    assumed=(*_UNUSED, "ca-certificates"),
    programs=(),
    folders=(),
    megabytes=200,
)

CHROMIUM = Recipe(
    name="chromium",
    packages=("chromium-headless-shell",),
    assumed=(
        *_UNUSED,
        "fontconfig-config",
        "fonts-dejavu-core",
        "fonts-dejavu-mono",
        "libllvm19",  # only for drawing by a graphics driver, and none is used
        "lsb-base",
        "x11-common",
        "x11-utils",
        "xdg-utils",
        "xkb-data",
    ),
    programs=(
        "usr/lib/chromium/chromium-headless-shell",
        "usr/lib/chromium/chrome_crashpad_handler",
    ),
    folders=(LIBRARIES, f"{LIBRARIES}/pulseaudio"),
    megabytes=900,
)

FONTS = Recipe(
    name="fonts",
    packages=("fonts-wqy-microhei", "fonts-dejavu-core"),
    assumed=(*_UNUSED, "fontconfig", "fontconfig-config"),
    programs=(),
    folders=(),
    megabytes=200,
)
