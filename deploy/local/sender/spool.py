"""Documents on disk: those that wait for their outcome, and what was refused."""

import fcntl
import heapq
import os
import re
import secrets
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from deploy.local.errors import Cannot
from deploy.local.sender.outcome import Outcome, Refusal

_NAME = re.compile(r"([0-9]{12})-[0-9a-f]{16}\.json")
_PART = ".part"


class _Document(msgspec.Struct):
    id: str
    readings: list[msgspec.Raw]


class _Refused(msgspec.Struct, omit_defaults=True):
    """What stands in `refused`: a document that can be sent again, with the reasons."""

    id: str
    reasons: Sequence[Refusal]
    readings: Sequence[msgspec.Raw] = ()
    lines: Sequence[str] = ()


_DOCUMENT = msgspec.json.Decoder(_Document)


class Damaged(Exception):
    """A file of the spool is no longer the document that was written."""


class Spool:
    """A folder that one process at a time uses: `waiting` documents and `refused` ones.

    A document is a file of its own whose name is its id: a number that orders the documents, and
    random digits, so that no outcome of an earlier document is ever taken for that of another.
    What `put` returned for survives a kill and a power cut; a deletion that is lost means that a
    document is sent again, and its readings are duplicates. Memory does not grow with the spool.
    """

    def __init__(self, folder: Path) -> None:
        self.waiting = folder / "waiting"
        self.refused = folder / "refused"
        for place in (self.waiting, self.refused):
            place.mkdir(parents=True, exist_ok=True)
        _sync(folder)
        self._lock = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise Cannot(f"Another sender uses {folder}: end it, or name another folder.") from None
        self.count = self.size = self._last = 0
        self.look()

    def close(self) -> None:
        """Let another process use the folder."""
        os.close(self._lock)

    def look(self) -> None:
        """Count what is there, and remove what a kill has left half written."""
        self.count = self.size = 0
        with os.scandir(self.waiting) as entries:
            for entry in entries:
                if entry.name.endswith(_PART):
                    Path(entry).unlink()
                elif (match := _NAME.fullmatch(entry.name)) is not None:
                    self.count += 1
                    self.size += entry.stat().st_size
                    self._last = max(self._last, int(match[1]))

    def new_id(self) -> str:
        """Return the id of the next document."""
        self._last += 1
        return f"{self._last:012d}-{secrets.token_hex(8)}"

    def put(self, id_: str, payload: bytes) -> None:
        """Keep a document; raises OSError when it is not on disk, and may be tried again."""
        _write(self.waiting / f"{id_}.json", payload)
        self.count += 1
        self.size += len(payload)

    def after(self, id_: str, most: int) -> list[str]:
        """Return the ids of the oldest documents that are younger than one, so many at most."""
        with os.scandir(self.waiting) as entries:
            names = (entry.name for entry in entries if _NAME.fullmatch(entry.name))
            ids = (name.removesuffix(".json") for name in names)
            return heapq.nsmallest(most, (found for found in ids if found > id_))

    def read(self, id_: str) -> bytes:
        """Return a document; raises `Damaged`, because nobody would answer it, and OSError."""
        payload = (self.waiting / f"{id_}.json").read_bytes()
        try:
            if _DOCUMENT.decode(payload).id == id_:
                return payload
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            pass
        raise Damaged(id_)

    def settle(self, outcome: Outcome, payload: bytes) -> None:
        """Forget a document that was answered; what was refused of it stays in `refused`."""
        if refusals := outcome.refusals:
            readings = _chosen(_DOCUMENT.decode(payload).readings, refusals)
            self._refuse(_Refused(outcome.id, refusals, readings))
        self._remove(outcome.id, len(payload))

    def set_aside(self, id_: str) -> None:
        """Move a damaged document out of the way."""
        path = self.waiting / f"{id_}.json"
        size = path.stat().st_size
        path.rename(self.refused / f"{id_}.damaged")
        _sync(self.refused)
        self._forget(size)

    def refuse_lines(self, lines: Iterable[tuple[bytes, Refusal]]) -> None:
        """Keep lines of the input that are no readings; bytes that are no text are escaped."""
        told = [(line.decode(errors="backslashreplace"), why) for line, why in lines]
        reasons = [
            Refusal(why.code, why.detail, why.detail_zh, place)
            for place, (_, why) in enumerate(told)
        ]
        self._refuse(_Refused(self.new_id(), reasons, lines=[text for text, _ in told]))

    def _refuse(self, refused: _Refused) -> None:
        _write(self.refused / f"{refused.id}.json", msgspec.json.encode(refused) + b"\n")

    def _remove(self, id_: str, size: int) -> None:
        (self.waiting / f"{id_}.json").unlink(missing_ok=True)
        self._forget(size)

    def _forget(self, size: int) -> None:
        self.count -= 1
        self.size -= size


def oldest(folder: Path, suffix: str, most: int) -> list[Path]:
    """Return the first files of a folder by their names, so many at most."""
    with os.scandir(folder) as entries:
        found = (entry.name for entry in entries if entry.name.endswith(suffix))
        return [folder / name for name in heapq.nsmallest(most, found)]


def _chosen(readings: list[msgspec.Raw], refusals: Sequence[Refusal]) -> list[msgspec.Raw]:
    """Return the readings that were refused; all of them where it is not said which."""
    places = [refusal.index for refusal in refusals]
    chosen = [readings[i] for i in places if i is not None and 0 <= i < len(readings)]
    return chosen if len(chosen) == len(places) else readings


def _write(path: Path, payload: bytes) -> None:
    """Bring a file to disk under its name whole or not at all."""
    part = path.with_name(path.name + _PART)
    try:
        with part.open("wb") as file:
            file.write(payload)
            file.flush()
            os.fsync(file.fileno())
        part.rename(path)
        _sync(path.parent)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
