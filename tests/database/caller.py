"""Somebody who calls the routes, with a key for each role."""

from typing import Any

import httpx
from fastapi import FastAPI

from schemas.access import ROLES, Grant
from service.store import clients
from service.store.engine import Engine


class Caller:
    """A client for the application."""

    def __init__(self, app: FastAPI, engine: Engine) -> None:
        transport = httpx.ASGITransport(app=app)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://qingyu/api/v1")
        self.engine = engine

    async def become(self, role: str, region: str = "", enterprise: str | None = None) -> None:
        grants = [Grant(region, domain, verb) for domain, verb in ROLES[role]]
        async with self.engine.begin() as connection:
            name = f"{role} {region} {enterprise}"
            key = await clients.create(connection, name, enterprise, grants)
        self.client.headers["Authorization"] = f"Bearer {key}"

    async def get(self, path: str, **parameters: Any) -> httpx.Response:
        return await self.client.get(path, params=parameters or None)

    async def put(self, path: str, body: Any) -> httpx.Response:
        return await self.client.put(path, json=body)

    async def post(self, path: str, body: Any) -> httpx.Response:
        return await self.client.post(path, json=body)

    async def delete(self, path: str) -> httpx.Response:
        return await self.client.delete(path)

    async def items(self, path: str, **parameters: Any) -> list[dict[str, Any]]:
        answer = await self.get(path, **parameters)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["items"]
        return found
