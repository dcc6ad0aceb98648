"""Shapes shared by the two programs; no behaviour, no input or output."""
