from pathlib import Path

import pytest

from deploy.local import apt, debian, elf
from deploy.local.apt import Apt, Archive
from deploy.local.errors import Cannot
from deploy.local.mirror import Mirror
from deploy.local.packages import FONTS

MIRROR = Mirror("http://mirror.example/debian/", Path("/usr/share/keyrings/debian.gpg"))
URIS = """\
Reading package lists...
'http://mirror.example/debian/pool/a_1%3a2_amd64.deb' a_1%3a2_amd64.deb 1200 SHA256:00
'http://mirror.example/debian/pool/b_3_all.deb' b_3_all.deb 34 SHA256:11
"""


def silent(_sentence: str) -> None:
    return


@pytest.fixture
def private(tmp_path: Path) -> Apt:
    return Apt(tmp_path / "apt", FONTS, lock=0, report=silent)


def test_a_root_that_is_there_needs_neither_network_nor_apt(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    root = debian.place_of(FONTS, tmp_path)
    root.mkdir(parents=True)
    (root / debian.STAMP).touch()
    monkeypatch.setenv("PATH", "")

    assert debian.ensure(FONTS, tmp_path, silent) == root


def test_apt_sees_the_machines_mirror_and_nothing_else_of_it(
    monkeypatch: pytest.MonkeyPatch, private: Apt
) -> None:
    monkeypatch.setattr("deploy.local.mirror.find", lambda: MIRROR)
    monkeypatch.setattr(apt, "_proxies", lambda: 'Acquire::http::Proxy "http://proxy.example";\n')

    private.configure()

    written = {path.name: path.read_text() for path in private.folder.iterdir() if path.is_file()}
    assert written["sources.list"] == MIRROR.source("trixie")
    assert 'Acquire::http::Proxy "http://proxy.example";' in written["apt.conf"]
    assert 'APT::Install-Recommends "false";' in written["apt.conf"]
    assert f'Dir::State::status "{private.folder}/status";' in written["apt.conf"]
    assert written["status"].count("Package: ") == len(FONTS.assumed)


def test_the_plan_lists_files_and_sizes(monkeypatch: pytest.MonkeyPatch, private: Apt) -> None:
    monkeypatch.setattr("deploy.local.commands.run", lambda *_, **__: (0, URIS))

    assert private.plan() == [Archive("a_1%3a2_amd64.deb", 1200), Archive("b_3_all.deb", 34)]


def test_a_failure_of_apt_is_a_sentence(monkeypatch: pytest.MonkeyPatch, private: Apt) -> None:
    monkeypatch.setattr("deploy.local.commands.run", lambda *_, **__: (100, "E: broken"))

    with pytest.raises(Cannot, match="broken"):
        private.update()


def test_no_file_of_a_root_keeps_a_privilege(tmp_path: Path) -> None:
    program = tmp_path / "su"
    program.touch()
    program.chmod(0o4755)

    debian.take_privileges(tmp_path)

    assert program.stat().st_mode & 0o7777 == 0o755


def test_a_root_is_patched_once_and_again_when_it_was_moved(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(elf, "_patchelf", lambda: "/bin/false")
    before, after = tmp_path / "before", tmp_path / "after"
    before.mkdir()
    stamp = before / elf.STAMP

    elf.ensure(before, FONTS, tmp_path / "lock")
    first = stamp.read_text()
    elf.ensure(before, FONTS, tmp_path / "lock")
    assert stamp.read_text() == first

    before.rename(after)
    elf.ensure(after, FONTS, tmp_path / "lock")
    assert (after / elf.STAMP).read_text() != first
