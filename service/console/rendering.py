"""Templates, and the headers that every page carries."""

from dataclasses import dataclass
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from service.console.figures import figures_of
from service.console.words import Words

FOLDER = Path(__file__).parent / "templates"
HEADERS = {
    # nothing is loaded from outside, and no script or style stands in a page
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; object-src 'none';"
    " base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}


@dataclass(frozen=True, slots=True)
class Renderer:
    """What renders pages; ``version`` is that of the files beside them."""

    environment: Environment
    version: str

    def __call__(
        self, template: str, words: Words, status: int = 200, **context: object
    ) -> HTMLResponse:
        """Return a template as a response; it prints by ``w`` (words) and ``f`` (figures)."""
        html = self.environment.get_template(template).render(
            w=words, f=figures_of(words), static=f"/static/{self.version}", **context
        )
        return HTMLResponse(html, status, HEADERS)


def install(app: FastAPI, version: str) -> None:
    """Let the application render pages; what a template names must be there."""
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.policies["json.dumps_kwargs"] = {"ensure_ascii": False}
    app.state.console = Renderer(environment, version)


def renderer_of(request: Request) -> Renderer:
    """Return what renders pages."""
    renderer: Renderer = request.app.state.console
    return renderer
