"""Lines become documents: by number, by age, and at the end; what is no reading is kept."""

import asyncio
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.local.sender import batch
from deploy.local.sender.batch import MAX_LINE, MAX_READING, Lines
from deploy.local.sender.feed import Feed
from deploy.local.sender.spool import Spool

USCC = "91620623QY00000149"
LONG = 1_000.0  # seconds: no batch of a test grows that old


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    made = Spool(tmp_path)
    yield made
    made.close()


def reading(value: float) -> bytes:
    return b'{"device":"M-01","quantity":"electricity","value":%r}' % value


def documents(spool: Spool) -> list[list[float]]:
    found = [json.loads(spool.read(id_)) for id_ in spool.after("", 100)]
    return [[item["value"] for item in document["readings"]] for document in found]


def refused(spool: Spool) -> list[tuple[str, str]]:
    kept: list[Any] = [json.loads(path.read_bytes()) for path in sorted(spool.refused.iterdir())]
    return [
        (item["lines"][reason["index"]], reason["code"])
        for item in kept
        for reason in item["reasons"]
    ]


async def fed(spool: Spool, data: bytes, most: int = 2) -> list[int]:
    """Return what was said to be safe after data were fed through a pipe that then ends."""
    receipts: list[int] = []
    feed = Feed(spool, USCC, most, LONG, 1 << 30, receipts.append)
    out, into = os.pipe()
    feeding = asyncio.create_task(asyncio.to_thread(_write, into, data))
    await feed.read(out)
    await feeding
    os.close(out)
    return receipts


def _write(descriptor: int, data: bytes) -> None:
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)


@pytest.mark.parametrize(
    ("lines", "expected", "receipts"),
    [
        pytest.param([1, 2, 3, 4, 5], [[1, 2], [3, 4], [5]], [2, 4, 5], id="by number"),
        pytest.param([], [], [], id="nothing"),
        pytest.param([[1, 2, 3], 4], [[1, 2], [3, 4]], [0, 2], id="a document is taken apart"),
        pytest.param([[]], [], [], id="an empty document"),
        pytest.param(["", 1, " "], [[1]], [1], id="blank lines"),
    ],
)
async def test_lines_become_documents(
    spool: Spool, lines: list[Any], expected: list[list[float]], receipts: list[int]
) -> None:
    data = [
        b'{"readings":[%b]}' % b",".join(map(reading, line))
        if isinstance(line, list)
        else line.encode()
        if isinstance(line, str)
        else reading(line)
        for line in lines
    ]
    assert await fed(spool, b"\n".join(data)) == receipts
    assert documents(spool) == expected


async def test_a_reading_is_sent_to_the_letter(spool: Spool) -> None:
    line = '{ "value": 1.10, "device": "一号" }'
    await fed(spool, line.encode())
    [id_] = spool.after("", 1)
    assert spool.read(id_) == f'{{"id":"{id_}","readings":[{line}]}}'.encode()


async def test_a_batch_that_is_old_is_kept_however_few_it_holds(spool: Spool) -> None:
    kept = asyncio.Event()
    feed = Feed(spool, USCC, 1_000, 0.0, 1 << 30, lambda _: kept.set())
    out, into = os.pipe()
    feeding = asyncio.create_task(feed.read(out))
    os.write(into, reading(1) + b"\n" + reading(2))
    async with asyncio.timeout(30):
        await kept.wait()
    assert documents(spool) == [[1]]
    feed.stop()
    await feeding
    assert documents(spool) == [[1]]  # what was cut is not a line
    os.close(into)
    os.close(out)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        pytest.param(b'{"value": NaN}', "malformed", id="NaN"),
        pytest.param(b"17", "malformed", id="no object"),
        pytest.param(b'{"value":', "malformed", id="cut"),
        pytest.param(b"[" * 100_000, "malformed", id="nested without end"),
        pytest.param(b'{"device": "\xff"}', "invalid_utf8", id="no UTF-8"),
        pytest.param(b'{"enterprise": "9162", "value": 1}', "not_owner", id="somebody else's"),
        pytest.param(b'{"device": "%b"}' % (b"x" * MAX_READING), "too_large", id="a huge one"),
    ],
)
async def test_a_line_that_cannot_be_sent_is_kept_with_the_reason(
    spool: Spool, line: bytes, code: str
) -> None:
    await fed(spool, b"\n".join([reading(1), line, reading(2)]), most=100)
    assert documents(spool) == [[1, 2]]
    assert refused(spool) == [(line.decode(errors="backslashreplace"), code)]


def test_a_line_without_end_comes_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    assert MAX_LINE > 1_000
    monkeypatch.setattr(batch, "MAX_LINE", 10)
    lines = Lines()
    found = [
        piece for data in (b"123456", b"7890ab", b"cd\nok", b"\n") for piece in lines.split(data)
    ]
    assert found == [(b"1234567890ab", False), (b"cd", False), (b"ok", True)]


async def test_a_full_spool_is_not_added_to(spool: Spool) -> None:
    spool.put(first := spool.new_id(), b'{"id":"%b","readings":[]}' % spool.new_id().encode())
    feed = Feed(spool, USCC, 1, LONG, 1, lambda _: None)
    out, into = os.pipe()
    os.write(into, reading(1) + b"\n")
    feeding = asyncio.create_task(feed.read(out))
    for _ in range(50):
        await asyncio.sleep(0)
    assert spool.after("", 9) == [first]
    spool.set_aside(first)
    async with asyncio.timeout(30):
        while not spool.count:
            await asyncio.sleep(0.01)
    assert documents(spool) == [[1]]
    feed.stop()
    await feeding
    os.close(into)
    os.close(out)
