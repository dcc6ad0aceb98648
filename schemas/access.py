"""Who may do what: grants of region × domain × verb, and the usual bundles of them."""

from dataclasses import dataclass
from enum import StrEnum


class Domain(StrEnum):
    """The office a grant belongs to."""

    ENERGY = "energy"
    ENVIRONMENT = "environment"
    STATISTICS = "statistics"
    METERING = "metering"
    PLATFORM = "platform"


class Verb(StrEnum):
    """What a grant allows."""

    READ = "read"
    SUBMIT = "submit"  # readings
    ENTER = "enter"  # official figures, targets; replacements, calibrations, ratios of meters
    ADMINISTER = "administer"  # the registry, clients


@dataclass(frozen=True, slots=True)
class Grant:
    """A verb in a domain, over the counties whose codes begin with ``region``."""

    region: str
    domain: Domain
    verb: Verb


_READ_ALL = tuple((domain, Verb.READ) for domain in Domain if domain is not Domain.PLATFORM)

# What a client is given when it is created with a role; a grant can be edited singly afterwards.
ROLES: dict[str, tuple[tuple[Domain, Verb], ...]] = {
    "gateway": ((Domain.METERING, Verb.SUBMIT),),
    "enterprise": ((Domain.METERING, Verb.SUBMIT), (Domain.METERING, Verb.ENTER), *_READ_ALL),
    "regulator": _READ_ALL,
    "operator": (*_READ_ALL, (Domain.PLATFORM, Verb.READ)),
    "statistics": (*_READ_ALL, (Domain.STATISTICS, Verb.ENTER)),
    "administrator": (
        *_READ_ALL,
        (Domain.PLATFORM, Verb.READ),
        (Domain.PLATFORM, Verb.ADMINISTER),
        (Domain.ENERGY, Verb.ENTER),
        (Domain.METERING, Verb.ENTER),
    ),
}
