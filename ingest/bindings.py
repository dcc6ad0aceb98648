"""Who an HJ 212 monitor is: MN bound to PW and addresses, learnt first and then locked.

The protocol proves nothing by itself: MN and PW go over the wire in clear, and the CRC is no
signature. So the first days of a device are taken as they are, and after them another PW or
another network is refused.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network

import asyncpg

from ingest.errors import Reason, Rejected
from ingest.registry import Monitor

MAX_ADDRESSES = 16  # learnt singly; from there on their networks
_PREFIX = {4: 24, 6: 64}

# What an operator wrote since the registry was read stays.
_LEARN = """
    INSERT INTO monitor_bindings AS known (device_id, locked, password, addresses, learning_since)
    VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (device_id) DO UPDATE
    SET locked = excluded.locked, password = coalesce(known.password, excluded.password),
        addresses = excluded.addresses, learning_since = excluded.learning_since
    WHERE NOT known.locked AND known.learning_since IS NOT DISTINCT FROM $6
"""


def judge(monitor: Monitor, password: str, address: str) -> Rejected | None:
    """Return why a frame is not taken for its monitor's; None while it is learnt, or fits."""
    if not monitor.locked:
        return None
    if monitor.password is not None and password != monitor.password:
        return Rejected(Reason.WRONG_PW, monitor.mn)
    if monitor.addresses and not _covers(monitor.addresses, address):
        return Rejected(Reason.WRONG_ADDRESS, address)
    return None


def is_news(monitor: Monitor, address: str, now: datetime, learning: timedelta) -> bool:
    """Tell whether something is to be learnt from a frame that was taken."""
    return not monitor.locked and (
        monitor.learning_since is None
        or now >= monitor.learning_since + learning
        or not _covers(monitor.addresses, address)
    )


async def learn(
    connection: asyncpg.Connection,
    monitor: Monitor,
    password: str,
    address: str,
    now: datetime,
    learning: timedelta,
) -> None:
    """Note the PW, the first of them, and the address; lock once the time of learning is over."""
    since = monitor.learning_since or now
    addresses = _widened(monitor.addresses, address)
    locked = now >= since + learning
    await connection.execute(
        _LEARN, monitor.device_id, locked, password, addresses, since, monitor.learning_since
    )


def _covers(networks: Sequence[str], address: str) -> bool:
    try:
        host = ip_address(address)
        return any(host in ip_network(network, strict=False) for network in networks)
    except ValueError:
        return False


def _widened(networks: Sequence[str], address: str) -> list[str]:
    if _covers(networks, address):
        return list(networks)
    host = ip_address(address)
    if len(networks) < MAX_ADDRESSES:
        return [*networks, str(ip_network(host))]
    wide = {
        str(network.supernet(new_prefix=min(network.prefixlen, _PREFIX[network.version])))
        for network in map(ip_network, (*networks, str(host)))
    }
    return sorted(wide)
