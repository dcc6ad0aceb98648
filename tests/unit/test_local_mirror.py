from pathlib import Path

import pytest

from deploy.local import mirror
from deploy.local.errors import Cannot

NODE = "Label: . nodistro\nOrigin: . nodistro\nRepo-URI: https://node.example/node/\n"
SECURITY = (
    "Label: Debian-Security\nOrigin: Debian\nRepo-URI: http://mirror.example/debian-security/\n"
)
DEBIAN = "Label: Debian\nOrigin: Debian\nRepo-URI: http://mirror.example/debian/\n"
UBUNTU = "Label: Ubuntu\nOrigin: Ubuntu\nRepo-URI: http://mirror.example/ubuntu/\n"
CDROM = "Label: Debian\nRepo-URI: cdrom:[Debian GNU]/\n"
MIRROR_LIST = "Label: Debian\nRepo-URI: mirror+file:/etc/apt/mirrors/debian.list/\n"
NEVER_UPDATED = "Release: bookworm\nRepo-URI: http://mirror.example/debian/\n"
NEVER_UPDATED_SECURITY = "Release: bookworm-security\nRepo-URI: http://mirror.example/security/\n"


@pytest.mark.parametrize(
    ("targets", "address"),
    [
        pytest.param([DEBIAN], "http://mirror.example/debian/", id="the only one"),
        pytest.param([NODE, SECURITY, DEBIAN], "http://mirror.example/debian/", id="by its label"),
        pytest.param([CDROM, DEBIAN], "http://mirror.example/debian/", id="not a disc"),
        pytest.param(
            [MIRROR_LIST], "mirror+file:/etc/apt/mirrors/debian.list/", id="a list of mirrors"
        ),
        pytest.param(
            [NEVER_UPDATED_SECURITY, NEVER_UPDATED],
            "http://mirror.example/debian/",
            id="by its folder before the first update",
        ),
        pytest.param([UBUNTU, NODE], None, id="Ubuntu has none"),
        pytest.param([], None, id="apt knows nothing"),
    ],
)
def test_the_debian_archive_is_found_among_the_machines_sources(
    targets: list[str], address: str | None
) -> None:
    assert mirror.address_in("\n".join(targets)) == address


def test_the_variable_wins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    keyring = tmp_path / mirror.KEYRING_NAMES[1]
    keyring.touch()
    monkeypatch.setattr(mirror, "KEYRINGS", tmp_path)
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")

    found = mirror.find({"QINGYU_DEBIAN_MIRROR": "http://own.example/debian"})

    assert found.source("trixie") == (
        f"deb [arch=amd64 signed-by={keyring}] http://own.example/debian trixie main\n"
    )


def test_missing_keys_are_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(mirror, "KEYRINGS", tmp_path)
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")

    with pytest.raises(Cannot, match="install the package debian-archive-keyring"):
        mirror.find({"QINGYU_DEBIAN_MIRROR": "http://own.example/debian"})


def test_a_machine_without_apt_is_told_what_else_it_can_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _name: None)

    with pytest.raises(Cannot, match=r"deploy/compose\.yaml"):
        mirror.find({})
