"""An NHJC end device as they are in the field: it registers, then follows the addresses it got."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import urlsplit

import httpx
from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

BEIJING = timezone(timedelta(hours=8))
CODE = "00-00-0000-023300-11"
WIRE_CODE = CODE.replace("-", "")
ENCIPHERED = (
    "dataCode", "dataValue", "inputType", "statType", "statDate", "uploadDate", "scope", "valid"
)  # fmt: skip


def encipher(key: bytes, text: str) -> str:
    """Return a field as SM4/ECB/PKCS7 in lower-case hexadecimal."""
    padder = padding.PKCS7(128).padder()
    encryptor = Cipher(algorithms.SM4(key), modes.ECB()).encryptor()
    return encryptor.update(padder.update(text.encode()) + padder.finalize()).hex()


def beijing(at: datetime) -> str:
    """Return an instant as the protocol writes it."""
    return at.astimezone(BEIJING).strftime("%Y-%m-%d %H:%M:%S")


def item(value: Any, at: datetime, code: str = CODE, stat_type: int = 0, **fields: Any) -> Any:
    """Return one item of an upload."""
    return {
        "dataCode": code,
        "dataValue": value,
        "inputType": 4,
        "statType": stat_type,
        "statDate": beijing(at),
        "uploadDate": beijing(datetime.now(UTC)),
        "scope": 1,
        "valid": True,
        **fields,
    }


@dataclass(slots=True)
class EndDevice:
    """One device; ``answer`` is what register told it."""

    client: httpx.AsyncClient
    url: str  # all that an installer enters
    uscc: str
    answer: dict[str, Any] = field(default_factory=dict)

    async def register(self, code: str | None = None) -> dict[str, Any]:
        """Ask for an identity."""
        path = "" if code is None else f"/{code}"
        answer = await self.post(
            f"{self.url}{path}/enterprise/register",
            {"enterpriseCode": self.uscc, "region": "620623"},
        )
        body = dict(answer.json())
        if body["responseCode"] == "0":
            self.answer = body
        return body

    async def ask(self, address: str, **fields: Any) -> dict[str, Any]:
        """Ask at one of the addresses that register told."""
        body = {"deviceId": self.answer["deviceId"], **fields}
        return dict((await self.post(self.at(address), body)).json())

    def document(self, *items: dict[str, Any]) -> dict[str, Any]:
        """Return an upload of items, enciphered where a key was told."""
        secret = self.answer.get("secretKey")
        return {
            "deviceId": self.answer["deviceId"],
            "enterpriseCode": self.uscc,
            "data": [each if secret is None else _sealed(secret, each) for each in items],
        }

    async def upload(self, *items: dict[str, Any]) -> httpx.Response:
        """Send items to where register said."""
        return await self.post(self.at("centerDataURL"), self.document(*items))

    def at(self, address: str) -> str:
        """Return one of the addresses that register told, behind the proxy."""
        return str(httpx.URL(self.url).join(urlsplit(self.answer[address]).path))

    async def post(self, url: str, body: dict[str, Any]) -> httpx.Response:
        return await self.client.post(url, json=body)


def _sealed(secret: str, each: dict[str, Any]) -> dict[str, Any]:
    key = bytes.fromhex(secret)
    return {
        name: encipher(key, str(value).lower() if isinstance(value, bool) else str(value))
        if name in ENCIPHERED
        else value
        for name, value in each.items()
    }
