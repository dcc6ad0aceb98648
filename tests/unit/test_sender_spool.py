"""The spool of the reference sender: whole files, in order, and nothing that disappears."""

import errno
import json
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from deploy.local.errors import Cannot
from deploy.local.sender.batch import readings_of
from deploy.local.sender.outcome import Outcome, Refusal
from deploy.local.sender.spool import Damaged, Spool

LATE = Refusal("future_time", "set the clock", "请校时", 1)


def document(id_: str, count: int = 3) -> bytes:
    readings = [{"device": "M-01", "value": place} for place in range(count)]
    return json.dumps({"id": id_, "readings": readings}).encode()


def put(spool: Spool, count: int = 1) -> list[str]:
    ids = [spool.new_id() for _ in range(count)]
    for id_ in ids:
        spool.put(id_, document(id_))
    return ids


def refused(spool: Spool) -> list[Any]:
    return [json.loads(path.read_bytes()) for path in sorted(spool.refused.iterdir())]


def test_documents_come_oldest_first_after_a_restart(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    ids = put(spool, 12)
    spool.close()
    again = Spool(tmp_path)
    ids += put(again)
    assert (again.count, again.size) == (13, sum(len(document(id_)) for id_ in ids))
    assert again.after("", 5) == ids[:5]
    assert again.after(ids[4], 100) == ids[5:]
    assert again.read(ids[0]) == document(ids[0])


def test_an_id_is_never_used_twice(tmp_path: Path) -> None:
    """Else an outcome that comes late would settle another document."""
    spool = Spool(tmp_path)
    [first] = put(spool)
    spool.settle(Outcome(first, stored=3), document(first))
    spool.close()
    [second] = put(Spool(tmp_path))
    assert first != second


def test_what_a_kill_left_half_written_is_no_document(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    (spool.waiting / f"{spool.new_id()}.json.part").write_bytes(b'{"id":')
    spool.close()
    assert Spool(tmp_path).count == 0
    assert not list(spool.waiting.iterdir())


@pytest.mark.parametrize("call", ["fsync", "rename"])
def test_a_document_that_is_not_on_disk_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    spool = Spool(tmp_path)

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os if call == "fsync" else Path, call, refuse)
        with pytest.raises(OSError, match="No space"):
            put(spool)
    assert (spool.count, list(spool.waiting.iterdir())) == (0, [])
    put(spool)
    assert spool.count == 1


def test_what_was_refused_stays_with_the_reasons_and_can_be_sent_again(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    [id_] = put(spool)
    spool.settle(Outcome(id_, stored=2, rejected=(LATE,)), document(id_))
    assert spool.count == 0
    [kept] = refused(spool)
    assert kept["readings"] == [{"device": "M-01", "value": 1}]
    assert kept["reasons"] == [
        {"code": "future_time", "detail": "set the clock", "detail_zh": "请校时", "index": 1}
    ]
    [path] = spool.refused.iterdir()
    again = readings_of(path.read_bytes(), "91620623QY00000149")
    assert isinstance(again, list)
    assert [msgspec.json.decode(reading) for reading in again] == kept["readings"]


@pytest.mark.parametrize(
    "outcome",
    [
        pytest.param({"code": "not_owner", "detail": "another key"}, id="as a whole"),
        pytest.param({"stored": 2, "rejected": (Refusal("x", index=9),)}, id="no such place"),
        pytest.param({"stored": 2, "rejected": (Refusal("x"),)}, id="no place"),
    ],
)
def test_a_document_stays_whole_where_it_is_not_said_what_of_it(
    tmp_path: Path, outcome: dict[str, Any]
) -> None:
    spool = Spool(tmp_path)
    [id_] = put(spool)
    spool.settle(Outcome(id_, **outcome), document(id_))
    [kept] = refused(spool)
    assert len(kept["readings"]) == 3


@pytest.mark.parametrize("damage", [b"", b'{"id":"another","readings":[]}', b"\x00" * 500])
def test_a_damaged_document_is_found_and_set_aside(tmp_path: Path, damage: bytes) -> None:
    """Nobody would answer it, and everything would wait behind it."""
    spool = Spool(tmp_path)
    [id_] = put(spool)
    (spool.waiting / f"{id_}.json").write_bytes(damage)
    spool.look()
    with pytest.raises(Damaged):
        spool.read(id_)
    spool.set_aside(id_)
    assert (spool.count, spool.size, spool.after("", 9)) == (0, 0, [])
    assert (spool.refused / f"{id_}.damaged").read_bytes() == damage


def test_a_folder_has_one_sender(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    with pytest.raises(Cannot, match="Another sender"):
        Spool(tmp_path)
    spool.close()
    Spool(tmp_path)
