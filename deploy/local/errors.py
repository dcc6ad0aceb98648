"""The one error of the local runtime."""

import errno


class Cannot(Exception):
    """This machine cannot do what was asked; the text is one sentence that says what to do."""


def explain(error: OSError, variable: str) -> Cannot:
    """Return the refusal for a folder, set by ``variable``, that cannot be written."""
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return Cannot(
                f"The disk that holds {error.filename or 'the folder'} is full: "
                f"free some space, or set {variable} to a folder on another disk."
            )
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return Cannot(
                f"{error.filename} cannot be written: "
                f"make it writable, or set {variable} to another folder."
            )
    return Cannot(f"{error.filename or 'A file'}: {error.strerror}; set {variable} if it must move.")
