"""The commands that let an enterprise misbehave, and behave again."""

from collections.abc import Sequence

from deploy.local.errors import Cannot
from deploy.local.fleet import clock, enrolment, episodes, registry
from deploy.local.fleet.enterprises import Enterprise, enterprises
from deploy.local.fleet.episodes import EXCEED, FURNACE, Episode
from deploy.local.fleet.gateway import now
from deploy.local.fleet.meters import STRAIN
from deploy.local.fleet.monitors import EXCESS
from deploy.local.fleet.variables import Variables


def misbehave(variables: Variables, county: str | None, kind: str) -> str:
    """Begin an episode in a county, or in any; returns what to watch. Raises Cannot."""
    able = _able(county, kind)
    enrolment.check(variables)
    known = episodes.load(variables.home)
    item = _idle(able, known, kind)
    begun = episodes.begin(known, kind, item.county, item.uscc, now())
    episodes.save(variables.home, begun)
    return _sentence(item, begun[-1])


def behave(variables: Variables) -> str:
    """End all episodes; returns what was done. Raises Cannot."""
    enrolment.check(variables)
    known = episodes.load(variables.home)
    going = [item for item in known if item.until is None]
    if not going:
        return "No enterprise misbehaves."
    episodes.save(variables.home, episodes.end(known, now()))
    return (
        f"{len(going)} episode(s) ended. What was burned stays on the dials: the alerts of the last"
        " 24 hours end as those hours pass; hour means are normal from this clock hour on."
    )


def _able(county: str | None, kind: str) -> list[Enterprise]:
    """Return who can misbehave so, in a county or in any."""
    able = [
        item
        for item in enterprises(None)
        if (item.recipe.furnace if kind == FURNACE else item.monitor is not None)
    ]
    names = {
        row["code"]: f"{row['code']} {row['name_zh']} {row['name_en']}"
        for row in registry.region()["counties"]
    }
    if not county:
        return able
    if county not in names:
        known = ", ".join(names.values())
        raise Cannot(f"There is no county {county} in the demo; there are {known}.")
    here = [item for item in able if item.county == county]
    if not here:
        others = ", ".join(names[code] for code in sorted({item.county for item in able}))
        what = "outlet with a VOC monitor" if kind == EXCEED else "furnace"
        raise Cannot(f"{names[county]} has no {what}; these counties have one: {others}.")
    return here


def _idle(able: Sequence[Enterprise], known: Sequence[Episode], kind: str) -> Enterprise:
    busy = {item.uscc for item in known if item.kind == kind and item.until is None}
    for item in able:
        if item.uscc not in busy:
            return item
    raise Cannot(f"All {len(able)} that can misbehave so do so already: make behave ends it.")


def _sentence(item: Enterprise, episode: Episode) -> str:
    who = f"{item.entry.name_zh} {item.entry.name_en} ({item.uscc})"
    since = f"{clock.moment(episode.since):%Y-%m-%d %H:%M}"
    if episode.kind == FURNACE:
        return (
            f"{who}: {item.recipe.facility_zh} {item.recipe.facility_en} burns {STRAIN:.0%} more"
            f" energy a tonne since {since}; the readings since then are sent again, corrected."
            " Watch the unit consumption (单耗) of 24 hours of this facility and enterprise: a red"
            " lead in the alert feed, within a minute."
        )
    if item.monitor is None:
        raise ValueError(item.uscc)
    limit = item.monitor.limit
    return (
        f"{who}: {item.monitor.quantity} at outlet {item.monitor.outlet} is at"
        f" {EXCESS * limit:g} mg/m³, {EXCESS:g} times its limit of {limit:g}, since {since}. Watch"
        " the hour means of the outlet: a suspected exceedance (涉嫌超标) in the alert feed."
    )
