import json
from pathlib import Path

import pytest

from deploy.local import assets
from deploy.local.settings import CHECKOUT


@pytest.fixture
def npm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """A console with a lock file; the list tells how often npm ran."""
    runs: list[str] = []
    console = tmp_path / "console"
    console.mkdir()
    for name in ("package.json", "package-lock.json"):
        (console / name).write_text("{}")
    monkeypatch.setattr(assets, "CONSOLE", console)

    def install(folder: Path, *_: object) -> None:
        runs.append("npm ci")
        for place in assets.FILES.values():
            file = folder / "node_modules" / place
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(place)

    monkeypatch.setattr(assets, "_install", install)
    return runs


def ensure(tmp_path: Path) -> Path:
    return assets.ensure(tmp_path / "cache", lambda _sentence: None)


def test_scripts_and_licences_are_in_place(npm: list[str], tmp_path: Path) -> None:
    vendor = ensure(tmp_path)

    found = {file.name: file.read_text() for file in vendor.iterdir() if file.name != assets.STAMP}
    assert found == assets.FILES


def test_npm_runs_once(npm: list[str], tmp_path: Path) -> None:
    ensure(tmp_path)
    ensure(tmp_path)

    assert npm == ["npm ci"]


def test_a_second_clone_takes_them_from_the_cache(npm: list[str], tmp_path: Path) -> None:
    vendor = ensure(tmp_path)
    (vendor / assets.STAMP).unlink()
    (vendor / "htmx.min.js").unlink()

    ensure(tmp_path)

    assert npm == ["npm ci"]
    assert (vendor / "htmx.min.js").exists()


def test_another_lock_file_is_fetched(npm: list[str], tmp_path: Path) -> None:
    ensure(tmp_path)
    (tmp_path / "console" / "package-lock.json").write_text('{"lockfileVersion": 3}')
    ensure(tmp_path)

    assert npm == ["npm ci", "npm ci"]


def test_the_lock_file_has_hashes_and_no_addresses() -> None:
    text = (CHECKOUT / "service" / "console" / "package-lock.json").read_text()
    packages = json.loads(text)["packages"]

    assert "://" not in text
    assert all(entry.get("integrity") for name, entry in packages.items() if name)
    assert {place.split("/")[0] for place in assets.FILES.values()} == {
        name.removeprefix("node_modules/") for name in packages if name
    }
