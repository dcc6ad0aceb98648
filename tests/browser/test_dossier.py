"""Pages of one enterprise and one figure, as a section chief and an energy manager read them."""

import re
from typing import Any

import httpx
import pytest
from playwright.async_api import Page, expect

from service.console.figures import figures_of
from service.console.words import words_of
from tests.browser import plants
from tests.browser.conftest import OpenPage
from tests.browser.site import Site
from tests.browser.test_overview import SIZES

COUNTY = "620623"
LANGUAGES = pytest.mark.parametrize("language", ["zh", "en"])
DESK_AND_PHONE = pytest.mark.parametrize(("width", "height"), SIZES)


def dossier(site: Site, uscc: str = plants.FURNACES) -> str:
    return f"{site.url}enterprises/{uscc}"


def told(site: Site, path: str, **asked: str) -> dict[str, Any]:
    """Return what the API tells a guest."""
    answer = httpx.get(f"{site.url}api/v1{path}", params=asked)
    assert answer.is_success, answer.text
    found: dict[str, Any] = answer.json()
    return found


@DESK_AND_PHONE
@LANGUAGES
async def test_the_figures_of_an_enterprise_are_those_of_the_api(
    open_page: OpenPage, site: Site, language: str, width: int, height: int
) -> None:
    page = await open_page(dossier(site), width, height, language)
    asked = {"enterprise": plants.FURNACES, "indicator": "energy_consumption"}
    found = told(site, "/indicators", **asked)["items"]
    newest = [item for item in found if item["as_of"] == max(each["as_of"] for each in found)]
    assert {item["basis"] for item in newest} >= {"calorific", "calorific.less_single_listed"}
    printed = figures_of(words_of(language))
    for item in newest:
        link = page.locator(f"#energy .ledger a[href='/figures/{item['id']}']")
        await expect(link).to_have_text(printed.amount(item["value"]))
    await expect(page.locator("#energy")).to_contain_text(
        "缺2020年可再生能源电量"
        if language == "zh"
        else "renewable electricity of 2020 not recorded"
    )


@DESK_AND_PHONE
@LANGUAGES
async def test_the_pages_fit(
    open_page: OpenPage, site: Site, language: str, width: int, height: int
) -> None:
    page = await open_page(dossier(site), width, height, language)
    await expect_to_fit(page, width)
    await page.locator("#energy .ledger a").first.click()
    await expect(page.locator("#channels")).to_be_visible()
    await expect_to_fit(page, width)
    await page.locator("#channels a").first.click()
    await expect(page.locator("#amounts-title")).to_be_visible()
    await expect_to_fit(page, width)


async def expect_to_fit(page: Page, width: int) -> None:
    whole = await page.evaluate("document.documentElement.scrollWidth")
    assert whole == width
    wide = "all => all.filter(it => it.scrollWidth > it.clientWidth + 1).map(it => it.innerText)"
    assert await page.locator(".table-box").evaluate_all(wide) == []


@LANGUAGES
async def test_links_lead_from_a_countys_figure_down_to_a_reading(
    open_page: OpenPage, site: Site, language: str
) -> None:
    page = await open_page(site.url, language=language)
    printed = figures_of(words_of(language))
    await page.locator(f"#row-{COUNTY} td[data-label] a[href^='/figures/']").nth(1).click()
    value_id = page.url.rpartition("/")[2]
    sources = told(site, f"/indicators/{value_id}/sources")
    await expect(page.locator("#value")).to_have_text(printed.amount(sources["value"]["value"]))
    [part] = sources["enterprises"]
    own = page.locator(f"#parts a[href='/figures/{part['id']}']")
    await expect(own).to_have_text(printed.amount(part["value"]))
    await own.click()
    channels = told(site, f"/indicators/{part['id']}/sources")["channels"]
    for channel in channels:
        row = page.locator("#channels tbody tr").filter(has_text=channel["device"])
        await expect(row).to_contain_text(printed.amount(channel["amount"]))
    await page.locator("#channels a", has_text="M-01").click()
    for _ in ("month", "day"):
        await page.locator("section tbody a").last.click()
    times = page.locator("[aria-labelledby=readings-title] tbody time")
    first = await times.first.get_attribute("datetime") or ""
    last = await times.last.get_attribute("datetime") or ""
    asked = {"enterprise": plants.FURNACES, "device": "M-01", "from": first, "to": last}
    readings = told(site, "/readings", **asked)["items"]
    shown = await page.locator("[aria-labelledby=readings-title] tbody tr").all_inner_texts()
    assert f"{readings[0]['value']} kWh" in shown[0]
    assert len(shown) == len(readings) + 1


@LANGUAGES
async def test_a_gap_is_a_dash_and_never_a_zero(
    open_page: OpenPage, site: Site, language: str
) -> None:
    page = await open_page(dossier(site, plants.SILENT), language=language)
    cells = await page.locator("#energy tbody td.number").all_inner_texts()
    assert cells
    assert {text.strip().splitlines()[0] for text in cells} <= {"—", "— / —", "0.0% / —"}
    state = page.locator("[data-device=M-01] .state-never")
    await expect(state).to_have_text("从未上报" if language == "zh" else "never reported")
    row = page.locator("#balance tbody tr").first
    await expect(row.locator("td").first).to_contain_text("—")


@DESK_AND_PHONE
@LANGUAGES
async def test_an_overdue_calibration_is_named_in_words(
    open_page: OpenPage, site: Site, language: str, width: int, height: int
) -> None:
    page = await open_page(dossier(site), width, height, language)
    overdue = page.locator("[data-device=M-11]")
    await expect(overdue).to_contain_text("检定超期" if language == "zh" else "overdue")
    days = r"已超期 \d+ 天" if language == "zh" else r"\d+ days overdue"
    await expect(overdue).to_contain_text(re.compile(days))
    soon = page.locator("[data-device=M-12] .state-due_soon")
    await expect(soon).to_have_text("即将到期" if language == "zh" else "due soon")
    for text in await page.locator("#register .state").all_inner_texts():
        assert text.strip()


@LANGUAGES
async def test_replacement_and_settings_stand_in_the_history(
    open_page: OpenPage, site: Site, language: str
) -> None:
    page = await open_page(dossier(site, plants.KILN), language=language)
    history = page.locator("#history tbody")
    await expect(history).to_contain_text("换表" if language == "zh" else "replacement")
    await expect(history).to_contain_text("旧表止数" if language == "zh" else "old dial closed at")
    await page.goto(dossier(site, plants.CARBIDE))
    await expect(history).to_contain_text("→ 1e+09")


async def test_a_county_shows_its_official_energy_on_every_basis(
    open_page: OpenPage, site: Site
) -> None:
    page = await open_page(site.url)
    table = page.locator(f"#detail-{COUNTY} .bases")
    rows = await table.locator("tbody tr").all_inner_texts()
    assert [row.split("\t")[:2] for row in rows] == [
        ["as published", "700,000.00 tce"],
        ["as published, less feedstock", "650,000.00 tce"],
        ["as published, less feedstock and new renewable electricity", "590,000.00 tce"],
        ["as published, less feedstock and non-fossil energy", "560,000.00 tce"],
        ["as published, less single-listed projects", "700,000.00 tce"],
    ]
    await table.get_by_role("link", name="650,000.00").click()
    facts = page.locator(".facts")
    await expect(facts).to_contain_text("发改环资〔2022〕803号")
    await expect(page.locator(".panel", has_text="Official figures behind it")).to_contain_text(
        "700,000 tce"
    )


async def test_enterprises_lead_to_their_page_wherever_they_are_named(
    open_page: OpenPage, site: Site
) -> None:
    page = await open_page(site.url)
    who = page.locator(f"#entries .who[href='/enterprises/{plants.FURNACES}']")
    await expect(who.first).to_be_visible()
    link = page.locator("#dossier")
    await expect(link).to_have_attribute("href", f"/enterprises/{plants.FURNACES}")
    await link.click()
    await expect(page.locator("#enterprise-title")).to_contain_text("Qilian")
    assert plants.HOSTILE in await page.locator("#enterprise-title").inner_text()


async def test_an_enterprises_key_leads_to_its_own_page_only(
    open_page: OpenPage, closed_site: Site
) -> None:
    page = await open_page(dossier(closed_site, plants.COATING), expected=("401", "404"))
    await page.locator("#key").fill(closed_site.keys["enterprise"])
    await page.keyboard.press("Enter")
    await expect(page.locator("#enterprise-title")).to_have_text("Liangzhou Coating, demo")
    await page.goto(dossier(closed_site, plants.FURNACES))
    await expect(page.locator("main")).to_contain_text("There is no such page")
    await page.goto(closed_site.url)
    await page.locator("#dossier-own").click()
    await expect(page.locator("#enterprise-title")).to_be_visible()


async def test_the_pages_need_no_script_and_are_read_by_keyboard(
    open_page: OpenPage, site: Site
) -> None:
    page = await open_page(dossier(site), scripts=False)
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.className") == "skip"
    for table in await page.locator("table").all():
        assert await table.locator("caption").count() == 1
        assert await table.locator("thead th:not([scope])").count() == 0
    heads = await page.locator("section.panel").evaluate_all(
        "all => all.map(it => document.getElementById(it.getAttribute('aria-labelledby')).tagName)"
    )
    assert set(heads) == {"H2"}
    await page.get_by_role("link", name=re.compile("show what it rests on")).first.focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("#value")).to_be_visible()


async def test_the_language_is_changed_where_one_stands(open_page: OpenPage, site: Site) -> None:
    page = await open_page(dossier(site), language="en")
    await page.locator("#channels, #energy .ledger a").first.click()
    await page.locator("#channels a").first.click()
    await page.get_by_role("link", name="中文").click()
    await expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    await expect(page.locator("#channel-title")).to_be_visible()
