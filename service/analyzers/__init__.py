"""Indicators, one module each, found by being here; each has an `ANALYZER`."""

import importlib
import pkgutil
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from schemas.indicators import Dimension, Level, Measured, Stage
from service.domain.alerts import Judgement, Timing
from service.domain.windows import Cadence
from service.store.engine import Connection


@dataclass(frozen=True, slots=True)
class Due:
    """What to measure: instants by enterprise, or by county for indicators of counties."""

    enterprises: Mapping[int, Sequence[datetime]]
    counties: Mapping[str, Sequence[datetime]]


@dataclass(frozen=True, slots=True)
class RuleSet:
    """What judges a figure: its name, and the labels that it prints for levels."""

    name: str
    labels: Mapping[Level, str]


@dataclass(frozen=True, slots=True)
class Analyzer:
    """One indicator: how it is measured, judged and put into words.

    A change of the data reaches values whose instant lies at most ``reach`` after it.
    ``explain`` returns a sentence in English and in Chinese for a value that reached a level.
    """

    name: str
    dimension: Dimension
    stage: Stage
    cadence: Cadence
    reach: timedelta
    measure: Callable[[Connection, Due], Awaitable[Sequence[Measured]]]
    judge: Callable[[Measured], Judgement] | None = None
    explain: Callable[[Measured], tuple[str, str]] | None = None
    rule_set: RuleSet | None = None
    timing: Timing = field(default_factory=Timing)
    episode_a_day: bool = False
    beside: tuple[str, ...] = ()  # other indicators that are measured with it
    rests_on_official_figures: bool = False

    @property
    def indicators(self) -> tuple[str, ...]:
        """Return the indicators that it measures."""
        return (self.name, *self.beside)


def find() -> list[Analyzer]:
    """Return every analyzer, by name of its module."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    modules = [importlib.import_module(f"{__name__}.{name}") for name in names]
    return [module.ANALYZER for module in modules]
