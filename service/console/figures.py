"""How figures, periods and instants are printed, in the words of a language."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from service.console.words import Words
from service.domain.calendar import SHANGHAI
from service.domain.windows import parse_months

NONE = "—"
MANY_TCE = 10_000
MONTHS_EN = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()


@dataclass(frozen=True, slots=True)
class Figures:
    """Prints figures; what is not known is a dash."""

    words: Words

    def percent(self, value: float | None, digits: int = 1) -> str:
        """Return a percentage."""
        return NONE if value is None else f"{value:.{digits}f}%"

    def rate(self, value: float | None) -> str:
        """Return an official rate: to the hundredth, to the thousandth where that differs."""
        return NONE if value is None else f"{_official(abs(value))}%"

    def reduction(self, value: float | None) -> str:
        """Return a rate of reduction in words; a negative one is a rise."""
        if value is None:
            return NONE
        return self.words("rate.fell" if value >= 0 else "rate.rose", rate=self.rate(value))

    def growth(self, value: float | None) -> str:
        """Return a growth in percent in words."""
        if value is None:
            return NONE
        key = "rate.grew" if value >= 0 else "rate.shrank"
        return self.words(key, rate=self.percent(abs(value)))

    def points(self, value: float | None) -> str:
        """Return a gap in percentage points, with its sign."""
        if value is None:
            return NONE
        sign = "−" if value < 0 else "+"
        return self.words("rate.points", points=f"{sign}{_official(abs(value))}")

    def energy(self, tce: float | None) -> str:
        """Return an amount of energy."""
        if tce is None:
            return NONE
        if tce < MANY_TCE:
            return f"{tce:,.0f} tce"
        if self.words.language == "en":
            return f"{tce / 1_000:,.1f} ktce"
        return f"{tce / 10_000:,.2f} 万tce"

    def multiple(self, value: float | None, limit: float | None) -> str:
        """Return by how much a value exceeds its limit (超标倍数), in words."""
        if value is None or not limit or value <= limit:
            return self.words("entry.suspected")
        return self.words("entry.suspected_times", times=f"{value / limit - 1:.2f}")

    def period(self, text: str) -> str:
        """Return months as people print them, windows by name."""
        try:
            months = parse_months(text)
        except ValueError:
            return self.words.find(f"period.{text}", text)
        first, last = months.first, months.last
        if self.words.language == "en":
            if first.year != last.year:
                return f"{_month_en(first.month)} {first.year}–{_month_en(last.month)} {last.year}"
            if first.month == last.month:
                return f"{_month_en(first.month)} {first.year}"
            return f"{_month_en(first.month)}–{_month_en(last.month)} {first.year}"
        if first.year != last.year:
            return f"{first.year}年{first.month}月–{last.year}年{last.month}月"
        if first.month == last.month:
            return f"{first.year}年{first.month}月"
        return f"{first.year}年{first.month}–{last.month}月"

    def clock(self, at: datetime | None, year: int | None = None) -> str:
        """Return an instant in Beijing time; its year too, unless it is the one given."""
        if at is None:
            return NONE
        local = at.astimezone(SHANGHAI)
        return f"{local:%m-%d %H:%M}" if local.year == year else f"{local:%Y-%m-%d %H:%M}"

    def age(self, age: timedelta | None) -> str:
        """Return how long ago something was, in its largest unit."""
        if age is None:
            return NONE
        seconds = max(age.total_seconds(), 0.0)
        for unit, length in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
            if seconds >= 2 * length:
                return self.words(f"age.{unit}", number=int(seconds // length))
        return self.words("age.seconds", number=int(seconds))


def _month_en(month: int) -> str:
    return MONTHS_EN[month - 1]


def _official(value: float) -> str:
    return f"{value:.2f}" if abs(round(value, 2) - value) < 5e-4 else f"{value:.3f}"
