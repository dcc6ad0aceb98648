"""How figures, periods and instants are printed, in the words of a language."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation

from service.console.words import Words
from service.domain.calendar import SHANGHAI, day_of
from service.domain.windows import Months, parse_months

NONE = "—"
MANY_TCE = 10_000
NOTHING = 5e-7
MONTHS_EN = (
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Figures:
    """Prints figures; what is not known is a dash, and ``year`` is left out of instants."""

    words: Words
    year: int

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
        """Return a growth in percent in words; None: there is nothing to compare with."""
        if value is None:
            return self.words("rate.incomparable")
        key = "rate.grew" if value >= 0 else "rate.shrank"
        return self.words(key, rate=self.percent(abs(value)))

    def points(self, value: float | None) -> str:
        """Return a gap in percentage points, with its sign."""
        if value is None:
            return NONE
        sign = "−" if value < 0 else "+"
        return self.words("rate.points", points=f"{sign}{_official(abs(value))}")

    def amount(self, value: float | None, unit: str = "") -> str:
        """Return an amount with two decimals, a small one with four digits that count."""
        if value is None:
            return NONE
        is_small = 0 < abs(value) < 0.995  # a share, or an intensity
        text = f"{value:.4g}" if is_small else f"{value:,.2f}"
        return f"{text} {unit}" if unit else text

    def exact(self, value: object) -> str:
        """Return a decimal in full, as it was entered; other texts and numbers as they are."""
        if isinstance(value, float):
            return self.amount(value)
        try:
            number = Decimal(str(value))
        except InvalidOperation:
            return str(value)
        is_short = not number.is_finite() or abs(number) < MANY_TCE  # or a year
        return str(value) if is_short and "E" not in str(value) else f"{number:,f}"

    def share(self, value: float | None) -> str:
        """Return a share of 0 to 1 in percent."""
        return NONE if value is None else self.percent(100 * value)

    def signed(self, value: float | None) -> str:
        """Return a difference with its sign."""
        if value is None:
            return NONE
        if abs(value) < NOTHING:  # sums of floats
            return "0"
        return f"{'−' if value < 0 else '+'}{self.amount(abs(value))}"

    def signed_share(self, value: float | None) -> str:
        """Return a share with its sign, in percent."""
        if value is None:
            return NONE
        text = self.share(abs(value))
        return text if text == self.share(0.0) else f"{'−' if value < 0 else '+'}{text}"

    def days(self, first: str, stop: str | None) -> str:
        """Return the days [first, stop), which are printed; without an end from the first on."""
        if stop is None:
            return self.words("factors.from", first=first)
        last = date.fromisoformat(stop) - timedelta(days=1)
        return self.words("factors.from_to", first=first, last=last)

    def day(self, at: datetime | None) -> str:
        """Return the day of an instant in Beijing time."""
        return NONE if at is None else day_of(at).isoformat()

    def energy(self, tce: float | None) -> str:
        """Return an amount of energy."""
        if tce is None:
            return NONE
        if tce < MANY_TCE:
            return f"{tce:,.0f} tce"
        if self.words.language == "en":
            return f"{tce / 1_000:,.1f} ktce"
        return f"{tce / 10_000:,.2f} 万tce"

    def suspected(self, text: str, value: float | None, limit: float | None) -> str:
        """Return what an outlet is suspected of, and by how much it exceeds (超标倍数)."""
        if value is None or not limit or value <= limit:
            return text
        return self.words("entry.suspected_times", text=text, times=f"{value / limit - 1:.2f}")

    def period(self, text: str) -> str:
        """Return months as people print them, windows by name."""
        try:
            months = parse_months(text)
        except ValueError:
            return self.words.find(f"period.{text}", text)
        return (_english if self.words.language == "en" else _chinese)(months)

    def clock(self, at: datetime | None) -> str:
        """Return an instant in Beijing time."""
        if at is None:
            return NONE
        local = at.astimezone(SHANGHAI)
        return f"{local:%m-%d %H:%M}" if local.year == self.year else f"{local:%Y-%m-%d %H:%M}"

    def second(self, at: datetime) -> str:
        """Return the time of day in Beijing, to the second."""
        return f"{at.astimezone(SHANGHAI):%H:%M:%S}"

    def month_ended(self, at: datetime | None) -> str:
        """Return the last month before an instant."""
        if at is None:
            return NONE
        month = day_of(at - timedelta(days=1)).replace(day=1)
        return self.period(str(Months(month, month)))

    def clock_after(self, at: datetime | None, before: datetime | None) -> str:
        """Return an instant in Beijing time, without its day where it is that of another."""
        if at is not None and before is not None and day_of(at) == day_of(before):
            return f"{at.astimezone(SHANGHAI):%H:%M}"
        return self.clock(at)

    def age(self, age: timedelta | None) -> str:
        """Return how long ago something was, in its largest unit."""
        if age is None:
            return NONE
        seconds = max(age.total_seconds(), 0.0)
        for unit, length in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
            if seconds >= 2 * length:
                return self.words(f"age.{unit}", number=int(seconds // length))
        return self.words("age.seconds", number=int(seconds))


def figures_of(words: Words) -> Figures:
    """Return how figures are printed today."""
    return Figures(words, day_of(datetime.now(UTC)).year)


def _english(months: Months) -> str:
    first, last = (MONTHS_EN[day.month - 1] for day in (months.first, months.last))
    if months.first.year != months.last.year:
        return f"{first} {months.first.year}–{last} {months.last.year}"
    return f"{first if first == last else f'{first}–{last}'} {months.first.year}"


def _chinese(months: Months) -> str:
    first, last = months.first, months.last
    if first.year != last.year:
        return f"{first.year}年{first.month}月–{last.year}年{last.month}月"
    return f"{first.year}年{f'{first.month}–' if first.month != last.month else ''}{last.month}月"


def _official(value: float) -> str:
    return f"{value:.2f}" if abs(round(value, 2) - value) < 5e-4 else f"{value:.3f}"
