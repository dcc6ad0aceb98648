"""Small JSON files that another process may read or replace at any moment."""

import json
import os
from pathlib import Path
from typing import Any


def write(path: Path, content: Any, mode: int = 0o644) -> None:
    """Replace a file in one step; a reader sees the old or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(content, file, ensure_ascii=False, indent=1)
    part.replace(path)


def read(path: Path) -> Any:
    """Return what a file holds; None where there is none or it cannot be read."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
