"""The real line of the end-to-end tests."""

from tests.end_to_end.conftest import broker, durable, owner, plant, site

__all__ = ["broker", "durable", "owner", "plant", "site"]
