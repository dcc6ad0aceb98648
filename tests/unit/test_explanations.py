"""What is said of a figure when an alert begins, changes or ends with it."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from schemas.indicators import Basis, Measured, Subject, SubjectKind
from schemas.quantities import CATALOGUE
from service.analyzers import energy, hour_mean, official_intensity

AS_OF = datetime(2026, 10, 1, tzinfo=UTC)


def measured(
    value: float, target: float | None, unit: str, period: str, inputs: dict[str, object]
) -> Measured:
    subject = Subject(SubjectKind.OUTLET, "620602", 1, None, 1, "nmhc")
    return Measured(subject, "x", period, Basis.MEASURED, AS_OF, value, unit, target, inputs=inputs)


@pytest.mark.parametrize(
    ("actual", "target", "en", "zh"),
    [
        ("2.27", "2.52", "fell by 2.27 %, 0.25 points short of 2.52 %",
         "降低 2.27%，距目标 2.52% 差 0.25 个百分点"),
        ("2.60", "2.52", "fell by 2.60 %, target 2.52 % met", "降低 2.60%，达到目标 2.52%"),
        ("-2.27", "-2.17", "rose by 2.27 %, 0.10 points short of -2.17 %",
         "上升 2.27%，距目标 -2.17% 差 0.10 个百分点"),
        ("2.60", None, "fell by 2.60 %, no target", "降低 2.60%，无目标"),
    ],
)  # fmt: skip
def test_an_official_figure(actual: str, target: str | None, en: str, zh: str) -> None:
    period = "2026-01..2026-09"
    gap = None if target is None else str(Decimal(actual) - Decimal(target))
    inputs: dict[str, object] = {"actual": actual, "target": target, "gap": gap}
    limit = None if target is None else float(target)
    told = official_intensity.explain(measured(float(actual), limit, "%", period, inputs))
    said = f"Intensity {en}".replace(" %, ", f" % in {period}, ", 1)
    assert told == (said, f"{period} 单位GDP能耗{zh}")


@pytest.mark.parametrize(
    ("value", "en", "zh"),
    [
        (150.0, "Suspected: hour mean of {} 150 mg/m³, 2.50 times the limit of 60",
         "涉嫌超标：{}小时均值 150 mg/m³，为限值 60 的 2.50 倍"),
        (60.0, "Hour mean of {} 60 mg/m³, within the limit of 60",
         "{}小时均值 60 mg/m³，未超过限值 60"),
    ],
)  # fmt: skip
def test_an_hour_of_an_outlet(value: float, en: str, zh: str) -> None:
    quantity = CATALOGUE["nmhc"]
    told = hour_mean.explain(measured(value, 60.0, "mg/m³", "hour", {}))
    assert told == (en.format(quantity.en), zh.format(quantity.zh))


@pytest.mark.parametrize(
    ("value", "en", "zh"),
    [
        (140.0, "140 tce, 40% above its own past", "140 tce，高于自身基线 40%"),
        (90.0, "90 tce, 10% below its own past", "90 tce，低于自身基线 10%"),
    ],
)
def test_a_lead(value: float, en: str, zh: str) -> None:
    told = energy.explain(measured(value, 100.0, "tce", "24h", {}))
    assert told == (f"Energy of 24h is {en}", f"近24小时能耗 {zh}")
