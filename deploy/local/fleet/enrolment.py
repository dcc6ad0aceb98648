"""Registers the demo with the product; what is there already is not entered again."""

import shutil
from datetime import date
from pathlib import Path
from typing import Any

from deploy.local.errors import Cannot
from deploy.local.fleet import (
    accounts,
    episodes,
    figures,
    files,
    happenings,
    history,
    notes,
    progress,
    registry,
)
from deploy.local.fleet.api import Api
from deploy.local.fleet.enterprises import enterprises
from deploy.local.fleet.variables import Variables


def register(variables: Variables, today: date) -> str:
    """Enter registry, targets and official figures; returns what was done."""
    administrator = Api(variables.api, variables.key("QINGYU_ADMIN_KEY"))
    office = Api(variables.api, variables.key("QINGYU_STATISTICS_KEY"))
    if not is_registered(administrator):
        _forget(variables.home)
    since = history.first_day(variables.home, variables.since, today)
    entered = administrator.post("/registry", registry.document(today, since))
    usccs = [item.uscc for item in enterprises(None)]
    made = accounts.ensure(variables.home, administrator, usccs)
    documents = figures.documents(today, variables.series)
    targets = _enter_targets(variables, office, documents.targets["targets"])
    happened = happenings.enter(administrator, today, since)
    known = {_place(row) for row in office.get("/statistics?limit=10000")["items"]}
    new = [row for row in documents.statistics["figures"] if _place(row) not in known]
    if new:
        office.post("/statistics", {"figures": new})
    return (
        f"Registered {entered['enterprises']} enterprises with {entered['channels']} channels;"
        f" {targets} targets, {len(new)} official figures, {happened} entries about meters and"
        f" {made} MQTT accounts are new."
    )


def is_registered(api: Api) -> bool:
    """Tell whether the product knows the demo."""
    first = enterprises(None)[0].uscc
    return bool(api.get(f"/enterprises?uscc={first}")["items"])


def check(variables: Variables) -> None:
    """Raise Cannot unless the product runs, with the demo."""
    if not is_registered(Api(variables.api, variables.key("QINGYU_REGULATOR_KEY"))):
        raise Cannot(f"{variables.api} runs without the demo: start it with make up, DEMO unset.")


def _enter_targets(variables: Variables, office: Api, rows: list[dict[str, str]]) -> int:
    """Enter targets that were not entered yet, by a note of our own: the API lists none."""
    path = _targets_in(variables.home)
    known: list[dict[str, str]] = files.read(path) or []
    new = [row for row in rows if row not in known]
    if new:
        office.post("/targets", {"targets": new})
        files.write(path, [*known, *new])
    return len(new)


def _forget(home: Path) -> None:
    """Forget what was sent to another database, and its misbehaviour."""
    shutil.rmtree(notes.folder_in(home), ignore_errors=True)
    progress.forget(home)
    for path in (_targets_in(home), episodes.path_in(home), history.path_in(home)):
        path.unlink(missing_ok=True)


def _targets_in(home: Path) -> Path:
    return home / "fleet" / "targets.json"


def _place(row: dict[str, Any]) -> tuple[str | None, ...]:
    """Return where a figure stands; that of an enterprise says no county."""
    county = None if row.get("enterprise") else row.get("county")
    return county, row.get("enterprise"), row["series"], row["period"]
