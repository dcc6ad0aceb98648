"""`make bench`: prints a table and writes `.qingyu/bench.json`.

Names of groups as arguments measure only those: mqtt, single, hj212, writer, rollup,
growth, sustained.
"""

import json
import statistics
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from deploy.local.settings import CHECKOUT
from tests.benchmarks import ceilings, growth, ingest, rollup, sustained, writer
from tests.benchmarks.line import Line, running
from tests.benchmarks.rig import rig
from tests.benchmarks.watch import Verdict

FILE = CHECKOUT / ".qingyu" / "bench.json"
ROUNDS = 5
FLEETS = (20_000, 1_000_000)  # channels
GOAL = 55_000.0  # readings/s: 3.3 million channels at one a minute
BATCHED, SINGLE, PACKETS = 1_000_000, 60_000, 30_000  # of a run: readings, messages, packets

Run = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Figure:
    """A median, beside that of its ceiling and the median of their ratios, round by round.

    ``detail`` is what a figure means nothing without.
    """

    name: str
    value: float
    unit: str
    ceiling: float | None = None
    ratio: float | None = None
    detail: Mapping[str, object] | None = None


def in_turns(unit: str, runs: Mapping[str, Run], ceilings_of: dict[str, str]) -> list[Figure]:
    """Return a figure for each run, all taken in turns, because a shared machine is never even.

    ``ceilings_of`` names the run that bounds another.
    """
    rates: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(ROUNDS):
        for name, run in runs.items():
            rates[name].append(run())
            print(f"  {name} {rates[name][-1]:,.0f}", file=sys.stderr)
    return [_figure(name, unit, rates, ceilings_of.get(name)) for name in runs]


def _figure(name: str, unit: str, rates: dict[str, list[float]], ceiling: str | None) -> Figure:
    value = round(statistics.median(rates[name]))
    if ceiling is None:
        return Figure(name, value, unit)
    ratios = [mine / its for mine, its in zip(rates[name], rates[ceiling], strict=True)]
    bound = round(statistics.median(rates[ceiling]))
    return Figure(name, value, unit, bound, round(statistics.median(ratios), 3))


def _mqtt(line: Line) -> list[Figure]:
    with rig(line, "one", 1) as one, rig(line, "two", 2) as two:
        return in_turns(
            "readings/s",
            {
                "copy_ceiling": partial(ceilings.copy, line),
                "mqtt_batch200": partial(ingest.mqtt, one, 200, BATCHED),
                "mqtt_two_collectors": partial(ingest.mqtt, two, 200, BATCHED),
                "http_batch500": partial(ingest.http, one, 500, BATCHED),
            },
            {
                "mqtt_batch200": "copy_ceiling",
                "mqtt_two_collectors": "mqtt_batch200",
                "http_batch500": "copy_ceiling",
            },
        )


def _single(line: Line) -> list[Figure]:
    with rig(line, "single", 1) as one, rig(line, "bare", 0) as bare:
        return in_turns(
            "readings/s",
            {
                "paho_bare": partial(ceilings.paho_bare, bare, SINGLE),
                "mqtt_single": partial(ingest.mqtt, one, 1, SINGLE),
            },
            {"mqtt_single": "paho_bare"},
        )


def _hj212(line: Line) -> list[Figure]:
    with rig(line, "monitors", 1) as one:
        ingest.hj212(one, 1_000)  # the collector learns who its monitors are
        return in_turns(
            "packets/s",
            {
                "hj212_framed": partial(ceilings.hj212_framed, line, PACKETS),
                "hj212": partial(ingest.hj212, one, PACKETS),
            },
            {"hj212": "hj212_framed"},
        )


def _writer(line: Line) -> list[Figure]:
    shares: dict[str, Run] = {
        f"writer_duplicates_{percent}": partial(writer.duplicates, line, percent)
        for percent in writer.SHARES
    }
    runs: dict[str, Run] = {"writer_ceiling": partial(ceilings.copy, line), **shares}
    return in_turns("readings/s", runs, dict.fromkeys(shares, "writer_ceiling"))


def _rollup(line: Line) -> list[Figure]:
    at_40, at_400 = rollup.recompute(line)
    ratio = round(at_400 / at_40, 3)
    return [
        Figure("recompute_40_chunks", at_40, "ms"),
        Figure("recompute_400_chunks", at_400, "ms", at_40, ratio),
    ]


def _growth(line: Line) -> list[Figure]:
    once, tenfold = growth.cost_growth(line)
    detail = {"us_behind_10_days": round(once, 1), "us_behind_100_days": round(tenfold, 1)}
    return [Figure("rollup_cost_growth", round(tenfold / once, 3), "times", detail=detail)]


def _sustained(line: Line) -> list[Figure]:
    return [_load(channels, sustained.sustained(line, channels)) for channels in FLEETS]


def _load(channels: int, verdict: Verdict | None) -> Figure:
    name = f"sustained_load_{channels}"
    if verdict is None:
        return Figure(name, 0, "readings/s", detail={"limit": "no rate was confirmed"})
    detail = {
        "limit": verdict.limit,
        "lag_s": round(verdict.lag_s, 1),
        "longest_lag_s": round(verdict.longest_lag_s, 1),
        "cores": verdict.cores,
    }
    rate = round(verdict.rate)
    return Figure(name, rate, "readings/s", GOAL, round(rate / GOAL, 3), detail)


# Those of ingest first, because the rest leaves more behind.
GROUPS = {
    "mqtt": _mqtt,
    "single": _single,
    "hj212": _hj212,
    "writer": _writer,
    "rollup": _rollup,
    "growth": _growth,
    "sustained": _sustained,
}


def measure(line: Line, names: list[str]) -> Iterator[Figure]:
    """Yield the figures of groups."""
    for name in names:
        yield from GROUPS[name](line)


def main() -> None:
    """Measure, print and write."""
    with running() as line:
        figures = list(measure(line, sys.argv[1:] or list(GROUPS)))
    for figure in figures:
        ratio = "" if figure.ratio is None else f"{figure.ratio:8.3f} of {figure.ceiling:,.6g}"
        print(f"{figure.name:24}{figure.value:>14,.6g} {figure.unit:<12}{ratio}")
        for name, value in (figure.detail or {}).items():
            print(f"{'':24}{name}: {value}")
    write(FILE, figures)


def write(path: Path, figures: list[Figure]) -> None:
    """Write the figures as a list of name, value, unit, ceiling, ratio and detail."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps([asdict(figure) for figure in figures], indent=2) + "\n")


if __name__ == "__main__":
    main()
