"""The product's API, as the commands of the fleet call it."""

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

from deploy.local.errors import Cannot

PATIENCE = 120.0  # seconds; a registry is entered in one transaction


@dataclass(frozen=True, slots=True)
class Api:
    """The API at an address, for the holder of a key."""

    address: str
    key: str

    def get(self, path: str) -> Any:
        """Return what a route answers; raises Cannot."""
        return self._call(path, None)

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """Return what a route answers to a document; raises Cannot."""
        return self._call(path, json.dumps(body).encode())

    def _call(self, path: str, body: bytes | None) -> Any:
        if not self.address.startswith(("http://", "https://")):
            raise Cannot(f"QINGYU_API is {self.address!r}: set it to an http address.")
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.address}/api/v1{path}", body, headers)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                raise Cannot(f"{path} was refused: {_detail(error)}") from None
        except OSError as error:
            reason = getattr(error, "reason", error)
            raise Cannot(
                f"{self.address} does not answer ({reason}): start the product with make up."
            ) from None


def _detail(error: urllib.error.HTTPError) -> str:
    try:
        problem = json.load(error)
        rows = "; ".join(str(row.get("detail")) for row in problem.get("rows", [])[:3])
        return f"{problem['detail']} {rows}".strip()
    except (ValueError, KeyError, TypeError, AttributeError):
        return f"HTTP {error.code}"
