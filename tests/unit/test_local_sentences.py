"""What the machine's own programs print becomes one sentence that says what to do."""

import errno
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from deploy.local import apt, debian, installer
from deploy.local.errors import Cannot, explain, explained
from deploy.local.packages import DATABASE_AND_BROKER


@pytest.mark.parametrize(
    ("output", "remedy"),
    [
        pytest.param(
            "E: You don't have enough free space in /var/cache/qingyu/debian/apt/archives/.",
            "set QINGYU_CACHE",
            id="disk full before",
        ),
        pytest.param(
            "E: Failed to fetch x.deb  write (28: No space left on device)",
            "set QINGYU_CACHE",
            id="disk full meanwhile",
        ),
        pytest.param(
            "W: GPG error: InRelease: signatures couldn't be verified: NO_PUBKEY 0E98404D386FA1D9\n"
            "E: The repository 'trixie InRelease' is not signed.",
            "update the package debian-archive-keyring",
            id="keys too old",
        ),
        pytest.param(
            "E: The repository 'trixie Release' does not have a Release file.",
            "set QINGYU_DEBIAN_MIRROR",
            id="mirror without the suite",
        ),
        pytest.param(
            "E: Failed to fetch InRelease  Temporary failure resolving 'mirror.example'",
            "check the network",
            id="no name server",
        ),
        pytest.param(
            "E: Failed to fetch InRelease  Could not connect to mirror.example:80",
            "check the network",
            id="no route",
        ),
        pytest.param("E: Something else", "Something else", id="anything else is passed on"),
        pytest.param("", "it was killed", id="nothing was said"),
    ],
)
def test_apt(output: str, remedy: str, tmp_path: Path) -> None:
    sentence = apt.sentence(output, tmp_path, DATABASE_AND_BROKER)

    assert remedy in sentence
    assert "\n" not in sentence


@pytest.mark.parametrize(
    ("output", "remedy"),
    [
        pytest.param(
            "WARNING: Retrying after connection broken by 'NewConnectionError(...)'\n"
            "ERROR: No matching distribution found for alembic==1.20.1",
            "check the network",
            id="no network",
        ),
        pytest.param(
            "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on "
            "device",
            "free some space",
            id="disk full",
        ),
        pytest.param(
            "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.",
            "check pip's index",
            id="another file than the locked one",
        ),
        pytest.param(
            "ERROR: No matching distribution found for uvloop==1",
            "uvloop==1",
            id="anything else is passed on",
        ),
    ],
)
def test_pip(output: str, remedy: str) -> None:
    sentence = installer.sentence(output)

    assert remedy in sentence
    assert "\n" not in sentence


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        pytest.param(errno.ENOSPC, "free some space, or set QINGYU_DATA", id="disk full"),
        pytest.param(errno.EACCES, "make it writable, or set QINGYU_DATA", id="not ours"),
        pytest.param(errno.EROFS, "make it writable, or set QINGYU_DATA", id="read only"),
        pytest.param(errno.EIO, "Input/output error", id="anything else"),
    ],
)
def test_a_folder_that_cannot_be_written(number: int, remedy: str) -> None:

    error = OSError(number, os.strerror(number), "/srv/data")

    sentence = str(explain(error, "QINGYU_DATA"))

    assert remedy in sentence
    assert "/srv/data" in sentence


def test_only_failures_to_write_are_explained() -> None:
    with pytest.raises(Cannot), explained("QINGYU_DATA"):
        Path("/proc/none/x").write_text("")
    with pytest.raises(KeyError), explained("QINGYU_DATA"):
        raise KeyError


def test_another_architecture_is_told_what_else_it_can_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    monkeypatch.setattr("deploy.local.privileges.servant", lambda: None)

    with pytest.raises(Cannot, match=r"amd64 only.*deploy/compose\.yaml"):
        debian.ensure(DATABASE_AND_BROKER, tmp_path, lambda _sentence: None)


def test_a_disk_that_is_too_small_is_refused_before_the_download(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _path: SimpleNamespace(free=5_000_000))
    monkeypatch.setattr("deploy.local.privileges.servant", lambda: None)

    with pytest.raises(Cannot, match="5 MB left and 600 are needed"):
        debian.ensure(DATABASE_AND_BROKER, tmp_path, lambda _sentence: None)
