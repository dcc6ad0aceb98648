"""What a PostgreSQL server leaves behind in its data directory and among the processes."""

import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from deploy.local import records
from deploy.local.errors import Cannot

_SSL_REQUEST = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"  # its length, and 80877103


def accepts(data: Path, pid: int | None) -> bool:
    """Return whether the server with the process number ``pid`` says that it takes connections."""
    lines = _lines(data)
    return lines[:1] == [str(pid)] and lines[7:8] == ["ready"]


def answers(port: int) -> bool:
    """Return whether a server at ``port`` answers the question that opens a session.

    One that was killed a moment ago still counts as a process and its port still takes connections.
    """
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(_SSL_REQUEST)
            return connection.recv(1) in (b"S", b"N")
    except OSError:
        return False


def clear(data: Path, patience: float) -> None:
    """End what an earlier server left running, and remove a pid file that names a stranger.

    Raises Cannot after ``patience`` seconds.
    """
    deadline = time.monotonic() + patience
    while users := set(_users(data)):
        owner = _owner(data)
        if owner in users:
            records.send(owner, signal.SIGINT)
        else:
            for orphan in users:  # without their server they can do nothing more
                records.send(orphan, signal.SIGQUIT)
        if time.monotonic() > deadline:
            raise Cannot(f"Processes {sorted(users)} still use {data}: end them.")
        time.sleep(0.05)
    if Path(f"/proc/{_owner(data)}").exists():  # PostgreSQL would take it for its server
        (data / "postmaster.pid").unlink()


def _users(data: Path) -> Iterator[int]:
    """Every process of a server has its data directory as working directory."""
    place = data.resolve()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "cwd").readlink() == place and (entry / "comm").read_text() == "postgres\n":
                yield int(entry.name)
        except OSError:  # it has ended, or is another user's
            continue


def _owner(data: Path) -> int:
    first = next(iter(_lines(data)), "")
    return int(first) if first.isdigit() else -1


def _lines(data: Path) -> list[str]:
    try:
        text = (data / "postmaster.pid").read_text()
    except FileNotFoundError:
        return []
    return [line.strip() for line in text.splitlines()]
