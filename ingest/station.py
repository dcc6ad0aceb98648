"""What the frames of HJ 212 monitors set in motion: readings, answers, lines, quarantine."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from ingest import bindings
from ingest.commands import Commander, Send
from ingest.errors import Reason, Rejected, Unavailable
from ingest.intake import Answer, Intake
from ingest.links import Line, Links
from ingest.monitoring import HJ212_FRAMES, REPLAY
from ingest.protocols import hj212, hj212_readings, hj212_values
from ingest.protocols.hj212 import Packet
from ingest.protocols.hj212_frames import Cause, Frame, Skipped
from ingest.protocols.hj212_values import Content
from ingest.quarantine import Quarantine
from ingest.registry import Batch, Mark, Monitor, RawFrame
from ingest.splits import Splits
from schemas.reading import Coded

COLLECTOR = "hj212"
CLOCK_WANTED = "1013"  # the notice in which a monitor asks for the time
_EPOCH = datetime.fromtimestamp(0, UTC)
_CAUSES = {Cause.CRC: Reason.BAD_CRC}


@dataclass(frozen=True, slots=True)
class Reply:
    """The answers to frames, whose frames were taken, and how many are neither stored nor kept."""

    answers: list[bytes]
    monitors: dict[str, Monitor]  # by MN
    left: int


@dataclass(frozen=True, slots=True)
class _Taken:
    """A frame that is to be stored, and what else is to be done once it is."""

    frame: Frame
    packet: Packet
    batch: Batch
    line: Line
    refused: Rejected | None  # some of it can never be stored


@dataclass(frozen=True, slots=True)
class _Read:
    """What a data packet holds: what is to be stored, what has no channel, why some is refused."""

    content: Content
    batch: Batch
    unmapped: list[Coded]
    is_unmapped: bool  # nothing of it has a channel
    refused: Rejected | None


class Station:
    """Takes the frames of all connections."""

    def __init__(
        self, intake: Intake, links: Links, quarantine: Quarantine, commander: Commander
    ) -> None:
        self._intake = intake
        self._links = links
        self._quarantine = quarantine
        self.commander = commander
        self._splits = Splits()

    async def take(self, frames: Sequence[Frame], source: str, send: Send | None = None) -> Reply:
        """Return the reply to frames once they are stored or kept; ``send`` reaches their monitors.

        What cannot be stored or kept now is not answered: its sender will send it again.
        """
        now = datetime.now(UTC)
        answers: list[bytes] = []
        monitors: dict[str, Monitor] = {}
        taken: list[_Taken] = []
        left = 0
        for frame in frames:
            try:
                outcome = await self._judge(frame, source, now, monitors, send)
            except Unavailable:
                HJ212_FRAMES.labels(outcome="unavailable").inc()
                left += 1
                continue
            if isinstance(outcome, _Taken):
                taken.append(outcome)
            elif outcome is not None:
                answers.append(outcome)
        return Reply(answers, monitors, left + await self._store(taken, answers))

    def wait_s(self, monitors: Iterable[Monitor]) -> float:
        """Return for how long no more should be read of what these monitors send."""
        limits = self._intake.directory.limits
        excesses = (limits.excess(COLLECTOR, monitor.mn) for monitor in monitors)
        return max((excess.wait_s for excess in excesses if excess is not None), default=0.0)

    async def skip(self, skipped: Iterable[Skipped], sender: str, source: str) -> None:
        """Keep bytes that are no frame, as far as their sender may fill the table."""
        for item in skipped:
            HJ212_FRAMES.labels(outcome=item.cause).inc()
            rejected = Rejected(_CAUSES.get(item.cause, Reason.BAD_FRAME), item.cause)
            await self._quarantine.keep(sender, source, item.excerpt, rejected)

    async def _judge(
        self,
        frame: Frame,
        source: str,
        now: datetime,
        monitors: dict[str, Monitor],
        send: Send | None,
    ) -> _Taken | bytes | None:
        """Return what is to be stored, the answer to what is not, or None for no answer.

        Raises `Unavailable` where a frame can neither be judged nor kept now.
        """
        packet: Packet | None = None
        try:
            packet = hj212.parse(frame.segment)
            monitor = await self._intake.directory.monitor(packet.mn)
            if (refused := bindings.judge(monitor, packet.pw, source)) is not None:
                raise refused
            monitors[packet.mn] = monitor
            if send is not None:
                self.commander.attach(monitor, send)
            return self._take_packet(frame, packet, monitor, source, now)
        except Rejected as rejected:
            await self._keep(frame, packet, source, rejected)
            return hj212.answer(packet) if packet is not None else None

    async def _keep(
        self, frame: Frame, packet: Packet | None, source: str, rejected: Rejected
    ) -> None:
        sender = source if packet is None else packet.mn
        if not await self._quarantine.keep(sender, source, frame.raw, rejected):
            raise Unavailable("the frame cannot be kept")
        HJ212_FRAMES.labels(outcome="refused").inc()

    def _take_packet(
        self, frame: Frame, packet: Packet, monitor: Monitor, source: str, now: datetime
    ) -> _Taken | bytes | None:
        line = self._links.line(monitor, source)
        _note(line, packet, now)
        if packet.cn in hj212.REPLIES:
            self.commander.note(monitor, packet)
            return None
        if packet.cn in hj212.NOTICES:
            if packet.cn == CLOCK_WANTED:
                self.commander.set_clock(monitor)
            else:
                line.last_heartbeat_at = now
            return hj212.answer(packet)
        self.commander.note(monitor, packet)
        batch = Batch(monitor.sender, [], [], [], [])
        refused = None
        if packet.cn in hj212_readings.DATA or packet.cn == "2081":
            read = _read(self._intake, packet, monitor, now)
            self._note_content(read, packet, line, now)
            batch, refused = read.batch, read.refused
        raw = RawFrame(now, packet.mn, source, frame.raw)
        return _Taken(frame, packet, replace(batch, frames=(raw,)), line, refused)

    def _note_content(self, read: _Read, packet: Packet, line: Line, now: datetime) -> None:
        for coded in read.unmapped:
            self._links.note_code(packet.mn, coded)
        for mn in self._splits.note(packet, read.content.at, now):
            self._links.note_incomplete(mn)
        if read.content.restarted_at is not None:
            line.restarted_at = _moment(read.content.restarted_at)

    async def _store(self, taken: Sequence[_Taken], answers: list[bytes]) -> int:
        """Store what was taken and append the answers; return how many are left."""
        if not taken:
            return 0
        size = sum(len(item.frame.raw) for item in taken)
        try:
            results = await self._intake.store(COLLECTOR, size, [item.batch for item in taken])
        except Unavailable:
            HJ212_FRAMES.labels(outcome="unavailable").inc(len(taken))
            return len(taken)
        left = 0
        for item, result in zip(taken, results, strict=True):
            refused = result if isinstance(result, Rejected) else item.refused
            self._intake.charge(COLLECTOR, item.batch.sender, len(item.batch), len(item.frame.raw))
            item.line.verdict = "stored" if refused is None else refused.reason
            try:
                if refused is not None:
                    await self._keep(item.frame, item.packet, item.line.source, refused)
                else:
                    HJ212_FRAMES.labels(outcome="stored").inc()
            except Unavailable:
                left += 1
                continue
            if (answer := hj212.answer(item.packet)) is not None:
                answers.append(answer)
        return left


def _read(intake: Intake, packet: Packet, monitor: Monitor, now: datetime) -> _Read:
    content = hj212_values.read(packet)
    values = list(hj212_readings.coded(packet, content))
    batch, refused, unmapped = intake.directory.admit(
        monitor.device_id, monitor.sender, values, now
    )
    at = _moment(content.at)
    marks = tuple(Mark(monitor.device_id, code, at, mark) for code, mark in content.marks)
    reasons = [*content.rejected, *(reason for _, reason in refused)]
    return _Read(
        content,
        replace(batch, marks=marks),
        [values[place] for place in unmapped],
        len(unmapped) == len(values),
        reasons[0] if reasons else None,
    )


async def store_again(intake: Intake, packet: Packet, monitor: Monitor) -> Answer | Rejected:
    """Return the answer to a packet that was refused once: what of it can be stored now is."""
    read = _read(intake, packet, monitor, datetime.now(UTC))
    if read.is_unmapped:
        names = sorted({coded.names[0] for coded in read.unmapped})
        return Rejected(Reason.UNKNOWN_CODE, ", ".join(names))
    [result] = await intake.store(REPLAY, 0, [read.batch])
    if isinstance(result, Rejected):
        return result
    return read.refused or Answer(result)


def _note(line: Line, packet: Packet, now: datetime) -> None:
    line.last_frame_at = now
    line.frames += 1
    line.password = packet.pw
    line.version = packet.version.name.removeprefix("V")
    if packet.qn and not packet.resent:
        try:
            sent_at = _moment(hj212.instant(packet.qn))
        except Rejected:
            return
        line.skews.append((sent_at - now).total_seconds())


def _moment(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)
