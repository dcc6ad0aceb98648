"""Pages of the console, rendered here; what they show comes from the same store as the API."""

from fastapi import FastAPI


def install(app: FastAPI) -> None:
    """Add the console's pages and static files to the application."""
