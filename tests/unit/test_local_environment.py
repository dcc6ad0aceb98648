from pathlib import Path

import pytest

from deploy.local import environment, installer
from deploy.local.errors import Cannot
from deploy.local.progress import Progress, Report


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """A checkout with two lock files; the list tells what was made and installed in it."""
    journal: list[str] = []
    venv = tmp_path / ".venv"
    for name in environment.LOCKS.values():
        tmp_path.joinpath(name).write_text(f"{name}==1\n")
    monkeypatch.setattr(environment, "CHECKOUT", tmp_path)
    monkeypatch.setattr(environment, "VENV", venv)
    monkeypatch.setattr(environment, "PYTHON", venv / "bin" / "python")
    monkeypatch.setattr(environment, "_UNFINISHED", venv / ".unfinished")
    monkeypatch.setattr(environment, "_works", (venv / "bin" / "python").exists)
    monkeypatch.delenv("QINGYU_PYTHON", raising=False)

    def make_environment(folder: Path, _lock: int, _progress: Progress) -> None:
        journal.append("made")
        (folder / "bin").mkdir()
        (folder / "bin" / "python").touch()

    def install(_python: Path, requirements: Path, _lock: int, _report: Report) -> None:
        journal.append(requirements.read_text().partition("==")[0])
        if "cannot" in requirements.read_text():
            raise Cannot("no network")

    monkeypatch.setattr(installer, "make_environment", make_environment)
    monkeypatch.setattr(installer, "install", install)
    return journal


def ensure(profile: str = "local") -> None:
    environment.ensure(profile, with_runtime=False)


def test_the_first_start_makes_it_and_the_second_does_nothing(installed: list[str]) -> None:
    ensure()
    ensure()

    assert installed == ["made", "requirements-local.lock"]


def test_both_profiles_are_kept_together(installed: list[str]) -> None:
    for profile in ("local", "dev", "local", "dev"):
        ensure(profile)

    assert installed == ["made", "requirements-local.lock", "requirements-dev.lock"]


def test_another_lock_file_is_installed_into_the_same(installed: list[str], tmp_path: Path) -> None:
    ensure()
    tmp_path.joinpath("requirements-local.lock").write_text("newer==2\n")
    ensure()

    assert installed == ["made", "requirements-local.lock", "newer"]


def test_one_that_was_interrupted_is_made_anew(installed: list[str], tmp_path: Path) -> None:
    lock = tmp_path / "requirements-local.lock"
    lock.write_text("cannot==1\n")
    with pytest.raises(Cannot):
        ensure()
    lock.write_text("can==1\n")
    ensure()

    assert installed == ["made", "cannot", "made", "can"]


def test_one_whose_python_is_gone_is_made_anew(installed: list[str]) -> None:
    ensure()
    environment.PYTHON.unlink()
    ensure()

    assert installed == ["made", "requirements-local.lock"] * 2


def test_one_of_somebody_else_is_filled(installed: list[str]) -> None:
    environment.PYTHON.parent.mkdir(parents=True)
    environment.PYTHON.touch()
    ensure()

    assert installed == ["requirements-local.lock"]


def test_a_chosen_interpreter_makes_it_once(
    installed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ensure()
    monkeypatch.setenv("QINGYU_PYTHON", "/opt/python3.12/bin/python3")
    ensure()
    ensure()
    monkeypatch.delenv("QINGYU_PYTHON")
    ensure()

    assert installed == ["made", "requirements-local.lock"] * 2
