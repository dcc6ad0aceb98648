"""From the input into the spool: what was read is on disk before it is sent."""

import asyncio
import contextlib
import logging
import os
from collections.abc import Callable
from pathlib import Path

from deploy.local.errors import Cannot
from deploy.local.sender import spool as spools
from deploy.local.sender.batch import Batch, Lines, readings_of, too_long
from deploy.local.sender.outcome import Refusal
from deploy.local.sender.spool import Spool

logger = logging.getLogger(__name__)

CHUNK = 64 * 1024
SUFFIX = ".ndjson"
LOOK_S = 1.0  # between two looks into the folder of files that come in
AGAIN_AFTER_S = 2.0  # when the disk refuses


class Feed:
    """Readings by line, made into documents of so many, or of so many seconds.

    While the disk refuses a document, or the spool holds ``room`` bytes, nothing more is read.
    ``kept`` gets the number of lines that are safe after each document that is on disk.
    """

    def __init__(
        self,
        spool: Spool,
        uscc: str,
        most: int,
        age_s: float,
        room: int,
        kept: Callable[[int], None],
    ) -> None:
        self._spool = spool
        self._uscc = uscc
        self._most = most
        self._age_s = age_s
        self._room = room
        self._kept = kept
        self._loop = asyncio.get_running_loop()
        self._batch = Batch(most)
        self._due: float | None = None  # when the batch is kept however few it holds
        self._lines = 0
        self._awake = asyncio.Event()
        self.stopped = asyncio.Event()

    def stop(self) -> None:
        """Read no more; what was read is still brought to disk."""
        self.stopped.set()
        self._awake.set()

    async def read(self, descriptor: int) -> None:
        """Read to the end of the input, or until stopped; all that was read is then on disk."""
        lines = Lines()
        while (data := await self._chunk(descriptor)) is not None:
            for line, whole in lines.split(data):
                await self._take(line, whole=whole)
        if not self.stopped.is_set():
            for line, whole in lines.rest():
                await self._take(line, whole=whole)
        await self._keep()

    async def read_files(self, folder: Path, *, once: bool) -> None:
        """Read the files of a folder by their names, and remove each when it is safe.

        Goes on until stopped, or, with ``once``, until there is none.
        """
        while not self.stopped.is_set():
            found = spools.oldest(folder, SUFFIX, 1_000)
            for path in found:
                with path.open("rb", buffering=0) as file:
                    await self.read(file.fileno())
                if self.stopped.is_set():  # perhaps amid the file: it is read again
                    return
                path.unlink()
            if once and not found:
                return
            if not found:
                await self._pause(LOOK_S)

    async def _chunk(self, descriptor: int) -> bytes | None:
        """Return what can be read now, and keep a batch that is old; None at the end."""
        while not self.stopped.is_set():
            try:
                async with asyncio.timeout_at(self._due):
                    await self._readable(descriptor)
            except TimeoutError:
                await self._keep()
                continue
            if not self.stopped.is_set():
                return os.read(descriptor, CHUNK) or None
        return None

    async def _readable(self, descriptor: int) -> None:
        self._awake.clear()
        try:
            self._loop.add_reader(descriptor, self._awake.set)
        except PermissionError:  # a file: it cannot be watched, and never blocks
            await asyncio.sleep(0)
            return
        try:
            await self._awake.wait()
        finally:
            self._loop.remove_reader(descriptor)

    async def _take(self, line: bytes, *, whole: bool) -> None:
        if whole and not line.strip():
            return
        found = readings_of(line, self._uscc) if whole else too_long()
        if isinstance(found, Refusal):
            self._batch.refuse(line, found)
        else:
            for reading in found:
                if self._batch.full:
                    await self._keep()
                self._batch.add(reading)
        self._lines += whole
        if self._due is None:
            self._due = self._loop.time() + self._age_s
        if self._batch.full:
            await self._keep()

    async def _keep(self) -> None:
        """Bring the batch to disk, however long that takes; raises Cannot when stopped before."""
        batch, self._batch, self._due = self._batch, Batch(self._most), None
        if batch.empty:
            return
        await self._wait_for_room()
        id_ = self._spool.new_id()
        complained = False
        while True:
            try:
                if batch.readings:
                    self._spool.put(id_, batch.document(id_))
                    batch.readings.clear()
                if batch.refused:
                    self._spool.refuse_lines(batch.refused)
                break
            except OSError as error:
                if self.stopped.is_set():
                    count = len(batch.readings) + len(batch.refused)
                    raise Cannot(f"{count} lines could not be kept: {error}") from error
                if not complained:
                    logger.warning("nothing is read until the disk takes it: %s", error)
                complained = True
                await self._pause(AGAIN_AFTER_S)
        if complained:
            logger.info("the disk takes documents again")
        self._kept(self._lines)

    async def _wait_for_room(self) -> None:
        if self._spool.size >= self._room:
            logger.warning("nothing is read until documents are answered: the spool is full")
        while self._spool.size >= self._room and not self.stopped.is_set():
            await self._pause(LOOK_S)

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.stopped.wait()
