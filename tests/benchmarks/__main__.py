"""`make bench`: prints a table and writes `.qingyu/bench.json`."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from deploy.local.settings import CHECKOUT
from tests.benchmarks import ingest, rollup
from tests.benchmarks.line import Line, running

FILE = CHECKOUT / ".qingyu" / "bench.json"


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure, beside the ceiling of the same run where it has one."""

    name: str
    value: float
    unit: str
    ceiling: float | None = None

    @property
    def ratio(self) -> float | None:
        """Return the figure's share of its ceiling."""
        return None if self.ceiling is None else round(self.value / self.ceiling, 3)


def measure(line: Line) -> list[Figure]:
    """Return all figures; those of ingest first, because the rest leaves more behind."""
    unit = "readings/s"
    ceiling = round(ingest.median_rate(line, ingest.copy_ceiling))
    runs = {
        "mqtt_batch200": ingest.mqtt(200, 2_000_000),
        "mqtt_single": ingest.mqtt(1, 100_000),
        "http_batch500": ingest.http(500, 2_000_000),
    }
    figures = [Figure("copy_ceiling", ceiling, unit)]
    for name, run in runs.items():
        figures.append(Figure(name, round(ingest.median_rate(line, run)), unit, ceiling))
    at_40, at_400 = rollup.recompute(line)
    figures.append(Figure("recompute_40_chunks", at_40, "ms"))
    figures.append(Figure("recompute_400_chunks", at_400, "ms", at_40))
    return figures


def main() -> None:
    """Measure, print and write."""
    with running() as line:
        figures = measure(line)
    for figure in figures:
        ratio = "" if figure.ratio is None else f"{figure.ratio:8.3f} of {figure.ceiling:,.0f}"
        print(f"{figure.name:24}{figure.value:>14,.6g} {figure.unit:<12}{ratio}")
    write(FILE, figures)


def write(path: Path, figures: list[Figure]) -> None:
    """Write the figures as a list of name, value, unit, ceiling and ratio."""
    path.parent.mkdir(exist_ok=True)
    rows = [{**asdict(figure), "ratio": figure.ratio} for figure in figures]
    path.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
