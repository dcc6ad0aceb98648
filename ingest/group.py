"""A group of submissions as sorted columns: what one transaction writes. No I/O."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from ingest.registry import Batch, Mark, RawFrame

DAY = 86_400 * 1_000_000  # microseconds
POSTGRES_EPOCH = 946_684_800 * 1_000_000  # 2000-01-01, from where binary timestamps count
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# Fates of a reading.
STORED, DUPLICATE, REVISED, SUPERSEDED = 0, 1, 2, 3

COPY_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
COPY_TRAILER = b"\xff\xff"
# One row of binary COPY: field count, then each field with its length before it; big-endian.
_READING = np.dtype(
    [
        ("fields", ">i2"),
        ("at_length", ">i4"),
        ("at", ">i8"),
        ("value_length", ">i4"),
        ("value", ">f8"),
        ("channel_length", ">i4"),
        ("channel", ">i4"),
        ("quality_length", ">i4"),
        ("quality", ">i2"),
    ]
)
_STAGED = np.dtype([*_READING.descr, ("place_length", ">i4"), ("place", ">i4")])

Stretch = tuple[int, list[int], datetime, datetime]  # enterprise, channels, first, last
Revision = tuple[int, datetime, float, int, str]  # channel, at, old value and quality, by whom


@dataclass(frozen=True, slots=True)
class Columns:
    """All readings of a group in order of arrival; an ordinal is a place in these."""

    channels: NDArray[np.int32]
    instants: NDArray[np.int64]
    values: NDArray[np.float64]
    qualities: NDArray[np.int16]
    enterprises: NDArray[np.int64]
    submissions: NDArray[np.int64]
    senders: list[str]  # by submission

    def revision(self, ordinal: int, by: int) -> Revision:
        """Return the trail of one reading that the reading ``by`` replaced."""
        return self.replaced(by, float(self.values[ordinal]), int(self.qualities[ordinal]))

    def replaced(self, by: int, value: float, quality: int) -> Revision:
        """Return the trail of an older value that the reading ``by`` replaced."""
        return (
            int(self.channels[by]),
            moment(self.instants[by]),
            value,
            quality,
            self.senders[self.submissions[by]],
        )

    def yielded(self, ordinal: int) -> Revision:
        """Return the trail of a reading that gave way to a stored one that came after it."""
        value, quality = float(self.values[ordinal]), int(self.qualities[ordinal])
        channel, at, value, quality, sender = self.replaced(ordinal, value, quality)
        return channel, at, value, quality, f"stored before the replay of {sender}"


@dataclass(frozen=True, slots=True)
class Group:
    """Rows unique by (channel, at) and in that order.

    ``firsts`` and ``lasts`` are the ordinals of the first and the last reading of each row; they
    differ where the group itself holds several values for one key, which are then in
    ``superseded``. ``fates`` has a place for each ordinal; those of ``firsts`` are for the
    database to decide.
    """

    arrived: Columns
    firsts: NDArray[np.int64]
    lasts: NDArray[np.int64]
    fates: NDArray[np.int8]
    superseded: list[Revision]
    frames: list[RawFrame]
    marks: list[Mark]

    def __len__(self) -> int:
        """Return the number of rows to write."""
        return len(self.lasts)

    @property
    def bounds(self) -> tuple[datetime, datetime]:
        """Return the first and the last instant of the group."""
        return moment(self.arrived.instants.min()), moment(self.arrived.instants.max())

    def copied(self, places: NDArray[np.int64] | None = None) -> bytes:
        """Return the rows, or those of places, for binary COPY: at, value, channel_id, quality."""
        rows = self._rows(_READING)
        return COPY_HEADER + (rows if places is None else rows[places]).tobytes() + COPY_TRAILER

    def staged(self) -> bytes:
        """Return the same rows, each with its place among them."""
        rows = self._rows(_STAGED)
        rows["fields"] = 5
        rows["place_length"], rows["place"] = 4, np.arange(len(self))
        return COPY_HEADER + rows.tobytes() + COPY_TRAILER

    def _rows(self, shape: np.dtype[np.void]) -> NDArray[np.void]:
        rows = np.zeros(len(self), dtype=shape)
        rows["fields"] = 4
        rows["at_length"], rows["at"] = 8, self.arrived.instants[self.lasts] - POSTGRES_EPOCH
        rows["value_length"], rows["value"] = 8, self.arrived.values[self.lasts]
        rows["channel_length"], rows["channel"] = 4, self.arrived.channels[self.lasts]
        rows["quality_length"], rows["quality"] = 2, self.arrived.qualities[self.lasts]
        return rows

    def stretches(self, changed: NDArray[np.bool_]) -> list[Stretch]:
        """Return the instants of the changed rows, as runs without a gap of more than a day."""
        rows = self.lasts[changed]
        if not len(rows):
            return []
        instants, enterprises = self.arrived.instants[rows], self.arrived.enterprises[rows]
        order = np.lexsort((instants, enterprises))
        instants, enterprises = instants[order], enterprises[order]
        channels = self.arrived.channels[rows][order]
        breaks = (np.diff(enterprises) != 0) | (np.diff(instants) > DAY)
        starts = np.concatenate(([0], np.flatnonzero(breaks) + 1))
        stops = np.append(starts[1:], len(instants))
        return [
            (
                int(enterprises[start]),
                np.unique(channels[start:stop]).tolist(),
                moment(instants[start]),
                moment(instants[stop - 1]),
            )
            for start, stop in zip(starts, stops, strict=True)
        ]


def gather(submissions: Sequence[Batch]) -> Group:
    """Return the group of submissions, given in order of arrival and none of them empty.

    Of several values for one channel and instant the last wins; the same value again is a
    duplicate, an earlier different one is superseded.
    """
    lengths = [len(batch) for batch in submissions]
    arrived = Columns(
        np.array([x for batch in submissions for x in batch.channels], dtype=np.int32),
        np.array([x for batch in submissions for x in batch.instants], dtype=np.int64),
        np.array([x for batch in submissions for x in batch.values], dtype=np.float64),
        np.array([x for batch in submissions for x in batch.qualities], dtype=np.int16),
        np.repeat([batch.sender.enterprise_id for batch in submissions], lengths),
        np.repeat(np.arange(len(submissions)), lengths),
        [batch.sender.name for batch in submissions],
    )
    order = np.lexsort((arrived.instants, arrived.channels))  # stable: arrival within a key
    same_key = _repeats(arrived.channels[order]) & _repeats(arrived.instants[order])
    same_value = same_key & _repeats(arrived.values[order]) & _repeats(arrived.qualities[order])
    distinct, again = order[~same_value], same_key[~same_value]
    fates = np.full(len(order), STORED, dtype=np.int8)
    fates[order[same_value]] = DUPLICATE
    fates[distinct[again]] = REVISED
    last = np.append(~again[1:], True)[: len(again)]
    superseded = [
        arrived.revision(int(distinct[place]), by=int(distinct[place + 1]))
        for place in np.flatnonzero(~last)
    ]
    frames = [frame for batch in submissions for frame in batch.frames]
    marks = [mark for batch in submissions for mark in batch.marks]
    return Group(arrived, distinct[~again], distinct[last], fates, superseded, frames, marks)


def moment(microseconds: np.integer | int) -> datetime:
    """Return an instant for the database driver."""
    return EPOCH + timedelta(microseconds=int(microseconds))


def _repeats(column: NDArray[np.generic]) -> NDArray[np.bool_]:
    """Tell for each place whether it equals the one before."""
    same = np.zeros(len(column), dtype=np.bool_)
    same[1:] = column[1:] == column[:-1]
    return same
