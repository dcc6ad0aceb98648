"""The real line of the end-to-end tests."""

from tests.end_to_end.conftest import owner, plant, site

__all__ = ["owner", "plant", "site"]
