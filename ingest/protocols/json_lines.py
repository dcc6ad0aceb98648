"""Our items one a line (NDJSON): a line is an item, blank ones are passed over, no line is more."""

from collections.abc import Iterator, Sequence

import msgspec

from ingest.protocols.json_items import UNREADABLE, check_values, columns, decode_lines
from ingest.protocols.json_reading import Document, check_count, compose, sort_out


class Lines:
    """The form of a body of lines; the index of an item is the place of its line, from 0."""

    def by_lines(self) -> "Lines":
        """Return this form: it is of lines."""
        return self

    def decode(self, payload: bytes) -> Document:
        """Return the readings of all lines that can be read."""
        check_count(_count_lines(payload))
        try:
            items = decode_lines(payload)
            if len(items) == _count_lines(payload):
                return Document(columns(items), range(len(items)))
        except (*UNREADABLE, ValueError, OverflowError):
            check_values(payload)  # then each line by itself says which one is to blame
        items, indexes, rejected = sort_out(
            (place, line) for place, line in enumerate(payload.split(b"\n")) if line.strip()
        )
        return Document(columns(items), indexes, rejected=rejected)

    def extract(self, payload: bytes, indexes: Sequence[int]) -> Iterator[tuple[bytes, int]]:
        """Yield documents of our own form with some lines; one that is no JSON by itself."""
        lines = payload.split(b"\n")
        sound: list[msgspec.Raw] = []
        for index in indexes:
            try:
                msgspec.json.decode(lines[index])
            except UNREADABLE:
                yield lines[index], 1
            else:
                sound.append(msgspec.Raw(lines[index]))
        yield from compose(iter(sound))


def _count_lines(payload: bytes) -> int:
    return payload.count(b"\n") + (not payload.endswith(b"\n"))
