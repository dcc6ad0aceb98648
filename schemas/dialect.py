"""What a gateway sends where it does not send our document: declared for a key or an account."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo

import jmespath
from jmespath.exceptions import JMESPathError
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictFloat,
    StrictInt,
    StrictStr,
    model_validator,
)

from schemas.reading import Quality

MAX_POINTS = 5_000
MAX_LEVELS = 3  # of lists inside lists
UP = "^"  # in front of an expression: of the object around the item, once for each level
# What an expression may be made of: nothing that could multiply what a sender sends, save one list
# or object of its own in a place that is of one item.
PARTS = frozenset({
    "and_expression", "comparator", "current", "field", "filter_projection", "flatten",
    "function_expression", "identity", "index", "index_expression", "key_val_pair", "literal",
    "multi_select_dict", "multi_select_list", "not_expression", "or_expression", "pipe",
    "projection", "slice", "subexpression", "value_projection",
})  # fmt: skip
FUNCTIONS = frozenset({
    "abs", "ceil", "contains", "ends_with", "floor", "join", "keys", "length", "not_null",
    "reverse", "starts_with", "to_array", "to_number", "to_string", "type", "values",
})  # fmt: skip
SELECTS = ("multi_select_list", "multi_select_dict")
MAX_SELECTED = 8
TIME_FORMAT = re.compile(r"(?:%[YmdHMSf]|[-/:. T_年月日时分秒])+")


def _check_expression(expression: str) -> str:
    try:
        parsed = jmespath.compile(expression.lstrip(UP)).parsed
        parts = list(_parts(parsed))
    except (JMESPathError, RecursionError, ValueError) as error:
        raise ValueError(f"{expression} is no JMESPath expression: {error}") from None
    made = [len(part["children"]) for part in parts if part["type"] in SELECTS]
    if len(made) > 1 or sum(made) > MAX_SELECTED:
        raise ValueError(f"{expression} makes more than one list of {MAX_SELECTED}")
    for part in parts:
        if part["type"] not in PARTS:
            raise ValueError(f"{expression}: {part['type']} is not supported")
        if part["type"] == "function_expression" and part["value"] not in FUNCTIONS:
            raise ValueError(f"{expression}: the function {part['value']} is not supported")
    return expression


def _check_step(expression: str) -> str:
    if any(part["type"] in SELECTS for part in _parts(jmespath.compile(expression).parsed)):
        raise ValueError(f"{expression} makes a list of its own; lead to one that is sent")
    return expression


def _parts(parsed: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = [parsed]
    for child in parsed.get("children", ()):
        if isinstance(child, dict):  # a slice holds numbers
            found += _parts(child)
    return found


def _check_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError):  # not found; not a name at all
        raise ValueError(f"{name} is no time zone; write it as Asia/Shanghai") from None
    return name


def _check_time_format(pattern: str) -> str:
    parts = re.findall("%.", pattern)
    complete = len(set(parts)) == len(parts) and {"%Y", "%m", "%d", "%H", "%M"} <= set(parts)
    if not TIME_FORMAT.fullmatch(pattern) or not complete:
        raise ValueError(f"{pattern} is no format of a time; write it as %Y%m%d%H%M%S")
    return pattern


Expression = Annotated[
    str, Field(min_length=1, max_length=200), AfterValidator(_check_expression)
]  # JMESPath
Step = Annotated[Expression, AfterValidator(_check_step)]
Code = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f]+$")]
Sent = Annotated[str, Field(max_length=200)]
Token = Annotated[StrictStr, Field(max_length=40)] | StrictInt | StrictFloat | None


class TimeForm(StrEnum):
    """How a gateway writes an instant."""

    RFC3339 = "rfc3339"  # with its offset
    LOCAL = "local"
    EPOCH_S = "epoch_s"
    EPOCH_MS = "epoch_ms"


class Numbers(StrEnum):
    """How a gateway writes a number."""

    JSON = "json"
    TEXT_ALLOWED = "text_allowed"  # "1.2" as well as 1.2


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Point(_Model):
    """What a code of the gateway stands for; what is not said here comes from elsewhere."""

    device: Code | None = None
    quantity: Code | None = None
    statistic: Code | None = None


class Paths(_Model):
    """Where a gateway's JSON has what ours has; each place is a JMESPath expression.

    ``items`` leads from the document to the list of its items, or in up to three steps to lists
    inside them; every other expression is of an item, or with ``^`` in front of the object around
    it. An item has either one ``value``, or ``values``: an object with a value for each of several
    points (the wide form).
    """

    items: Annotated[
        list[Step],
        BeforeValidator(lambda given: [given] if isinstance(given, str) else given),
        Field(min_length=1, max_length=MAX_LEVELS),
    ] = ["@"]
    at: Expression
    value: Expression | None = None
    values: Expression | None = None
    point: Expression | None = None  # a code that `points` explains
    device: Expression | None = None
    quantity: Expression | None = None
    statistic: Expression | None = None
    quality: Expression | None = None
    id: Expression | None = None  # of the document
    points: Annotated[dict[Sent, Point], Field(max_length=MAX_POINTS)] = {}
    devices: Annotated[dict[Sent, Code], Field(max_length=MAX_POINTS)] = {}  # theirs: ours
    quantities: Annotated[dict[Sent, Code], Field(max_length=MAX_POINTS)] = {}
    qualities: Annotated[dict[Sent, Quality], Field(max_length=100)] = {}
    constants: Point = Point()

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.value is None) == (self.values is None):
            raise ValueError("either `value` or `values` is needed")
        if (self.values is not None or self.point is not None) and not self.points:
            raise ValueError("`values` and `point` need `points`")
        if self.values is not None and self.point is not None:
            raise ValueError("`point` says what a `value` is; the members of `values` are points")
        for name in ("device", "quantity"):
            said = getattr(self, name) or getattr(self.constants, name)
            by_point = self.points and all(getattr(p, name) for p in self.points.values())
            if not said and not by_point:
                raise ValueError(f"nothing says the {name}: not `{name}`, `constants`, `points`")
        if any(step.startswith(UP) for step in [*self.items, self.id or ""]):
            raise ValueError("there is nothing around the document: no ^ in `items` and `id`")
        for name in (
            "at",
            "value",
            "values",
            "point",
            "device",
            "quantity",
            "statistic",
            "quality",
        ):
            levels = len(said := getattr(self, name) or "") - len(said.lstrip(UP))
            if levels > len(self.items):
                raise ValueError(f"`{name}` has more ^ than `items` has steps")
        return self


class Dialect(_Model):
    """How a gateway's document differs from ours.

    A local time that a clock change makes twice or never is refused (`ambiguous_time`). Values in
    ``missing`` are left out; any other value that is no number is refused.
    """

    time: TimeForm = TimeForm.RFC3339
    zone: Annotated[str, Field(max_length=60), AfterValidator(_check_zone)] = "Asia/Shanghai"
    time_format: Annotated[str, Field(max_length=60), AfterValidator(_check_time_format)] | None = (
        None  # of local times that ISO 8601 does not describe, as strptime has it
    )
    numbers: Numbers = Numbers.JSON
    missing: Annotated[list[Token], Field(max_length=20)] = []
    mapping: Paths | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.time_format is not None and self.time is not TimeForm.LOCAL:
            raise ValueError("`time_format` is of local times: set `time` to local")
        return self
