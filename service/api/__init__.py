"""Routes: parse, one store call, return a schema; a module with a `router` is found."""

import importlib
import pkgutil
from collections.abc import Iterator

from fastapi import APIRouter


def routers() -> Iterator[APIRouter]:
    """Yield the routes of every module, by name."""
    for name in sorted(module.name for module in pkgutil.iter_modules(__path__)):
        router = getattr(importlib.import_module(f"{__name__}.{name}"), "router", None)
        if router is not None:
            yield router
