"""Entering with a key, what it opens, and leaving again."""

import re
from typing import Any

import httpx
import pytest
from playwright.async_api import Page, expect

from tests.browser import plants
from tests.browser.conftest import OpenPage
from tests.browser.site import Site

REFUSED = ("401",)


async def enter(page: Page, key: str) -> None:
    """Type a key and send it with the keyboard."""
    await page.get_by_label(re.compile("Access key|访问密钥")).fill(key)
    await page.keyboard.press("Enter")


async def cookies(page: Page) -> dict[str, Any]:
    """Return the cookies of a page by name."""
    return {it.get("name", ""): it for it in await page.context.cookies()}


@pytest.mark.parametrize(("language", "words"), [("en", "Access key"), ("zh", "访问密钥")])
async def test_without_a_key_only_the_entrance_is_seen(
    open_page: OpenPage, closed_site: Site, language: str, words: str
) -> None:
    page = await open_page(closed_site.url, language=language, expected=REFUSED)
    await expect(page.get_by_label(words)).to_be_visible()
    await expect(page.locator("#counties")).to_have_count(0)
    assert "62062" not in await page.content()


async def test_a_wrong_key_is_told_so(open_page: OpenPage, closed_site: Site) -> None:
    page = await open_page(closed_site.url, expected=REFUSED)
    await enter(page, "wrong")
    await expect(page.get_by_role("alert")).to_contain_text("This key is not valid")
    assert "qingyu_key" not in await cookies(page)


async def test_a_key_opens_the_page_until_its_owner_leaves(
    open_page: OpenPage, closed_site: Site
) -> None:
    page = await open_page(closed_site.url, expected=REFUSED)
    await enter(page, closed_site.keys["regulator"])
    await expect(page.locator("#row-620623")).to_be_visible()
    await expect(page.locator("#connection")).to_have_attribute("data-state", "open")
    kept = (await cookies(page))["qingyu_key"]
    assert (kept["httpOnly"], kept["sameSite"], kept["expires"]) == (True, "Strict", -1)
    assert "qingyu_key" not in await page.evaluate("document.cookie")
    await page.get_by_role("button", name="Leave").click()
    await expect(page.get_by_label("Access key")).to_be_visible()
    assert "qingyu_key" not in await cookies(page)
    await page.goto(closed_site.url)
    await expect(page.locator("#counties")).to_have_count(0)


async def test_an_operator_sees_what_was_refused(open_page: OpenPage, closed_site: Site) -> None:
    page = await open_page(closed_site.url, expected=REFUSED)
    await enter(page, closed_site.keys["operator"])
    await expect(page.locator("#health")).to_contain_text("Payloads refused in the last 24 h")


async def test_an_enterprise_sees_itself_only(open_page: OpenPage, closed_site: Site) -> None:
    page = await open_page(closed_site.url, expected=REFUSED)
    await enter(page, closed_site.keys["enterprise"])
    await expect(page.locator(".own h2")).to_have_text("Liangzhou Coating, demo")
    await expect(page.locator("#counties")).to_have_count(0)
    await expect(page.locator("#subject option").first).to_be_attached()
    for name in await page.locator("#subject option").all_inner_texts():
        assert name.startswith("Liangzhou Coating, demo")
    await expect(page.locator("#entries .entry").first).to_be_visible()
    for who in await page.locator("#entries .who").all_inner_texts():
        assert who.startswith("Liangzhou Coating, demo")
    assert plants.HOSTILE not in await page.locator("body").inner_text()


async def test_a_guest_may_enter_a_key_from_the_page(open_page: OpenPage, site: Site) -> None:
    page = await open_page(site.url)
    await page.get_by_text("enter a key").click()
    await enter(page, site.keys["statistics"])
    await expect(page.locator(".account .name")).to_have_text("statistics office")


@pytest.mark.parametrize("path", ["", "console/counties", "console/entries", "console/health"])
def test_every_page_forbids_scripts_and_styles_inside_it(site: Site, path: str) -> None:
    answer = httpx.get(site.url + path)
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'self';")
    assert "unsafe" not in policy
    assert not re.search(r"<style|\sstyle=|\son\w+=", answer.text)
