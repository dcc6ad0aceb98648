"""The main job, as a newcomer sees it: one start, readings in, levels, alerts and a page out.

The tests share one product and build on each other, in their order.
"""

import asyncio
import json
import re
import shutil
import stat
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import numpy as np
import pytest
from playwright.async_api import Page, expect

from deploy.local import settings
from deploy.local.fleet import clock, episodes
from deploy.local.fleet.clock import HOUR, QUARTER
from deploy.local.fleet.enterprises import Enterprise, enterprises
from deploy.local.runtime import Runtime
from service.domain.calendar import SHANGHAI
from tests.browser.conftest import OpenPage
from tests.product import Product, Spare, items, prepare, waited

COUNTIES = {"620602", "620621", "620622", "620623"}
DAYS = 37  # four weeks of past days and the last one are what a lead needs; and some more
PATIENCE_S = 60.0
DOCUMENTED = {
    "QINGYU_API", "QINGYU_INGEST", "QINGYU_MQTT", "QINGYU_HJ212", "QINGYU_DATABASE",
    "QINGYU_DEMO_USCC", "QINGYU_DEMO_DEVICE", "QINGYU_DEMO_KEY", "QINGYU_DEMO_MQTT_USER",
    "QINGYU_DEMO_MQTT_PASSWORD", "QINGYU_DEMO_MN", "QINGYU_REGULATOR_KEY",
    "QINGYU_OPERATOR_KEY", "QINGYU_ADMIN_KEY",
}  # fmt: skip


@pytest.fixture(scope="module")
def product(runtime: Runtime, scratch: Path) -> Iterator[Product]:
    since = datetime.now(SHANGHAI).date() - timedelta(days=DAYS)
    product = prepare(scratch / "product", since.isoformat())
    try:
        print(f"first start: ready after {product.up():.1f} s")
        yield product
    finally:
        product.down()


@pytest.fixture(autouse=True)
def tails(product: Product, request: pytest.FixtureRequest) -> Iterator[None]:
    """Print what the programs logged when a test fails."""
    failed = request.session.testsfailed
    yield
    if request.session.testsfailed > failed:
        print(product.tails())


@pytest.fixture
def api(product: Product) -> Iterator[httpx.Client]:
    variables = product.variables()
    headers = {"Authorization": f"Bearer {variables['QINGYU_REGULATOR_KEY']}"}
    address = f"{variables['QINGYU_API']}/api/v1"
    with httpx.Client(base_url=address, headers=headers, timeout=30) as client:
        yield client


def test_local_env_says_what_is_documented_to_its_owner_only(product: Product) -> None:
    path = product.home / "local.env"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    variables = product.variables()
    assert set(variables) >= DOCUMENTED
    assert all(variables.values())


def test_every_program_says_that_it_is_ready(product: Product) -> None:
    for name in ("QINGYU_API_PORT", "QINGYU_INGEST_PORT", "QINGYU_ANALYZE_PORT"):
        address = f"http://127.0.0.1:{product.environment[name]}"
        assert httpx.get(f"{address}/readyz").status_code == 200, name
        assert "qingyu_" in httpx.get(f"{address}/metrics").text, name


def test_history_is_judged_when_it_is_ready(api: httpx.Client) -> None:
    counties = items(api, "/counties")
    assert {county["code"] for county in counties} == COUNTIES
    levels = [county["level"] for county in counties]
    assert None not in levels
    assert len(set(levels)) == 3
    firing = items(api, "/alerts", phase="firing")
    # Against so short a past, the energy of heat plants may rise with the cold.
    assert {alert["indicator"] for alert in firing} <= {"official_intensity", "energy"}


@pytest.fixture
def spare(product: Product, api: httpx.Client) -> Spare:
    return Spare(product.variables(), api)


def hours_ago(hours: int) -> tuple[datetime, datetime]:
    """Return the beginning of a past hour and its middle."""
    start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=hours)
    return start, start + timedelta(minutes=30)


def test_what_mosquitto_pub_sends_is_read_and_rolled_up(spare: Spare, runtime: Runtime) -> None:
    start, stop = hours_ago(5)
    host, _, port = spare.variables["QINGYU_MQTT"].partition(":")
    user = spare.variables["QINGYU_DEMO_MQTT_USER"]
    command: list[str] = [
        str(runtime.mosquitto_pub), "-h", host, "-p", port, "-q", "1",
        "-u", user, "-P", spare.variables["QINGYU_DEMO_MQTT_PASSWORD"],
        "-t", f"qingyu/v1/{user}/readings", "-m", spare.document((start, 5.0), (stop, 17.5)),
    ]  # fmt: skip
    subprocess.run(command, check=True)
    waited("mosquitto_pub to /readings", lambda: spare.has(stop, 17.5))
    waited("mosquitto_pub to /usage", lambda: abs(spare.used(start, stop) - 12.5) < 1e-6)


@pytest.mark.skipif(shutil.which("curl") is None, reason="this machine has no curl")
def test_what_curl_sends_is_read_and_rolled_up(spare: Spare) -> None:
    start, stop = hours_ago(3)
    command = [
        "curl", "-sS", "--fail-with-body", f"{spare.variables['QINGYU_INGEST']}/ingest/v1/readings",
        "-H", f"Authorization: Bearer {spare.variables['QINGYU_DEMO_KEY']}",
        "-H", "Content-Type: application/json", "-d", spare.document((start, 20.0), (stop, 24.0)),
    ]  # fmt: skip
    answer = subprocess.run(command, check=True, capture_output=True)
    assert json.loads(answer.stdout)["stored"] == 2
    assert spare.has(stop, 24.0)
    waited("curl to /usage", lambda: abs(spare.used(start, stop) - 4.0) < 1e-6)


def misbehaving(answer: subprocess.CompletedProcess[str]) -> Enterprise:
    assert answer.returncode == 0, answer.stderr
    [item] = [item for item in enterprises(None) if item.uscc in answer.stdout]
    return item


async def chips(page: Page) -> dict[str, str]:
    """Return each county's level as the page prints it."""
    rows = page.locator("#counties tr[data-county]")
    return {
        await row.get_attribute("data-county") or "": await row.locator(
            "td.level .chip"
        ).inner_text()
        for row in await rows.all()
    }


async def test_alerts_and_a_level_change_reach_the_open_page(
    product: Product, open_page: OpenPage
) -> None:
    page = await open_page(f"{product.variables()['QINGYU_API']}/")
    before = await chips(page)
    assert set(before) == COUNTIES
    assert all(before.values())
    await page.evaluate("window.marker = 'not reloaded'")

    begun = time.monotonic()
    furnace = misbehaving(await asyncio.to_thread(product.fleet, "misbehave", "--county", "620623"))
    assert furnace.county == "620623"
    entry = page.locator("#entries li.entry").filter(has_text=name_of(furnace))
    await expect(entry.first).to_be_visible(timeout=PATIENCE_S * 1000)
    print(f"misbehave to the feed: {time.monotonic() - begun:.1f} s")

    begun = time.monotonic()
    outlet = misbehaving(await asyncio.to_thread(product.fleet, "misbehave", "--kind", "exceed"))
    entry = page.locator("#entries li.entry").filter(has_text=name_of(outlet))
    entry = entry.filter(has_text="suspected")
    await expect(entry.first).to_be_visible(timeout=PATIENCE_S * 1000)
    print(f"misbehave, exceed, to the feed: {time.monotonic() - begun:.1f} s")
    assert await chips(page) == before

    begun = time.monotonic()
    told = await asyncio.to_thread(product.fleet, "statistics")
    assert told.returncode == 0, told.stderr
    [changed, *_] = re.findall(
        r"^(\d{6}) .* (?:yellow -> green|green -> yellow)", told.stdout, re.MULTILINE
    )
    chip = page.locator(f"#row-{changed} td.level .chip")
    await expect(chip).not_to_have_text(before[changed], timeout=PATIENCE_S * 1000)
    print(f"statistics to the page: {time.monotonic() - begun:.1f} s\n{told.stdout}")
    assert await page.evaluate("window.marker") == "not reloaded"


def name_of(item: Enterprise) -> re.Pattern[str]:
    return re.compile(f"{re.escape(item.entry.name_zh)}|{re.escape(item.entry.name_en)}")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(["misbehave", "--county", "620699"], "no county 620699", id="county"),
        pytest.param(["misbehave", "--county", "620622", "--kind", "exceed"], None, id="one more"),
        pytest.param(
            ["misbehave", "--county", "620622", "--kind", "exceed"], "already", id="twice"
        ),
        pytest.param(["statistics", "--quarter", "2026Q5"], "no quarter 2026Q5", id="quarter"),
        pytest.param(["statistics", "--quarter", "2025Q1"], "imported already", id="past"),
        pytest.param(["statistics", "--quarter", "2099Q1"], "lies ahead", id="future"),
        pytest.param(["statistics"], "comes out on", id="all are in"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    product: Product, arguments: list[str], said: str | None
) -> None:
    answer = product.fleet(*arguments)
    if said is None:
        assert answer.returncode == 0, answer.stderr
        return
    assert answer.returncode == 1
    assert said in answer.stderr
    assert answer.stderr.count("\n") == 1


def test_behave_ends_every_episode(product: Product, api: httpx.Client) -> None:
    answer = product.fleet("behave")
    assert "3 episode(s) ended" in answer.stdout, answer.stderr
    known = episodes.load(product.home)
    assert all(item.until is not None for item in known)
    [exceeding] = [e for e in known if e.kind == episodes.EXCEED and e.county == "620602"]
    [item] = [item for item in enterprises(None) if item.uscc == exceeding.uscc]
    assert item.monitor is not None
    limit, until = item.monitor.limit, clock.moment(exceeding.until or 0).isoformat()
    asked = {"enterprise": item.uscc, "statistic": "minute.mean", "from": until}

    def is_below() -> bool:
        return all(row["value"] < limit for row in items(api, "/readings", **asked))

    waited("behave to the minute means", is_below, PATIENCE_S)
    assert "No enterprise misbehaves" in product.fleet("behave").stdout


async def test_a_second_start_goes_on_where_the_first_one_stopped(product: Product) -> None:
    counted = "enterprises", "channels", "statistics", "targets", "reading_revisions"
    before = await product.counts(counted)
    await asyncio.to_thread(product.down)
    stopped = clock.seconds(datetime.now(UTC))
    print(f"second start: ready after {await asyncio.to_thread(product.up):.1f} s")
    assert await product.counts(counted) == before

    series = settings.read(product.environment).series
    [item] = [i for i in enterprises(series) if i.uscc == product.variables()["QINGYU_DEMO_USCC"]]
    meter, since = item.meters[0], stopped - 2 * HOUR
    readings = await product.readings_past((item.uscc, meter.device), since, stopped)
    at = np.array([clock.seconds(instant) for instant, _ in readings], dtype=np.int64)
    assert len(set(at.tolist())) == len(at)
    assert set(clock.grid(since, int(at[-1]), QUARTER).tolist()) <= set(at.tolist())
    strains = episodes.conduct(episodes.load(product.home), item.uscc).strains
    assert [value for _, value in readings] == meter.dial(at, strains).tolist()


@pytest.mark.parametrize("command", [["misbehave"], ["behave"], ["statistics"]], ids=" ".join)
def test_a_stopped_product_is_to_be_started_first(product: Product, command: list[str]) -> None:
    product.down()
    answer = product.fleet(*command)
    assert answer.returncode == 1
    assert "make up" in answer.stderr
    assert answer.stderr.count("\n") == 1
