"""The one error of the local runtime."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager


class Cannot(Exception):
    """The machine cannot do what was asked; the text is one sentence that says what to do."""


def explain(error: OSError, variable: str | None = None) -> Cannot:
    """Return the refusal for files that cannot be written, in a folder that ``variable`` sets."""
    place = error.filename or "A file"
    elsewhere = f", or set {variable} to another folder" if variable else ""
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return Cannot(f"The disk is full ({place}): free some space{elsewhere}.")
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return Cannot(f"{place} cannot be written: make it writable{elsewhere}.")
    return Cannot(f"{place}: {error.strerror}; put that right{elsewhere}.")


@contextmanager
def explained(variable: str | None = None) -> Iterator[None]:
    """Turn a failure to write files inside into the refusal that explains it."""
    try:
        yield
    except OSError as error:
        raise explain(error, variable) from error
