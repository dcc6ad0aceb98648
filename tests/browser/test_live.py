"""What happens while the page is open reaches it without a reload, and each event once."""

import signal
from datetime import UTC, datetime

import pytest
from playwright.async_api import Page, Request, expect

from tests.browser import counties
from tests.browser.conftest import OpenPage
from tests.browser.site import Site

FOLLOWED, NEVER_RATED = "620602", "620621"
CUT = ("net::ERR_", "htmx")  # what a page says while nobody answers
RECONNECTED_MS = 60_000
NUMBERS = "all => all.map((it) => Number(it.dataset.number))"


async def opened(open_page: OpenPage, site: Site, expected: tuple[str, ...] = ()) -> Page:
    """Return a page that follows the feed, marked so that a reload would show."""
    page = await open_page(site.url, expected=expected)
    await expect(page.locator("#connection")).to_have_attribute("data-state", "open")
    await page.evaluate("() => { window.stayed = true; }")
    return page


async def has_stayed(page: Page) -> bool:
    """Tell whether the page was never loaded anew."""
    return bool(await page.evaluate("() => window.stayed === true"))


def newest(county: str, value: str) -> dict[str, str]:
    """Return a figure of the newest quarter as it is entered."""
    return counties.figure(county, counties.quarters(datetime.now(UTC))[-1], value)


async def expect_level(page: Page, county: str, level: str) -> None:
    """Wait until the table, the map and the county's details tell a level."""
    await expect(page.locator(f"#row-{county} .chip")).to_have_text(level)
    await expect(page.locator(f"#name-{county} .place-level")).to_have_text(level)
    await expect(page.locator(f"#detail-{county} .chip")).to_have_text(level)


async def test_a_new_quarter_changes_feed_table_and_map(
    open_page: OpenPage, own_site: Site
) -> None:
    page = await opened(open_page, own_site)
    await expect_level(page, FOLLOWED, "Level III")
    await own_site.enter(newest(FOLLOWED, "1.00"))
    entry = page.locator("#entries .entry").first
    await expect(entry).to_have_attribute("data-county", FOLLOWED)
    await expect(entry.locator(".chip")).to_have_text("Level I")
    await expect(entry.locator(".phase")).to_have_text("standing")
    await expect(entry).to_contain_text("1.80 points short of 2.80 %")
    await expect_level(page, FOLLOWED, "Level I")
    await expect(page.locator("#announcer")).to_contain_text("Liangzhou District")
    assert await has_stayed(page)


@pytest.mark.parametrize(
    ("language", "kind", "level", "told"),
    [
        ("en", "judged late", "Level I", "Official figures entered: short of the target"),
        ("zh", "补判汇总", "一级", "有 1 期未达目标"),
    ],
)
async def test_the_first_figure_of_a_county_rates_it(
    open_page: OpenPage, own_site: Site, language: str, kind: str, level: str, told: str
) -> None:
    page = await open_page(own_site.url, language=language)
    await expect(page.locator("#connection")).to_have_attribute("data-state", "open")
    await own_site.enter(newest(NEVER_RATED, "1.00"))
    entry = page.locator(f"#entries .entry-digest[data-county='{NEVER_RATED}']")
    await expect(entry.locator(".kind")).to_have_text(kind)
    await expect(entry.locator(".what")).to_contain_text(told)
    await expect_level(page, NEVER_RATED, level)


async def test_the_scripts_write_a_line_as_the_server_does(
    open_page: OpenPage, own_site: Site
) -> None:
    page = await opened(open_page, own_site)
    await own_site.enter(newest(FOLLOWED, "1.00"), newest(NEVER_RATED, "1.00"))
    lines = page.locator("#entries .entry.new")
    await expect(lines).to_have_count(2)
    live = await lines.all_inner_texts()
    await page.reload()
    rendered = await page.locator("#entries .entry").all_inner_texts()
    assert [" ".join(text.split()) for text in live] == [
        " ".join(text.split()) for text in rendered[: len(live)]
    ]


async def test_what_happened_while_the_line_was_cut_is_told_once(
    open_page: OpenPage, own_site: Site
) -> None:
    page = await opened(open_page, own_site, expected=CUT)
    await own_site.enter(newest(NEVER_RATED, "1.00"))
    await expect(page.locator(f"#entries [data-county='{NEVER_RATED}']")).to_have_count(1)
    seen = await page.locator("#entries .entry").evaluate_all(NUMBERS)

    own_site.stop(signal.SIGKILL)
    await expect(page.locator("#connection")).to_have_attribute("data-state", "reconnecting")
    await own_site.enter_unseen(newest(FOLLOWED, "1.00"))
    asked: list[Request] = []

    def keep(request: Request) -> None:
        asked.append(request)

    page.on("request", keep)
    own_site.start()

    missed = page.locator(f"#entries .entry.new[data-county='{FOLLOWED}']")
    await expect(missed.locator(".chip")).to_have_text("Level I", timeout=RECONNECTED_MS)
    await expect(page.locator("#connection")).to_have_attribute("data-state", "open")
    await expect_level(page, FOLLOWED, "Level I")
    numbers = await page.locator("#entries .entry").evaluate_all(NUMBERS)
    assert numbers[1:] == seen
    resumed = [it for it in asked if "/alerts/feed" in it.url][-1]  # it may have tried before
    assert (await resumed.all_headers())["last-event-id"] == str(seen[0])
    assert await has_stayed(page)
