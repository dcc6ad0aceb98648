"""The operators' and regulators' pages."""
