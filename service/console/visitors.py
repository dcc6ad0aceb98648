"""Who looks at a page, what they may see, and in which language."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from schemas.access import Domain, Verb
from service.access import COOKIE, Permit, caller, permits
from service.console.figures import Figures, figures_of
from service.console.words import LANGUAGES, Words, words_of

LANGUAGE_COOKIE = "qingyu_language"
may_look = permits((Domain.ENERGY, Verb.READ), (Domain.ENVIRONMENT, Verb.READ))


@dataclass(frozen=True, slots=True)
class Visitor:
    """A caller with the words to talk to them."""

    permit: Permit
    words: Words
    is_guest: bool

    @property
    def figures(self) -> Figures:
        """Return how figures are printed for them."""
        return figures_of(self.words)

    @property
    def energy_regions(self) -> list[str]:
        """Return the regions whose county figures they may read."""
        return self.permit.client.regions(Domain.ENERGY, Verb.READ)

    @property
    def is_operator(self) -> bool:
        """Tell whether they may see what the platform refused."""
        return bool(self.permit.client.regions(Domain.PLATFORM, Verb.READ))

    def may_read(self, domain: Domain, county: str) -> bool:
        """Tell whether they may read what belongs to a domain in a county."""
        return any(county.startswith(r) for r in self.permit.client.regions(domain, Verb.READ))

    def within(self, county: str | None) -> Permit:
        """Return their permit, narrowed to a county where one is named and they may see it."""
        if county and any(county.startswith(region) for region in self.permit.regions):
            return Permit(self.permit.client, [county])
        return self.permit


def language_of(request: Request) -> str:
    """Return the language that is asked for, else the one chosen before, else Chinese."""
    asked = request.query_params.get("lang") or request.cookies.get(LANGUAGE_COOKIE, "")
    return asked if asked in LANGUAGES else LANGUAGES[0]


async def visitor(request: Request) -> Visitor:
    """Return who looks; raises a problem where they may not."""
    client = await caller(request)
    permit = await may_look(client)
    has_key = "authorization" in request.headers or COOKIE in request.cookies
    return Visitor(permit, words_of(language_of(request)), is_guest=not has_key)


VisitorDep = Annotated[Visitor, Depends(visitor)]
