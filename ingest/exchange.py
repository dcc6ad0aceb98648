"""What NHJC end devices ask and are answered, one function for each path.

Each returns the answer for what is committed. It raises `Rejected`, the payload then kept where
its device is known, for what the device itself can mend and will send again; and `Unavailable`.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, time

from ingest import coded
from ingest.end_devices import EndDevice
from ingest.errors import Reason, Rejected
from ingest.intake import Answer, Intake
from ingest.protocols import nhjc, nhjc_answers
from ingest.protocols.nhjc import Request
from ingest.protocols.nhjc_items import Content, read
from schemas.nhjc import COLLECTOR, Dialect

AT_ONCE_BYTES = 64 * 1024  # what is longer is decoded beside the loop


@dataclass(slots=True)
class Exchange:
    """A request, and how its device is to be answered, once it is known."""

    intake: Intake
    address: str
    payload: bytes
    code: str | None  # of the device, where the path names it
    kind: str  # the last part of the path
    public_url: str
    upload_between: tuple[time, time]
    dialect: Dialect = field(default_factory=Dialect)


async def register(exchange: Exchange) -> bytes:
    """Hand out the identity of the device that asks, if it may have it."""
    uscc = nhjc.decode(exchange.payload).enterprise
    identity = await exchange.intake.directory.enrol(
        uscc, exchange.code, exchange.address, datetime.now(UTC)
    )
    upload_at = identity.dialect.upload_time
    return nhjc_answers.registered(
        identity.dialect,
        exchange.public_url,
        identity.device_key,
        identity.secret_key,
        upload_at or nhjc_answers.upload_time(uscc, *exchange.upload_between),
    )


async def check_version(exchange: Exchange) -> bytes:
    """Answer which versions of registration and dictionaries are in force."""
    device, _ = await _known(exchange)
    return nhjc_answers.success(
        device.dialect,
        regVersion=device.dialect.reg_version,
        dicVersion=device.dialect.dic_version,
    )


async def download(exchange: Exchange) -> bytes:
    """Answer that there is nothing to download: dictionaries and settings are the device's own."""
    device, _ = await _known(exchange)
    return nhjc_answers.success(device.dialect, dicVersion=device.dialect.dic_version, data=[])


async def keep_document(exchange: Exchange) -> bytes:
    """Keep what a device says of itself: its enterprise, processes, meters, list of codes."""
    device, _ = await _known(exchange)
    kind = exchange.kind.removeprefix("upload")
    await exchange.intake.keep_document(device.device_id, kind, nhjc.text_of(exchange.payload))
    return nhjc_answers.success(device.dialect)


async def upload(exchange: Exchange) -> bytes:
    """Store the values of an upload; keep its refused items, which do not fail the others."""
    device, request = await _known(exchange)
    try:
        content = await _read(request, device, len(exchange.payload))
    except Rejected as rejected:
        await _keep(exchange, device, rejected)
        raise
    if (foreign := content.foreign) is not None:
        await coded.keep(exchange.intake, device, content.refused)
        raise foreign
    answer = await coded.take(exchange.intake, device, content, len(exchange.payload))
    if isinstance(answer, Rejected):
        await _keep(exchange, device, answer)
    return nhjc_answers.success(device.dialect)


async def replay(intake: Intake, sender: str, payload: bytes) -> Answer | Rejected:
    """Return what becomes now of a payload that was refused.

    It is a document of the protocol: `{"data": [items]}`, items in clear or, where they could
    not be deciphered, as they came; a document that was refused as a whole lacks its deviceId.
    """
    device = intake.directory.end_device_named(sender)
    request = nhjc.decode(payload)
    if request.enterprise not in {"", device.sender.uscc}:
        return Rejected(Reason.WRONG_ENTERPRISE, request.enterprise)
    content = await _read(request, device, len(payload))
    return await coded.take(intake, device, content, len(payload), replayed=True)


async def _known(exchange: Exchange) -> tuple[EndDevice, Request]:
    """Return the device that asks, and its document."""
    directory = exchange.intake.directory
    try:
        request = nhjc.decode(exchange.payload)
    except Rejected as rejected:
        with suppress(Rejected):  # of nobody we know: there is no one to keep it for
            device = await directory.end_device(nhjc.find_device_key(exchange.payload))
            exchange.dialect = device.dialect
            await _keep(exchange, device, rejected)
        raise
    device = await directory.end_device(request.device_key)
    exchange.dialect = device.dialect
    stated = request.enterprise or ("(missing)" if request.data else device.sender.uscc)
    if stated != device.sender.uscc:
        wrong = Rejected(Reason.WRONG_ENTERPRISE, stated)
        await _keep(exchange, device, wrong)
        raise wrong
    return device, request


async def _keep(exchange: Exchange, device: EndDevice, rejected: Rejected) -> None:
    payload = nhjc.redacted(exchange.payload)
    await exchange.intake.keep(COLLECTOR, device.sender.name, payload, rejected)


async def _read(request: Request, device: EndDevice, size: int) -> Content:
    arguments = (request.items, device.dialect, device.secret_key)
    if size < AT_ONCE_BYTES:
        return read(*arguments)
    return await asyncio.to_thread(read, *arguments)
