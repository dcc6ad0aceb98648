# Everything goes through .venv, which the bootstrap makes from a lock file with hashes.
LOCAL = python3 deploy/local/bootstrap.py local --
DEV = python3 deploy/local/bootstrap.py dev --
.DEFAULT_GOAL = help
.PHONY: up down misbehave behave statistics packet test check soak bench lock clean help

up: ## the whole product on this machine (DETACH=1: in the background, DEMO=0: empty)
	@$(LOCAL) deploy.local.up

down: ## stop what `make up DETACH=1` started
	@$(LOCAL) deploy.local.down

misbehave: ## COUNTY=620623 burns more per tonne; KIND=exceed: an outlet exceeds its limit
	@$(LOCAL) deploy.local.fleet misbehave --county "$(COUNTY)" --kind "$(or $(KIND),furnace)"

behave: ## end every misbehaviour
	@$(LOCAL) deploy.local.fleet behave

statistics: ## QUARTER=2026Q3: import the demo's next official quarter
	@$(LOCAL) deploy.local.fleet statistics $(if $(QUARTER),--quarter "$(QUARTER)")

packet: ## VALUE=55: one HJ 212 packet of the demo's monitor over TCP, and its answer
	@$(LOCAL) deploy.local.packet $(if $(CN),--cn $(CN)) $(if $(VALUE),--value $(VALUE))

test: ## unit, contract, database, end to end and browser tests
	@$(DEV) pytest $(ARGS)

check: ## format, lint, types, import contracts, migrations
	@$(DEV) deploy.local.check

soak: ## kills, stalls, floods and fuzzing for long: faults with readings of six weeks
	@QINGYU_SOAK=1 $(DEV) pytest -s tests/end_to_end/faults tests/fuzz $(ARGS)

bench: ## figures of ingest and rollup, as a table and in .qingyu/bench.json
	@$(DEV) tests.benchmarks

lock: ## make the lock files anew from pyproject.toml
	@$(DEV) deploy.local.lock

clean: ## remove .venv, caches and the local run's files (the database too)
	@python3 -m deploy.local.clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
