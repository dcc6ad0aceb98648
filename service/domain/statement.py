"""The figures of an account as they are published: every basis side by side, with its inputs."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from schemas.indicators import Basis, Measured, Subject
from schemas.registry import Part
from service.domain import bases
from service.domain.accounts import Account, unknown
from service.domain.bases import Recorded, Reduction, Use
from service.domain.windows import Months

DIGITS = 6  # of amounts among the inputs


@dataclass(frozen=True, slots=True)
class Factor:
    """What amounts of a carrier were multiplied by from a day to another, both printed.

    ``origin`` is a coefficient, a measured heating value or a carbon factor, ``origin_id`` its
    row, which stays readable; ``value`` is kgce or kgCO2 for a catalogue unit.
    """

    quantity: str
    value: float
    first_day: str
    stop_day: str
    origin: str
    origin_id: int
    edition: str | None
    source: str
    revision: int
    confirmed: bool


@dataclass(frozen=True, slots=True)
class Heading:
    """Of whom and when a statement is."""

    subject: Subject
    months: Months
    as_of: datetime

    def figure(
        self, indicator: str, basis: Basis, value: float | None, unit: str, found: Account,
        inputs: dict[str, Any],
    ) -> Measured:  # fmt: skip
        """Return one figure with the completeness and the estimated share of its account."""
        return Measured(
            self.subject, indicator, str(self.months), basis, self.as_of, value, unit,
            completeness=found.total.completeness, estimated=found.total.estimated, inputs=inputs,
        )  # fmt: skip


def energy(
    heading: Heading,
    indicator: str,
    method: Basis,
    found: Account,
    recorded: Recorded[float] | None,
    inputs: dict[str, Any],
) -> Iterator[Measured]:
    """Yield the energy in tce by a method, gross and less what is on record of its parts.

    Without any part on record all bases are the gross, and only that is stated.
    """
    yield heading.figure(indicator, method, found.total.value, "tce", found, inputs)
    if recorded is None or not _has_parts(recorded):
        return
    on_record = {
        name: amount for name, amount in asdict(recorded).items() if isinstance(amount, float)
    }
    for figure in bases.figures(recorded):
        if figure.reduction is Reduction.GROSS:
            continue
        basis = Basis(f"{method.value}.{figure.reduction.value}")
        yield heading.figure(
            indicator,
            basis,
            figure.value,
            "tce",
            found,
            {
                "on_record_tce": _rounded(on_record),
                "taken_off_tce": _rounded(figure.taken_off),
                "unknown": figure.unknown,
                "documents": [r.document for r in bases.RULES if r.reduction is figure.reduction],
                "assessed_for": [
                    use.value
                    for use in Use
                    if bases.assessed(use, heading.months.last.year) is figure.reduction
                ],
            },
        )


def carbon(
    heading: Heading, indicator: str, found: Account, inputs: dict[str, Any]
) -> Iterator[Measured]:
    """Yield the CO2 in tonnes, and less that of feedstock where that is measured.

    Feedstock goes into a product and is no combustion.
    """
    yield heading.figure(indicator, Basis.CARBON, found.total.value, "tCO2", found, inputs)
    if Part.FEEDSTOCK not in found.parts:
        return
    feedstock, value = found.part(Part.FEEDSTOCK), None
    if found.total.value is not None and feedstock is not None:
        value = found.total.value - feedstock
    yield heading.figure(
        indicator,
        Basis.CARBON_LESS_FEEDSTOCK,
        value if value is None or value >= 0 else None,
        "tCO2",
        found,
        {"gross_t": found.total.value, "feedstock_t": feedstock},
    )


def carriers(found: Account) -> dict[str, Any]:
    """Return what an account consists of: its carriers, and what is missing of it."""
    return {
        "carriers": {
            quantity: {
                "amount": round(carrier.amount, DIGITS),
                "energy": None if carrier.total.value is None else round(carrier.total.value, 6),
                "completeness": round(carrier.total.completeness, 4),
                "estimated": carrier.total.estimated,
            }
            for quantity, carrier in sorted(found.carriers.items())
        },
        "not_measured": [
            quantity
            for quantity, carrier in sorted(found.carriers.items())
            if carrier.total.measured_s == 0
        ],
        "missing_coefficients": list(unknown(found)),
    }


def factors(found: Iterable[Factor]) -> dict[str, Any]:
    """Return factors as they stand among the inputs of a figure, each once."""
    return {"factors": [asdict(factor) for factor in dict.fromkeys(found)]}


def _has_parts(recorded: Recorded[float]) -> bool:
    parts = (recorded.feedstock, recorded.renewables, recorded.nuclear, recorded.single_listed)
    return bool(recorded.unvalued) or any(part is not None for part in parts)


def _rounded(amounts: Any) -> dict[str, float | None]:
    return {
        str(name): None if amount is None else round(amount, DIGITS)
        for name, amount in amounts.items()
    }
