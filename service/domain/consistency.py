"""Whether official figures of one county or enterprise contradict each other.

Published figures are rounded, and some are counted differently (growth of industry above scale is
over a panel of comparable firms, its energy is not that of the energy balance). So a gap that the
rounding of the figures explains is none; one beyond it is told; one that not even coarser rounding
explains, or no such difference, refuses the entry. The limits stand beside each rule.
"""

from collections.abc import Iterator, Set
from dataclasses import replace
from decimal import Decimal

from schemas.official import CONSTANT, CURRENT, FINALITY
from service.domain.contradictions import Book, Code, Finding, Known
from service.domain.intensity import HUNAN, HUNDRED, Output, reduction, reduction_of_levels
from service.domain.relations import OF_LEVELS, PARTS, SECTORS_OF_GDP, SUMS, TRIPLES, WITH_GROWTH
from service.domain.rounding import of_level, of_rate
from service.domain.windows import Months

# percentage points: three figures rounded to 0.1, which is as coarse as bulletins print them
COARSE = Decimal("0.18")
Bases = Set[str | None]
SUM_SLACK = Decimal("0.5")  # percent of the total
PART_SLACK = Decimal("0.1")  # percent of the whole


def findings(book: Book) -> Iterator[Finding]:
    """Yield what contradicts what among the figures of one subject."""
    bases = {base for _series, _period, base in book}
    for period in {period for _series, period, _base in book}:
        yield from _identities(book, period)
        yield from _levels(book, period, bases)
        yield from _sums(book, period, bases)
        yield from _parts(book, period, bases)
        yield from _between_sectors(book, period)


def goes_back(new: Known, stored: Known) -> Finding | None:
    """Return that a figure is less final than the one it would replace."""
    if FINALITY[new.state] >= FINALITY[stored.state]:
        return None
    return Finding(Code.STATE, True, new, (stored,))


def _rate(book: Book, series: str, period: Months) -> Known | None:
    return book.get((series, period, CONSTANT)) or book.get((series, period, None))


def _compared(
    code: Code, figure: Known, others: tuple[Known, ...], expected: Decimal, slack: Decimal
) -> Iterator[Finding]:
    """Yield that a rate is further from what follows than the rounding explains."""
    gap = abs(figure.value - expected)
    if gap > slack:
        yield Finding(code, gap > max(slack, COARSE), figure, others, (expected,))


def _identities(book: Book, period: Months) -> Iterator[Finding]:
    for names in TRIPLES:
        rate, above, below = (_rate(book, name, period) for name in names)
        if rate is None or above is None or below is None:
            continue
        ratio = (HUNDRED + above.value) / (HUNDRED + below.value)
        slack = of_rate(rate.value) + (
            of_rate(above.value) + ratio * of_rate(below.value)
        ) * HUNDRED / (HUNDRED + below.value)
        expected = reduction(above.value, below.value)
        yield from _compared(Code.IDENTITY, rate, (above, below), expected, slack)


def _levels(book: Book, period: Months, bases: Bases) -> Iterator[Finding]:
    before = period.year_before()
    for code, growth, is_panel in WITH_GROWTH:
        if (rate := _rate(book, growth, period)) is None:
            continue
        for base in bases:
            new, old = book.get((code, period, base)), book.get((code, before, base))
            if base == CURRENT or new is None or old is None or old.value <= 0:
                continue
            ratio = new.value / old.value
            slack = of_rate(rate.value) + HUNDRED * _relative(new, old) * abs(ratio)
            expected = ratio * HUNDRED - HUNDRED
            for finding in _compared(Code.LEVELS, rate, (new, old), expected, slack):
                yield replace(finding, refuses=finding.refuses and not is_panel)
    for names in OF_LEVELS:
        yield from _reductions(book, period, bases, *names)


def _reductions(
    book: Book, period: Months, bases: Bases, name: str, above: str, below: str
) -> Iterator[Finding]:
    """Yield a reduction that does not follow from levels; 4 decimals of each may have been kept."""
    before, rate = period.year_before(), _rate(book, name, period)
    new, old = book.get((above, period, None)), book.get((above, before, None))
    if rate is None or new is None or old is None or new.value <= 0 or old.value <= 0:
        return
    for base in bases - {CURRENT}:
        made, made_before = book.get((below, period, base)), book.get((below, before, base))
        if made is None or made_before is None or made.value <= 0 or made_before.value <= 0:
            continue
        expected = reduction_of_levels(
            new.value, Output(made.value, base), old.value, Output(made_before.value, base)
        )
        kept = Decimal("0.5").scaleb(-HUNAN)
        share = _relative(new, old) + _relative(made, made_before)
        share += kept * made.value / new.value + kept * made_before.value / old.value
        slack = of_rate(rate.value) + (HUNDRED - expected) * share
        others = (new, old, made, made_before)
        yield from _compared(Code.LEVELS, rate, others, expected, slack)


def _relative(new: Known, old: Known) -> Decimal:
    """Return by which share the ratio of two levels may differ for their rounding."""
    if new.value == 0:
        return Decimal(0)
    return of_level(new.value) / abs(new.value) + of_level(old.value) / abs(old.value)


def _sums(book: Book, period: Months, bases: Bases) -> Iterator[Finding]:
    for name, (sectors, refuses) in SUMS.items():
        for base in bases:
            total = book.get((name, period, base))
            parts = [book.get((sector, period, base)) for sector in sectors]
            known = tuple(part for part in parts if part is not None)
            if total is None or len(known) < len(sectors):
                continue
            expected = sum((part.value for part in known), Decimal(0))
            gap = abs(total.value - expected)
            slack = of_level(total.value) + sum(of_level(part.value) for part in known)
            if gap > slack:
                beyond = gap > max(slack, abs(total.value) * SUM_SLACK / HUNDRED)
                yield Finding(Code.SUM, refuses and beyond, total, known, (expected,))


def _parts(book: Book, period: Months, bases: Bases) -> Iterator[Finding]:
    for name, of in PARTS:
        for base in bases:
            part, whole = book.get((name, period, base)), book.get((of, period, base))
            if part is None or whole is None:
                continue
            slack = of_level(part.value) + of_level(whole.value)
            if (excess := part.value - whole.value) > slack:
                beyond = excess > max(slack, abs(whole.value) * PART_SLACK / HUNDRED)
                yield Finding(Code.PART, beyond, part, (whole,))


def _between_sectors(book: Book, period: Months) -> Iterator[Finding]:
    """Yield growth of GDP outside that of its sectors, of which it is a weighted mean."""
    total = _rate(book, "gdp_growth", period)
    parts = [_rate(book, f"{sector}_growth", period) for sector in SECTORS_OF_GDP]
    known = tuple(part for part in parts if part is not None)
    if total is None or len(known) < len(SECTORS_OF_GDP):
        return
    low = min(part.value - of_rate(part.value) for part in known)
    high = max(part.value + of_rate(part.value) for part in known)
    slack = of_rate(total.value)
    if not low - slack <= total.value <= high + slack:
        gap = max(low - total.value, total.value - high)
        values = [part.value for part in known]
        yield Finding(
            Code.SECTORS, gap > max(slack, COARSE), total, known, (min(values), max(values))
        )
