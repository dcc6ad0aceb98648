"""A real Chromium, and pages that fail their test on whatever a visitor should never meet.

The tests of this folder share one event loop: a browser belongs to the loop that launched it.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
import pytest_asyncio
from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    Response,
    async_playwright,
    expect,
)

from deploy.local import assets, chromium
from deploy.local.database import Database
from deploy.local.postgres import Cluster
from tests.browser import plants
from tests.browser.seed import seed
from tests.browser.site import Site
from tests.conftest import TEMPLATE

OWN_HOST = "127.0.0.1"
LANGUAGE_COOKIE = "qingyu_language"
LEFT = "net::ERR_ABORTED"  # a page that is left gives up its feed
PATIENCE_MS = 20_000
SEEDED = "seeded_qingyu"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the asynchronous tests of this folder, and no others, run in the loop of the session."""
    shared = pytest.mark.asyncio(loop_scope="session")
    for item in items:
        if Path(__file__).parent in item.path.parents and pytest_asyncio.is_async_test(item):
            item.add_marker(shared, append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """A headless Chromium for all tests."""
    found = chromium.ensure()
    expect.set_options(timeout=PATIENCE_MS)
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(
            executable_path=found.executable,
            env={**found.environment},
            args=list(found.arguments),
        )
        yield launched
        await launched.close()


@dataclass(slots=True)
class Visits:
    """Opens pages, and keeps what was wrong with them."""

    browser: Browser
    contexts: list[BrowserContext] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    expected: tuple[str, ...] = ()

    async def __call__(
        self,
        url: str,
        width: int = 1440,
        height: int = 900,
        language: str = "en",
        *,
        scripts: bool = True,
        expected: tuple[str, ...] = (),
    ) -> Page:
        """Return a page in a browser context of its own.

        The test fails on any error in the console or in a script, a failed request, an answer
        of 400 or more, or a request to another machine, unless its text holds one of ``expected``.
        """
        self.expected += expected
        context = await self.browser.new_context(
            viewport={"width": width, "height": height},
            java_script_enabled=scripts,
            reduced_motion="reduce",
        )
        context.set_default_timeout(PATIENCE_MS)
        self.contexts.append(context)
        await context.add_cookies([{"name": LANGUAGE_COOKIE, "value": language, "url": url}])
        page = await context.new_page()
        self._watch(page)
        await page.goto(url)
        return page

    def _watch(self, page: Page) -> None:
        note = self.problems.append

        def said(message: ConsoleMessage) -> None:
            if message.type == "error":
                note(f"console: {message.text}")

        def asked(request: Request) -> None:
            address = urlsplit(request.url)
            if address.scheme not in ("data", "blob") and address.hostname != OWN_HOST:
                note(f"a request to another machine: {request.url}")

        def failed(request: Request) -> None:
            if request.failure != LEFT:
                note(f"{request.failure}: {request.url}")

        def answered(response: Response) -> None:
            if response.status >= 400:
                note(f"{response.status}: {response.url}")

        page.on("console", said)
        page.on("pageerror", lambda error: note(f"script: {error}"))
        page.on("request", asked)
        page.on("requestfailed", failed)
        page.on("response", answered)

    async def close(self) -> list[str]:
        """Close all pages; returns what was wrong and not expected."""
        for context in self.contexts:
            await context.close()
        return [p for p in self.problems if not any(text in p for text in self.expected)]


OpenPage = Visits


@pytest_asyncio.fixture(loop_scope="session")
async def open_page(browser: Browser) -> AsyncIterator[OpenPage]:
    """What opens pages; see ``Visits``."""
    visits = Visits(browser)
    yield visits
    assert await visits.close() == []


@dataclass(frozen=True, slots=True)
class Seeded:
    """A database that is only cloned, and the keys in it."""

    urls: Database
    keys: dict[str, str]


@pytest.fixture(scope="session")
def seeded(cluster: Cluster, template: Database) -> Seeded:
    """The database as after some weeks of work."""
    assets.ensure()
    asyncio.run(_clone(cluster, TEMPLATE, SEEDED))
    urls = _named(template, TEMPLATE, SEEDED)
    return Seeded(urls, asyncio.run(seed(urls, plants.DAYS)))


async def _clone(cluster: Cluster, source: str, name: str) -> None:
    connection = await asyncpg.connect(cluster.url("postgres"))
    await connection.execute(f"CREATE DATABASE {name} TEMPLATE {source}")
    await connection.close()


def _named(urls: Database, old: str, new: str) -> Database:
    found = (url.replace(f"/{old}", f"/{new}") for url in (urls.owner, urls.ingest, urls.service))
    return Database(*found)


MakeSite = Callable[..., Site]


@pytest.fixture(scope="session")
def make_site(
    cluster: Cluster, seeded: Seeded, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[MakeSite]:
    """What starts a site on a clone of the seeded database; ``guests`` need no key."""
    with ExitStack() as stack:

        def make(*, guests: bool = True) -> Site:
            name = f"site_{uuid.uuid4().hex[:12]}"
            asyncio.run(_clone(cluster, SEEDED, name))
            log = tmp_path_factory.mktemp("site") / "log"
            site = Site(_named(seeded.urls, SEEDED, name), seeded.keys, log, guests)
            stack.callback(site.stop)
            site.start()
            return site

        yield make


@pytest.fixture(scope="session")
def site(make_site: MakeSite) -> Site:
    """A site that guests may read; tests leave it as it is."""
    return make_site()


@pytest.fixture(scope="session")
def closed_site(make_site: MakeSite) -> Site:
    """A site that asks for a key; tests leave it as it is."""
    return make_site(guests=False)


@pytest.fixture
def own_site(make_site: MakeSite) -> Site:
    """A site of this test's own; it ends after all pages are closed."""
    return make_site()
