"""`python -m deploy.local.fleet register | run | misbehave | behave | statistics`."""

import argparse
import asyncio
import contextlib
import logging
import sys
from collections.abc import Sequence
from datetime import datetime

from deploy.local.errors import Cannot, explain
from deploy.local.fleet import enrolment, misconduct, publication, running, variables
from deploy.local.fleet.episodes import EXCEED, FURNACE
from service.domain.calendar import SHANGHAI


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what the arguments ask for; a refusal is one sentence and status 1."""
    asked = _parser().parse_args(arguments)
    try:
        _do(asked)
    except Cannot as refusal:
        sys.exit(str(refusal))
    except OSError as error:
        sys.exit(str(explain(error, "QINGYU_HOME")))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.local.fleet", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("register", help="enter registry, targets and official figures")
    commands.add_parser("run", help="send history where it is missing, then live")
    misbehave = commands.add_parser("misbehave", help="let an enterprise of a county misbehave")
    misbehave.add_argument("--county", help="code, such as 620623; any by default")
    misbehave.add_argument("--kind", choices=(FURNACE, EXCEED), default=FURNACE)
    commands.add_parser("behave", help="end all misbehaviour")
    statistics = commands.add_parser("statistics", help="publish the figures of a quarter")
    statistics.add_argument("--quarter", help="such as 2026Q3; the next one by default")
    return parser


def _do(asked: argparse.Namespace) -> None:
    told = variables.read()
    today = datetime.now(SHANGHAI).date()
    match asked.command:
        case "register":
            print(enrolment.register(told, today))
        case "run":
            logging.basicConfig(
                level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
            )
            with contextlib.suppress(asyncio.CancelledError):
                asyncio.run(running.run(told))
        case "misbehave":
            print(misconduct.misbehave(told, asked.county, asked.kind))
        case "behave":
            print(misconduct.behave(told))
        case "statistics":
            for line in publication.publish(told, asked.quarter, today):
                print(line, flush=True)


if __name__ == "__main__":
    main()
