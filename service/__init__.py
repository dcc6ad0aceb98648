"""Rollups, evaluation, interface and console: `python -m service api | analyze`."""
