"""Scenes on the durable cluster, and what an undisturbed one ends with."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from deploy.local.postgres import Cluster
from deploy.local.runtime import Runtime
from tests.end_to_end.faults import books, scene
from tests.end_to_end.faults.books import Books
from tests.end_to_end.faults.scene import Scene
from tests.registry import Plant


@pytest.fixture(scope="session")
def plants(durable: Cluster) -> Sequence[Plant]:
    return scene.prepare(durable)


@pytest.fixture(scope="session")
def undisturbed(
    durable: Cluster, runtime: Runtime, plants: Sequence[Plant], scratch: Path
) -> Books:
    """The books of a run in which nothing fails."""
    with scene.opened(durable, runtime, plants, scratch / "undisturbed") as calm:
        calm.send()
        calm.finish()
        found = asyncio.run(books.close(calm.db))
        calm.expect("undisturbed", found)
        return found


@pytest.fixture
def stage(
    durable: Cluster,
    runtime: Runtime,
    plants: Sequence[Plant],
    scratch: Path,
    request: pytest.FixtureRequest,
) -> Iterator[Scene]:
    """A scene for one fault; a test that wants several collectors asks for so many slots."""
    slots = getattr(request, "param", 1)
    with scene.opened(durable, runtime, plants, scratch / request.node.name, slots) as opened:
        yield opened
