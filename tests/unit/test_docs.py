"""What the repository says of itself is what it holds."""

import re
import tomllib

import pytest

import ingest.monitoring
import service.monitoring
from deploy.local.settings import CHECKOUT, PORTS
from ingest import settings as ingest_settings
from ingest.errors import Reason
from schemas.access import ROLES
from schemas.official import SERIES
from service.analyzers import find
from service.settings import Settings

README = (CHECKOUT / "README.md").read_text(encoding="utf-8")
CHINESE = (CHECKOUT / "README.zh.md").read_text(encoding="utf-8")
PYPROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))


def metric_names(module: object) -> set[str]:
    metrics = [vars(module)[name] for name in dir(module) if name.isupper()]
    return {name for metric in metrics for name in [getattr(metric, "_name", None)] if name}


@pytest.mark.parametrize(
    "word",
    sorted(
        {
            *(f"QINGYU_{name.upper()}" for name in Settings.model_fields),
            *PORTS,
            *ingest_settings.Settings.model_fields,
            *metric_names(ingest.monitoring),
            *metric_names(service.monitoring),
            *(path.stem for path in CHECKOUT.glob("ingest/collectors/[a-z]*.py")),
            *ROLES,
            *SERIES,
            *Reason,
            *(indicator for analyzer in find() for indicator in analyzer.indicators),
            *re.findall(r"^([a-z]+):", (CHECKOUT / "Makefile").read_text(), re.MULTILINE),
        }
    ),
)
def test_the_readme_names_it(word: str) -> None:
    assert f"`{word}`" in README or f"make {word}" in README


def test_both_readmes_have_the_same_sections_and_commands() -> None:
    def commands(text: str) -> list[str]:
        return re.findall(r"^(?:make|curl|mosquitto_pub|python).*$", text, re.MULTILINE)

    headings = re.compile(r"^#+ ", re.MULTILINE)
    assert len(headings.findall(README)) == len(headings.findall(CHINESE))
    assert commands(README) == commands(CHINESE)


def test_every_relative_link_of_the_readmes_leads_somewhere() -> None:
    for text in (README, CHINESE):
        for target in re.findall(r"\]\(([^)#]+)\)|src=\"([^\"]+)\"", text):
            path = next(filter(None, target))
            assert "://" in path or (CHECKOUT / path).exists(), path


def test_pyproject_lists_exactly_the_packages_that_exist() -> None:
    found = {
        ".".join(path.parent.relative_to(CHECKOUT).parts)
        for top in ("ingest", "schemas", "service")
        for path in (CHECKOUT / top).rglob("__init__.py")
    }
    assert set(PYPROJECT["tool"]["setuptools"]["packages"]) == found


def test_the_migrations_are_no_package() -> None:
    """One would shadow the library that they import."""
    assert not (CHECKOUT / "alembic" / "__init__.py").exists()


def test_lock_files_hold_hashes_and_no_addresses() -> None:
    locks = sorted(CHECKOUT.glob("requirements*.lock"))
    assert len(locks) == 4
    for lock in locks:
        text = lock.read_text()
        assert "--hash=sha256:" in text
        assert "://" not in text
    assert '"resolved"' not in (CHECKOUT / "service/console/package-lock.json").read_text()


def test_test_files_have_names_of_their_own() -> None:
    """Two of the same name cannot be collected together."""
    names = [path.name for path in (CHECKOUT / "tests").rglob("test_*.py")]
    assert len(names) == len(set(names))
