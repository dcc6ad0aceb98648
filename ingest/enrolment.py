"""Registration of NHJC end devices: who gets an identity, and who gets it again.

The only credential of the protocol is the deviceId that `register` hands out, and whoever knows
an enterprise's credit code can ask for it. So it is given once, inside a window that an operator
opened, and again only to the addresses that were named then, or from which it was asked first.
"""

import ipaddress
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg
import msgspec

from ingest.errors import Reason, Rejected
from schemas.nhjc import Cipher, Dialect

# Two that ask at once, here or in two collectors, get the same answer.
_ROWS = """
    SELECT n.device_id, d.code, n.device_key, n.secret_key, n.addresses, n.learned, n.open_until,
           n.dialect
    FROM nhjc_devices AS n JOIN devices AS d USING (device_id)
    WHERE d.enterprise_id = $1 AND ($2::text IS NULL OR d.code = $2)
    ORDER BY n.device_id
    FOR UPDATE OF n
"""
_ISSUE = """
    UPDATE nhjc_devices
    SET device_key = $2, secret_key = $3, learned = $4, open_until = NULL
    WHERE device_id = $1
"""
_SEEN = "UPDATE nhjc_devices SET registered_at = $2, registered_from = $3 WHERE device_id = $1"
_REFUSED = "UPDATE nhjc_devices SET refused_at = $2, refused_from = $3 WHERE device_id = ANY($1)"


@dataclass(frozen=True, slots=True)
class Enrolment:
    """The row of an end device as far as registration goes."""

    device_id: int
    code: str
    device_key: str | None
    secret_key: bytes | None
    addresses: Sequence[str]  # CIDR; none: the first that asks is learnt
    learned: str | None
    open_until: datetime | None
    dialect: str

    def is_open(self, address: str, now: datetime) -> bool:
        """Tell whether this address may take the identity now."""
        return (
            self.open_until is not None
            and now < self.open_until
            and (not self.addresses or _is_within(address, self.addresses))
        )

    def is_known(self, address: str) -> bool:
        """Tell whether the identity was handed out and belongs to this address."""
        ranges = self.addresses or ([self.learned] if self.learned else [])
        return self.device_key is not None and _is_within(address, ranges)


@dataclass(frozen=True, slots=True)
class Identity:
    """What register hands out."""

    device_key: str
    secret_key: bytes | None
    dialect: Dialect


async def enrol(
    connection: asyncpg.Connection,
    enterprise_id: int,
    uscc: str,
    code: str | None,
    address: str,
    now: datetime,
) -> Identity:
    """Return the identity of the end device that asks from an address, committed.

    ``code`` is the device's where the request names it. Raises `Rejected`; that it was asked is
    then noted.
    """
    async with connection.transaction():
        rows = [Enrolment(*row) for row in await connection.fetch(_ROWS, enterprise_id, code)]
        try:
            row = choose(rows, uscc, address, now)
        except Rejected as rejected:
            refused = rejected
            ids = [row.device_id for row in rows]
            await connection.execute(_REFUSED, ids, now, address)
        else:
            identity = await _issue(connection, row, address, now)
            await connection.execute(_SEEN, row.device_id, now, address)
            return identity
    raise refused


def choose(rows: Sequence[Enrolment], uscc: str, address: str, now: datetime) -> Enrolment:
    """Return the end device that may register from an address; raises `Rejected` where none may."""
    matching = [row for row in rows if row.is_open(address, now) or row.is_known(address)]
    if len(matching) == 1:
        return matching[0]
    if matching:
        raise Rejected(Reason.AMBIGUOUS_DEVICE, uscc)
    if any(row.device_key is not None or _is_pending(row, now) for row in rows):
        raise Rejected(Reason.WRONG_ADDRESS, address)
    raise Rejected(Reason.REGISTRATION_CLOSED, uscc)


def plain(address: str) -> str:
    """Return an address without the form of IPv4 inside IPv6; empty where it is none."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    mapped = getattr(parsed, "ipv4_mapped", None)
    return str(mapped or parsed)


async def _issue(
    connection: asyncpg.Connection, row: Enrolment, address: str, now: datetime
) -> Identity:
    """Return a row's identity; drawn and bound to the address where it is open."""
    dialect = msgspec.json.decode(row.dialect, type=Dialect)
    device_key = row.device_key or secrets.token_hex(16)
    secret_key = row.secret_key
    if dialect.cipher is Cipher.SM4 and secret_key is None:
        secret_key = secrets.token_bytes(16)
    opened = row.is_open(address, now)
    if opened or (device_key, secret_key) != (row.device_key, row.secret_key):
        learned = address if opened and not row.addresses else row.learned
        await connection.execute(_ISSUE, row.device_id, device_key, secret_key, learned)
    return Identity(device_key, secret_key if dialect.cipher is Cipher.SM4 else None, dialect)


def _is_pending(row: Enrolment, now: datetime) -> bool:
    return row.open_until is not None and now < row.open_until


def _is_within(address: str, ranges: Sequence[str]) -> bool:
    if not address:
        return False
    parsed = ipaddress.ip_address(address)
    return any(parsed in ipaddress.ip_network(item, strict=False) for item in ranges)
