"""One module per transport; the module's name is the `kind` of a collector's configuration.

Each has `Settings`, a pydantic model of its own table in the configuration, and
`run(settings, intake)`, which collects until it is cancelled.
"""
