"""Registered NHJC end devices (端设备), and which channel carries a code of theirs."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from ingest.registry import ChannelRow, Sender
from schemas.nhjc import Dialect

logger = logging.getLogger(__name__)

ROWS = """
    SELECT n.device_id, d.code, d.enterprise_id, n.device_key, n.secret_key, n.dialect
    FROM nhjc_devices AS n JOIN devices AS d USING (device_id)
"""
Row = tuple[int, str, int, str | None, bytes | None, str]


@dataclass(frozen=True, slots=True)
class EndDevice:
    """A device that registers and uploads by NHJC; its sender is named `uscc/code`."""

    device_id: int
    sender: Sender
    dialect: Dialect
    device_key: str | None  # deviceId, once it is registered
    secret_key: bytes | None


@dataclass(frozen=True, slots=True)
class EndDevices:
    """End devices at one moment, and the codes on the wire of each enterprise's channels.

    A code names process, unit and equipment inside its enterprise: one end device sends for many
    meters, so its codes are looked for at all devices of the enterprise.
    """

    by_key: Mapping[str, EndDevice] = field(default_factory=dict)
    by_name: Mapping[str, EndDevice] = field(default_factory=dict)
    coded: Mapping[int, Mapping[str, Sequence[tuple[int, str]]]] = field(default_factory=dict)

    def channels(self, enterprise_id: int, code: str) -> Sequence[tuple[int, str]]:
        """Return device and statistic of each channel that carries a code."""
        return self.coded.get(enterprise_id, {}).get(code, ())


def build(
    rows: Iterable[Row], channels: Sequence[ChannelRow], enterprises: Mapping[int, str]
) -> EndDevices:
    """Return the end devices of the registry."""
    devices = [device for row in rows if (device := _device(row, enterprises)) is not None]
    coded: dict[int, dict[str, list[tuple[int, str]]]] = {}
    for channel in channels:
        if channel.wire_code is not None:
            codes = coded.setdefault(channel.enterprise_id, {})
            codes.setdefault(channel.wire_code, []).append((channel.device_id, channel.statistic))
    return EndDevices(
        {device.device_key: device for device in devices if device.device_key is not None},
        {device.sender.name: device for device in devices},
        coded,
    )


def _device(row: Row, enterprises: Mapping[int, str]) -> EndDevice | None:
    device_id, code, enterprise_id, device_key, secret_key, dialect = row
    uscc = enterprises[enterprise_id]
    try:
        settings = msgspec.json.decode(dialect, type=Dialect)
    except msgspec.ValidationError as error:  # a row that was edited by hand
        logger.warning("settings of the end device %s/%s cannot be read: %s", uscc, code, error)
        return None
    sender = Sender(f"{uscc}/{code}", enterprise_id, uscc)
    return EndDevice(device_id, sender, settings, device_key, secret_key)
