"""The rules of the field as pure functions: no input or output, no clock, no framework."""
