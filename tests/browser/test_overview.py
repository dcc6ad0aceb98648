"""What the section chief sees first: four counties with their levels, in words."""

import re

import pytest
from playwright.async_api import Page, expect

from tests.browser import counties, plants
from tests.browser.conftest import OpenPage
from tests.browser.site import Site

LEVELS = {
    "en": {"620602": "Level III", "620621": "not rated", "620622": "Level II", "620623": "Level I"},
    "zh": {"620602": "三级", "620621": "未评级", "620622": "二级", "620623": "一级"},
}
SIZES = [pytest.param(1440, 900, id="desk"), pytest.param(390, 844, id="phone")]


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("language", ["zh", "en"])
async def test_every_county_has_its_level_in_words(
    open_page: OpenPage, site: Site, language: str, width: int, height: int
) -> None:
    page = await open_page(site.url, width, height, language)
    for code, level in LEVELS[language].items():
        name = counties.NAMES[code][language == "en"]
        row = page.locator(f"#row-{code}")
        await expect(row).to_contain_text(name)
        await expect(row.locator(".chip")).to_have_text(level)
        await expect(page.locator(f"#name-{code} .place-level")).to_have_text(level)
        await expect(page.locator(f"#place-{code}")).to_have_attribute(
            "aria-label", re.compile(f"^{name}, {level}")
        )


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "Schematic, no authority on borders"), ("zh", "示意图，非行政区划界线依据")],
)
async def test_the_map_says_that_it_is_a_schematic(
    open_page: OpenPage, site: Site, language: str, words: str
) -> None:
    page = await open_page(site.url, language=language)
    await expect(page.locator(".map-box")).to_contain_text(words)


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_no_sign_is_a_colour_alone(open_page: OpenPage, site: Site, language: str) -> None:
    """Whatever is coloured by a level or a state carries words too."""
    page = await open_page(site.url, language=language)
    await expect(page.locator("#connection")).to_have_attribute("data-state", "open")
    signs = page.locator("main .chip.official-red, main .chip[class*='lead-'], .chip.outlet")
    assert await signs.count() > 0
    coloured = page.locator(
        "main .chip:visible, .legend li, .place-name .place-level, #connection .state"
    )
    for text in await coloured.all_text_contents():
        assert text.strip()
    hatched = await page.locator("#place-620621 polygon").evaluate(
        "it => getComputedStyle(it).fill"
    )
    assert "hatch" in hatched


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("language", ["zh", "en"])
async def test_nothing_overflows(
    open_page: OpenPage, site: Site, language: str, width: int, height: int
) -> None:
    page = await open_page(site.url, width, height, language)
    await charted(page)
    await page.locator("footer details summary").click()
    wide = "it => [it.scrollWidth, it.clientWidth]"
    whole, seen = await page.locator("html").evaluate(wide)
    assert whole <= seen == width
    whole, seen = await page.locator(".overview > .table-box").evaluate(wide)
    assert whole <= seen


async def charted(page: Page) -> None:
    """Wait until the charts are drawn."""
    for name in ("#official", "#short", "#long"):
        await expect(page.locator(f"{name} canvas").first).to_be_visible()


async def test_times_and_chips_of_the_feed_do_not_overlap(open_page: OpenPage, site: Site) -> None:
    page = await open_page(site.url)
    await page.locator("#entries .at").first.evaluate("it => it.textContent = '2025-10-01 00:00'")
    inside = "it => it.scrollWidth <= it.clientWidth"
    assert await page.locator("#entries .when").first.evaluate(inside)


async def test_a_name_with_markup_is_shown_as_text(open_page: OpenPage, site: Site) -> None:
    page = await open_page(site.url)
    await charted(page)
    assert plants.HOSTILE in await page.locator("#entries").inner_text()
    assert plants.HOSTILE in await page.locator("#subject select").inner_text()
    scripts = await page.locator("script:not([src])").evaluate_all("all => all.map(it => it.id)")
    assert scripts == ["settings"]


@pytest.mark.parametrize(
    ("language", "words"), [("en", "no comparable period"), ("zh", "无可比同期")]
)
async def test_growth_that_cannot_be_told_says_so(
    open_page: OpenPage, site: Site, language: str, words: str
) -> None:
    page = await open_page(site.url, language=language)
    await expect(page.locator("#row-620623")).to_contain_text(words)
    await expect(page.locator("#detail-620623")).to_contain_text(words)
    assert "None" not in await page.locator("body").inner_text()


async def test_what_nobody_confirmed_stands_in_a_table(open_page: OpenPage, site: Site) -> None:
    page = await open_page(site.url)
    await expect(page.locator("footer")).to_contain_text("Not confirmed: 1 of the coal-equivalent")
    table = page.locator("footer table")
    await expect(table).to_be_hidden()
    await page.locator("footer details summary").click()
    await expect(table).to_contain_text("0.3 kgce/kWh")


async def test_ingest_health_counts_the_silent_meter(open_page: OpenPage, site: Site) -> None:
    page = await open_page(site.url)
    tile = page.locator("#health .tiles .notable")
    await expect(tile).to_contain_text(re.compile(r"Silent channels\s*1"))
    county = page.locator("#health tbody tr", has_text=counties.NAMES["620621"][1])
    await expect(county).to_contain_text("1 / 1")


async def test_a_county_is_chosen_by_keyboard(open_page: OpenPage, site: Site) -> None:
    page = await open_page(site.url)
    await expect(page.locator("#detail-620623")).to_be_visible()  # the worst is chosen at first
    await reach(page, "choose-620622")
    outline = "() => getComputedStyle(document.activeElement).outlineStyle"
    assert await page.evaluate(outline) == "solid"
    await page.keyboard.press("Enter")
    await expect(page.locator("#detail-620622")).to_be_visible()
    await expect(page.locator("#detail-620623")).to_be_hidden()
    await expect(page.locator("#place-620622")).to_have_attribute("aria-pressed", "true")
    await expect(page.locator(".charts h2")).to_contain_text(counties.NAMES["620622"][1])


async def test_a_county_is_chosen_on_the_map_by_keyboard(open_page: OpenPage, site: Site) -> None:
    page = await open_page(site.url)
    await reach(page, "place-620602")
    dashes = (
        "() => getComputedStyle(document.activeElement.querySelector('polygon')).strokeDasharray"
    )
    assert await page.evaluate(dashes) != "none"
    await page.keyboard.press(" ")
    await expect(page.locator("#row-620602")).to_contain_class("chosen")


async def reach(page: Page, identity: str, most: int = 40) -> None:
    """Press the tabulator until an element has the focus."""
    for _ in range(most):
        await page.keyboard.press("Tab")
        if await page.evaluate("() => document.activeElement.id") == identity:
            return
    raise AssertionError(f"{identity} cannot be reached with the tabulator")


async def test_the_language_stays_chosen(open_page: OpenPage, site: Site) -> None:
    page = await open_page(site.url, language="zh")
    await expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    await page.get_by_role("link", name="English").click()
    await expect(page.locator("html")).to_have_attribute("lang", "en")
    await page.goto(site.url)
    await expect(page.locator("html")).to_have_attribute("lang", "en")


async def test_without_scripts_tables_can_be_read(open_page: OpenPage, site: Site) -> None:
    page = await open_page(f"{site.url}?county=620622", scripts=False)
    await expect(page.locator("noscript .banner")).to_contain_text("need JavaScript")
    for code, level in LEVELS["en"].items():
        await expect(page.locator(f"#row-{code} .chip")).to_have_text(level)
        await expect(page.locator(f"#name-{code} .place-level")).to_have_text(level)
    await expect(page.locator("#detail-620622")).to_be_visible()
    assert await page.locator("#entries .entry").count() > 0
    await expect(page.locator("#health")).to_contain_text("Silent channels")
