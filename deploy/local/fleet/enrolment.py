"""Registers the demo with the product; what is there already is not entered again."""

import shutil
from datetime import date
from pathlib import Path

from deploy.local.fleet import figures, files, registry
from deploy.local.fleet.api import Api
from deploy.local.fleet.enterprises import enterprises
from deploy.local.fleet.variables import Variables

TARGETS = "targets.json"


def register(variables: Variables, today: date) -> str:
    """Enter registry, targets and official figures; returns what was done."""
    administrator = Api(variables.api, variables.key("QINGYU_ADMIN_KEY"))
    office = Api(variables.api, variables.key("QINGYU_STATISTICS_KEY"))
    first = enterprises(None)[0].uscc
    if not administrator.get(f"/enterprises?uscc={first}")["items"]:
        _forget(variables.home / "fleet")
    entered = administrator.post("/registry", registry.document(today))
    documents = figures.documents(today, variables.series)
    targets = _enter_targets(variables, office, documents.targets["targets"])
    known = {_place(row) for row in office.get("/statistics")["items"]}
    new = [row for row in documents.statistics["figures"] if _place(row) not in known]
    if new:
        office.post("/statistics", {"figures": new})
    return (
        f"Registered {entered['enterprises']} enterprises with {entered['channels']} channels;"
        f" {targets} targets and {len(new)} official figures are new."
    )


def _enter_targets(variables: Variables, office: Api, rows: list[dict[str, str]]) -> int:
    """Enter targets that were not entered yet, by a note of our own: the API lists none."""
    path = variables.home / "fleet" / TARGETS
    known: list[dict[str, str]] = files.read(path) or []
    new = [row for row in rows if row not in known]
    if new:
        office.post("/targets", {"targets": new})
        files.write(path, [*known, *new])
    return len(new)


def _forget(folder: Path) -> None:
    """Forget what was sent to another database, and its misbehaviour."""
    shutil.rmtree(folder / "outbox", ignore_errors=True)
    for name in (TARGETS, "progress.json", "episodes.json"):
        (folder / name).unlink(missing_ok=True)


def _place(row: dict[str, str]) -> tuple[str, str, str]:
    return row["county"], row["series"], row["period"]
