"""Another user for what must not run as root."""

import functools
import os
import pwd
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.local.errors import Cannot


@dataclass(frozen=True, slots=True)
class User:
    """The user that a program runs as."""

    name: str
    uid: int
    gid: int


@functools.cache
def servant() -> User | None:
    """Return the user that programs of this machine's root run as, or None when we are not root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return User(name, entry.pw_uid, entry.pw_gid)
    raise Cannot("Root has no other user to run PostgreSQL as: create one named postgres.")


def lowered(command: Sequence[str | Path]) -> list[str]:
    """Return ``command`` so that root's copy of it runs as the servant."""
    user = servant()
    words = [str(word) for word in command]
    if user is None:
        return words
    return ["setpriv", f"--reuid={user.uid}", f"--regid={user.gid}", "--clear-groups", *words]


def give(path: Path) -> None:
    """Make ``path`` the servant's, with all that is in it where it was another user's."""
    user = servant()
    if user is None or path.stat().st_uid == user.uid:
        return
    for place in (*path.rglob("*"), path):  # itself last: then all of it is the servant's
        os.chown(place, user.uid, user.gid, follow_symlinks=False)


def make_open(folder: Path) -> None:
    """Make ``folder`` with its parents; the new ones can be entered by other users."""
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    for place in reversed(missing):
        place.mkdir(exist_ok=True)
        place.chmod(0o755)


def check_reach(folder: Path, variable: str) -> None:
    """Raise Cannot when the servant cannot enter ``folder``, which ``variable`` sets."""
    user = servant()
    if user is None:
        return
    for place in reversed((folder, *folder.parents)):
        if place.exists() and not _may_enter(place, user):
            raise Cannot(
                f"User {user.name} cannot enter {place}: "
                f"set {variable} to a folder that every user can enter."
            )


def _may_enter(place: Path, user: User) -> bool:
    status = place.stat()
    if status.st_uid == user.uid:
        return bool(status.st_mode & 0o100)
    if status.st_gid == user.gid:
        return bool(status.st_mode & 0o010)
    return bool(status.st_mode & 0o001)
