"""Charts: official figures against their target, intensity against its baseline."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.async_api import Page, expect

from service.console.figures import figures_of
from service.console.words import words_of
from tests.browser import counties
from tests.browser.conftest import OpenPage
from tests.browser.site import Site

SERIES = """figure => {
    const box = document.querySelector(`${figure} .chart`);
    return echarts.getInstanceByDom(box).getOption().series.map(({ name, data }) => (
        { name, values: data.map((item) => item?.value ?? item) }
    ));
}"""


async def series(page: Page, figure: str) -> list[dict[str, Any]]:
    """Return what a chart has drawn."""
    await expect(page.locator(f"{figure} canvas").first).to_be_visible()
    drawn: list[dict[str, Any]] = await page.evaluate(SERIES, figure)
    return drawn


async def choose(page: Page, subject: str) -> None:
    """Choose whose figures are shown, by a part of its name."""
    option = page.locator("#subject option", has_text=subject)
    await expect(option).to_have_count(1)
    await page.locator("#subject select").select_option(await option.get_attribute("value"))


async def test_official_reduction_stands_against_its_target(
    open_page: OpenPage, site: Site
) -> None:
    page = await open_page(f"{site.url}?county=620623")
    rate, target = await series(page, "#official")
    assert rate["values"] == [2.85, 2.1, 1.1]
    assert (target["name"], set(target["values"])) == ("year's target", {2.8})
    newest = figures_of(words_of("en")).period(counties.quarters(datetime.now(UTC))[-1])
    chart = page.locator("#official .chart")
    told = re.compile(re.escape(f"{newest} fell 1.10%, Level I") + "$")
    await expect(chart).to_have_attribute("aria-label", told)
    await page.locator("#official summary").click()
    first = page.locator("#official tbody tr").first
    for text in (newest, "2.80%", "−1.70 points", "Level I", "official"):
        await expect(first).to_contain_text(text)


async def test_on_a_phone_fewer_bars_keep_their_words_apart(
    open_page: OpenPage, site: Site
) -> None:
    page = await open_page(f"{site.url}?county=620623", 320, 640)
    rate, _target = await series(page, "#official")
    assert len(rate["values"]) == 3


async def test_a_county_without_official_figures_says_so(open_page: OpenPage, site: Site) -> None:
    page = await open_page(f"{site.url}?county=620621")
    await expect(page.locator("#official .nothing")).to_contain_text("No official energy intensity")


async def test_intensity_of_a_furnace_stands_against_its_baseline(
    open_page: OpenPage, site: Site
) -> None:
    page = await open_page(f"{site.url}?county=620623")
    await choose(page, "furnace 2 F2")
    about = re.compile("furnace 2 F2, unit consumption over rolling 24 h")
    await expect(page.locator("#short .chart")).to_have_attribute("aria-label", about)
    value, baseline, breach = await series(page, "#short")
    assert [line["name"] for line in (value, baseline, breach)] == ["value", "baseline", "breach"]
    assert len(value["values"]) > 24
    assert any(target is not None for _, target in baseline["values"])
    assert breach["values"], "it burns more in its last hours"
    await page.locator("#short summary").click()
    await expect(page.locator("#short tbody tr").first).to_contain_text("far above baseline")


async def test_use_by_carrier_is_counted_by_the_meters_of_the_whole(
    open_page: OpenPage, site: Site
) -> None:
    page = await open_page(f"{site.url}?county=620622")
    await page.get_by_label("Use by carrier").check()
    await expect(page.locator("#short .chart")).to_have_attribute("aria-label", re.compile("tce"))
    [electricity] = await series(page, "#short")
    assert electricity["name"] == "electricity"
    assert max(electricity["values"]) > 30  # 12 MW through a day in tce by calorific value


async def test_an_outlet_stands_against_its_limit(open_page: OpenPage, site: Site) -> None:
    page = await open_page(f"{site.url}?county=620602")
    await choose(page, "paint shop stack")
    await expect(page.locator("#short .title")).to_contain_text("mg/m³")
    _value, limit, breach = await series(page, "#short")
    assert limit["name"] == "limit"
    assert {target for _, target in limit["values"] if target is not None} == {60}
    assert breach["values"], "the newest hours lie above the limit"


# the same figures are printed by the server at first and by scripts later
FIGURES: list[tuple[str, str, tuple[Any, ...]]] = [
    *(("rate", "rate", (value,)) for value in (2.8, 2.805, -1.0, 0.0, None)),
    *(("reduction", "reduction", (value,)) for value in (2.8, -0.5, 0.0, None)),
    *(("points", "points", (value,)) for value in (0.15, -1.7, None)),
    *(("percent", "percent", (value,)) for value in (12.34, 0.0, None)),
    *(
        ("period", "period", (text,))
        for text in ("2026-01..2026-09", "2026-03..2026-03", "2025-11..2026-10", "24h", "shift")
    ),
    *(
        ("month_ended", "monthEnded", (at,))
        for at in ("2026-09-30T16:00:00+00:00", "2025-12-31T16:00:00+00:00")
    ),
    *(
        ("clock", "clock", (at,))
        for at in ("2020-12-31T15:59:00+00:00", "2020-12-31T16:00:00+00:00")
    ),
]


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_scripts_print_figures_as_the_server_does(
    open_page: OpenPage, site: Site, language: str
) -> None:
    page = await open_page(site.url, language=language)
    figures = figures_of(words_of(language))
    module = (await page.locator("script[type=module]").get_attribute("src") or "").replace(
        "main.js", "figures.js"
    )
    call = "async ([module, name, given]) => (await import(module))[name](...given)"
    for python, script, given in FIGURES:
        instants = python in ("clock", "month_ended")
        values = [datetime.fromisoformat(text) for text in given] if instants else given
        printed = await page.evaluate(call, [module, script, list(given)])
        assert printed == getattr(figures, python)(*values), (python, given)


async def test_charts_name_the_county_that_is_chosen(open_page: OpenPage, site: Site) -> None:
    page = await open_page(f"{site.url}?county=620623")
    await page.locator("#choose-620602").click()
    await expect(page.locator("#official .chart")).to_have_attribute(
        "aria-label", re.compile("^Liangzhou District: ")
    )
    await expect(page).to_have_url(re.compile(r"\?county=620602$"))
