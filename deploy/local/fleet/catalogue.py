"""What `enterprises.toml` says: the recipes of trades, and who follows which."""

import tomllib
from datetime import datetime
from functools import cache
from pathlib import Path

import msgspec

FILE = Path(__file__).with_name("enterprises.toml")


class Recipe(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a trade's main facility uses for one unit of its product."""

    trade: str
    product: str
    facility_zh: str
    facility_en: str
    electricity: float
    depth: float
    auxiliary: float | None = None
    carriers: dict[str, float] = {}
    exports: dict[str, float] = {}
    spread: float = 0.012
    winter: float = 0.0
    furnace: bool = False
    treatment_zh: str | None = None
    treatment_en: str | None = None


class Outlet(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an outlet's monitor measures; ``level`` is the usual share of the limit."""

    quantity: str
    limit: float
    level: float
    gas_flow: float


class More(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A meter beside those of the recipe.

    It counts ``rate`` for a unit of product, of solar cells on a usual day. One that is
    ``never_sent`` stands in the register only.
    """

    device: str
    quantity: str
    rate: float
    name_zh: str
    name_en: str
    role: str = "consumption"
    level: int | None = None
    parent: str | None = None
    part: str | None = None
    solar: bool = False
    never_sent: bool = False


class Replacement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When an enterprise's level-1 electricity meter was replaced."""

    at: datetime
    opening: float


class RatioChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From when on it has another multiplier."""

    since: datetime
    multiplier: float


class HeatingValue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A heating value that a laboratory measured, in kJ/kg or kJ/m³."""

    quantity: str
    value: float
    unit: str
    report: str


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One enterprise."""

    county: str
    name_zh: str
    name_en: str
    recipe: str
    output: float
    effort: float
    growth: float
    park: str | None = None
    auxiliary: float | None = None
    electricity_multiplier: float = 1.0
    electricity_width: float = 1e9
    monitor: Outlet | None = None
    recorded: str | None = None
    demo: bool = False
    demo_voc: bool = False
    more: list[More] = []
    replacement: Replacement | None = None
    ratio_change: RatioChange | None = None
    heating_value: HeatingValue | None = None
    no_renewables_in_2020: bool = False
    calibrated_days_ago: int | None = None


class Catalogue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All of the file."""

    recipes: dict[str, Recipe]
    enterprises: list[Entry]


@cache
def catalogue() -> Catalogue:
    """Return what the file says."""
    table = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return msgspec.convert(table, Catalogue)
