"""Where a value stands in a gateway's JSON: JMESPath, and lists of lists followed item by item."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

import jmespath
import msgspec
from jmespath.exceptions import JMESPathError

from ingest.errors import Reason, Rejected
from schemas.dialect import UP

Place = tuple[int, ...]  # of an item: its index in each list on the way to it
Found = dict[
    tuple[str, int], tuple[Any, Any]
]  # of a document, by expression and identity of its object
Scopes = tuple[Any, ...]  # an item, then what is around it, out to the document

_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_LIST = msgspec.json.Decoder(list[msgspec.Raw])


class Path:
    """One expression; ``members`` are the names that it follows, where it is no more than that."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._up = len(text) - len(text.lstrip(UP))
        self._compiled = jmespath.compile(text[self._up :])
        self.members = _members(self._compiled.parsed)

    def find(self, scopes: Scopes, found: Found | None = None) -> Any:
        """Return what is there, None where nothing is; raises `Rejected`.

        ``found`` keeps what was found around items, or each item would search all of them anew.
        """
        value = scopes[self._up]
        if self.members is None:
            if found is None or not self._up:
                return self._search(value)
            place = (self.text, id(value))
            if place not in found:
                found[place] = (
                    value,
                    self._search(value),
                )  # kept, so that its identity stays its own
            return found[place][1]
        for name in self.members:
            if not isinstance(value, dict):
                return None
            value = value.get(name)
        return value

    def _search(self, value: Any) -> Any:
        try:
            return self._compiled.search(value)
        except (JMESPathError, RecursionError, ArithmeticError, TypeError, ValueError) as error:
            raise Rejected(Reason.BAD_FIELD, f"{self.text}: {error}") from error


def walk(
    document: Any, steps: Sequence[Path], place: Place = (), around: Scopes = ()
) -> Iterator[tuple[Place, Scopes | Rejected]]:
    """Yield each item with its place; where there is no list of items, why."""
    scopes = (document, *around)
    if not steps:
        yield place, scopes
        return
    try:
        found = steps[0].find(scopes)
    except Rejected as rejected:
        yield place, rejected
        return
    if isinstance(found, dict):  # one item alone
        found = [found]
    if not isinstance(found, list):
        yield place, Rejected(Reason.BAD_FIELD, f"nothing to read at `{steps[0].text}`")
        return
    inner = steps[1:]
    for index, item in enumerate(found):
        if inner:
            yield from walk(item, inner, (*place, index), scopes)
        else:
            yield (*place, index), (item, *scopes)


def prune(payload: bytes, steps: Sequence[Path], places: Collection[Place]) -> bytes | None:
    """Return a document without other items than those at some places, to the letter elsewhere.

    None where the way to the items is more than the names of members.
    """
    if any(step.members is None for step in steps):
        return None
    try:
        return bytes(_prune(msgspec.Raw(payload), steps, places))
    except msgspec.DecodeError:
        return None


def _prune(raw: msgspec.Raw, steps: Sequence[Path], places: Collection[Place]) -> msgspec.Raw:
    chosen: dict[int, list[Place]] = {}
    for place in places:
        if place:
            chosen.setdefault(place[0], []).append(place[1:])
    if not steps or not chosen:  # an item; or one that had no list
        return raw

    def keep(found: msgspec.Raw) -> msgspec.Raw:
        if not bytes(found).lstrip().startswith(b"["):
            return _prune(found, steps[1:], chosen[0])
        items = _LIST.decode(found)
        kept = [_prune(items[index], steps[1:], inner) for index, inner in chosen.items()]
        return msgspec.Raw(msgspec.json.encode(kept))

    return _replace(raw, steps[0].members or (), keep)


def _replace(
    raw: msgspec.Raw, names: Sequence[str], change: Callable[[msgspec.Raw], msgspec.Raw]
) -> msgspec.Raw:
    if not names:
        return change(raw)
    members = _MEMBERS.decode(raw)
    members[names[0]] = _replace(members[names[0]], names[1:], change)
    return msgspec.Raw(msgspec.json.encode(members))


def _members(parsed: Mapping[str, Any]) -> tuple[str, ...] | None:
    match parsed["type"]:
        case "current" | "identity":
            return ()
        case "field":
            return (str(parsed["value"]),)
        case "subexpression":
            parts = [_members(child) for child in parsed["children"]]
            return None if None in parts else tuple(name for part in parts if part for name in part)
        case _:
            return None
