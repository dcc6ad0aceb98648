"""Sockets in, committed rows out: `python -m ingest`."""
