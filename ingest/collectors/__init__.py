"""One module per transport; the module's name is the `kind` of a collector's configuration.

Each has `Settings`, a pydantic model of its own table in the configuration, and
`run(settings, intake)`, which collects until it is cancelled. One whose payloads can be tried again
has `replay(intake, sender, payload)`, which returns the answer or `Rejected`.
"""
