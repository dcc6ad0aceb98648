"""The commands that let an enterprise misbehave, and behave again."""

from collections.abc import Sequence

from deploy.local.errors import Cannot
from deploy.local.fleet import clock, episodes, registry
from deploy.local.fleet.enterprises import Enterprise, enterprises
from deploy.local.fleet.episodes import EXCEED, FURNACE, Episode
from deploy.local.fleet.monitors import EXCESS
from deploy.local.fleet.sender import now
from deploy.local.fleet.variables import Variables


def misbehave(variables: Variables, county: str, kind: str) -> str:
    """Begin an episode in a county; returns what happens and what to watch. Raises Cannot."""
    names = {
        row["code"]: f"{row['name_zh']} {row['name_en']}" for row in registry.region()["counties"]
    }
    if county not in names:
        known = ", ".join(f"{code} {name}" for code, name in names.items())
        raise Cannot(f"There is no county {county} in the demo; there are {known}.")
    able = [item for item in enterprises(None) if _is_able(item, kind)]
    here = [item for item in able if item.county == county]
    if not here:
        others = sorted({item.county for item in able})
        known = ", ".join(f"{code} {names[code]}" for code in others)
        what = "outlet with a VOC monitor" if kind == EXCEED else "furnace"
        raise Cannot(f"{names[county]} has no {what}; these counties have one: {known}.")
    known_episodes = episodes.load(variables.home)
    item = _idle(here, known_episodes, kind)
    begun = episodes.begin(known_episodes, kind, county, item.uscc, now())
    episodes.save(variables.home, begun)
    return _sentence(item, begun[-1])


def behave(variables: Variables) -> str:
    """End all episodes; returns what was done."""
    known = episodes.load(variables.home)
    going = [item for item in known if item.until is None]
    if not going:
        return "No enterprise misbehaves."
    episodes.save(variables.home, episodes.end(known, now()))
    return (
        f"{len(going)} episode(s) ended. What was burned stays on the dials: the alerts of the last"
        " 24 hours end as those hours pass; hour means are normal from this clock hour on."
    )


def _is_able(item: Enterprise, kind: str) -> bool:
    return item.recipe.furnace if kind == FURNACE else item.monitor is not None


def _idle(able: Sequence[Enterprise], known: Sequence[Episode], kind: str) -> Enterprise:
    busy = {item.uscc for item in known if item.kind == kind and item.until is None}
    for item in able:
        if item.uscc not in busy:
            return item
    raise Cannot(f"All {len(able)} of that county misbehave already; `behave` ends it.")


def _sentence(item: Enterprise, episode: Episode) -> str:
    who = f"{item.entry.name_zh} {item.entry.name_en} ({item.uscc})"
    since = f"{clock.moment(episode.since):%Y-%m-%d %H:%M}"
    if episode.kind == FURNACE:
        return (
            f"{who}: {item.recipe.facility_zh} {item.recipe.facility_en} burns 40 % more energy a"
            f" tonne since {since}. Watch the unit consumption (单耗) of 24 hours of this facility"
            " and enterprise: a red lead in the alert feed, within a minute while the fleet runs."
        )
    if item.monitor is None:
        raise ValueError(item.uscc)
    limit = item.monitor.limit
    return (
        f"{who}: {item.monitor.quantity} at outlet {item.monitor.outlet} is at"
        f" {EXCESS * limit:g} mg/m³, {EXCESS:g} times its limit of {limit:g}, since {since}. Watch"
        " the hour means of the outlet: a suspected exceedance (涉嫌超标) in the alert feed."
    )
