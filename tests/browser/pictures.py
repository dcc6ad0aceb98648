"""`python -m tests.browser.pictures URL`: the pictures of the README, from a running console."""

import asyncio
import base64
import struct
import sys
import zlib

import numpy as np
from numpy.typing import NDArray
from playwright.async_api import Browser, async_playwright, expect

from deploy.local import chromium
from deploy.local.settings import CHECKOUT

FOLDER = CHECKOUT / "deploy" / "images"
PICTURES = {"zh": "console.zh.png", "en": "console.png"}
WIDTH, HEIGHT = 1440, 900
MARGIN = 14  # below the last panel that is shown, px
COLOURS, FREQUENT = 256, 160
# the browser reads its own picture, so that no other decoder is needed
PIXELS = """async (png) => {
    const shown = await fetch(`data:image/png;base64,${png}`);
    const picture = await createImageBitmap(await shown.blob());
    const pen = new OffscreenCanvas(picture.width, picture.height).getContext("2d");
    pen.drawImage(picture, 0, 0);
    const { data } = pen.getImageData(0, 0, picture.width, picture.height);
    let text = "";
    for (let at = 0; at < data.length; at += 32768) {
        text += String.fromCharCode(...data.subarray(at, at + 32768));
    }
    return btoa(text);
}"""

Pixels = NDArray[np.uint8]


async def take(url: str) -> None:
    """Write a picture in each language: the counties, the feed and the charts."""
    found = chromium.ensure()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=found.executable, env={**found.environment}, args=list(found.arguments)
        )
        for language, name in PICTURES.items():
            pixels = await _look(browser, f"{url}?lang={language}")
            (FOLDER / name).write_bytes(png(pixels))
        await browser.close()


async def _look(browser: Browser, url: str) -> Pixels:
    page = await browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
    await page.goto(url)
    await expect(page.locator("#connection")).to_have_attribute("data-state", "open")
    for figure in ("#official", "#short", "#long"):
        await expect(page.locator(f"{figure} canvas").first).to_be_visible()
    box = await page.locator(".columns").bounding_box()
    assert box is not None
    height = round(box["y"] + box["height"] + MARGIN)
    shown = await page.screenshot(
        full_page=True, clip={"x": 0, "y": 0, "width": WIDTH, "height": height}
    )
    await page.goto("about:blank")  # whose policy lets a script read the picture
    raw = await page.evaluate(PIXELS, base64.b64encode(shown).decode())
    await page.close()
    return np.frombuffer(base64.b64decode(raw), np.uint8).reshape(-1, WIDTH, 4)[..., :3]


def png(pixels: Pixels) -> bytes:
    """Return rows of pixels as a PNG of 256 colours, which is a third the size."""
    found, places, counts = np.unique(
        pixels.reshape(-1, 3), axis=0, return_inverse=True, return_counts=True
    )
    order = list(np.argsort(-counts)[:FREQUENT])
    away = [((found.astype(np.int32) - found[place]) ** 2).sum(axis=1) for place in order]
    while len(order) < min(COLOURS, len(found)):  # and those that no other is near to
        order.append(np.argmax(np.min(away, axis=0)))
        away.append(((found.astype(np.int32) - found[order[-1]]) ** 2).sum(axis=1))
    kept, nearest = found[order], np.argmin(away, axis=0)
    rows = nearest.astype(np.uint8)[places].reshape(pixels.shape[:2])
    unfiltered = np.pad(rows, ((0, 0), (1, 0)))
    head = struct.pack(">IIBBBBB", pixels.shape[1], pixels.shape[0], 8, 3, 0, 0, 0)
    parts = (
        (b"IHDR", head),
        (b"PLTE", kept.tobytes()),
        (b"IDAT", zlib.compress(unfiltered.tobytes(), 9)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in parts
    )


if __name__ == "__main__":
    asyncio.run(take(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000/"))
