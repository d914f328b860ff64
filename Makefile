# Kompetenspass. What a machine needs: git, make, and Python 3.11 or newer with venv. `make help` lists the targets.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

BIN := .venv/bin
STAMP := .venv/.synced
LAPTOP := $(if $(APART),--apart) $(if $(KAFKA),--kafka)
CHECKED := services shared demo bench contract tests conftest.py
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export UV_PYTHON_DOWNLOADS := never
export UV_NO_PROGRESS := 1

# Packages are kept where the installer always keeps them, unless this user has no home to write to.
ifeq ($(UV_CACHE_DIR)$(shell test -w "$${HOME:-/nowhere}" && echo yes),)
export UV_CACHE_DIR := $(CURDIR)/.venv/.cache
export PIP_NO_CACHE_DIR := 1
endif

# An environment that was made in another folder points there, and is synced again.
ifneq ($(shell cat $(STAMP) 2>/dev/null),$(CURDIR))
.PHONY: $(STAMP)
endif

.PHONY: help setup run demo kafka docs check test integration backup restore bench lock clean

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1 - /p' $(MAKEFILE_LIST) | awk -F' - ' '{printf "  make %-11s %s\n", $$1, $$2}'

setup: $(STAMP) ## make .venv with the locked packages (the other targets do it by themselves)

run: setup ## start the five services in one process (APART=1: in five; KAFKA=1: over Kafka), on a PostgreSQL of their own; Ctrl-C stops all
	@exec $(BIN)/python -m services $(LAPTOP)

demo: setup ## start them and play the story, from one merit to a role that rests on 23; EXIT=1 ends after it, APART=1 and KAFKA=1 as for run
	@exec $(BIN)/python -m demo $(LAPTOP) $(if $(EXIT),--exit)

kafka: setup ## run a Kafka of its own on this machine (NODES=3: three nodes; Java 17 and Maven needed); Ctrl-C stops it
	@exec $(BIN)/python -m kompetenspass.embedded kafka $(if $(NODES),--nodes $(NODES))

docs: setup ## write docs/generated from the code: events, AsyncAPI, OpenAPI, settings
	$(BIN)/python -m contract write

check: setup ## format, lint, types, import walls, published contracts, rooms and sizes
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m ruff check .
	$(BIN)/python -m mypy $(CHECKED)
	$(BIN)/lint-imports
	$(BIN)/python -m contract check
	$(BIN)/python -m pytest -q tests/architecture

test: check ## check, then every test but the long ones
	$(BIN)/python -m pytest -q -n 2 $(if $(CI),--forbid-skips)

integration: setup ## the tests that take minutes, on one process, five, and five with Kafka (Java 17, Maven, Node and npm needed)
	$(BIN)/python -m pytest -q -m long tests $(if $(CI),--forbid-skips)

backup: setup ## write the embedded database to FILE (.run/backup.dump); the services may run
	@exec $(BIN)/python -m kompetenspass.embedded backup $(or $(FILE),.run/backup.dump)

restore: setup ## put the embedded database back as FILE has it; stop the services first
	@exec $(BIN)/python -m kompetenspass.embedded restore $(or $(FILE),.run/backup.dump)

bench: setup ## measure every case and write bench/results/latest.json (an hour); CASE=flow measures one
	@exec $(BIN)/python -m bench $(or $(CASE),all) $(if $(ROUNDS),--rounds $(ROUNDS))

lock: setup ## resolve requirements/*.lock again from pyproject.toml
	$(COMPILE) --group bootstrap -o requirements/bootstrap.lock
	$(COMPILE) pyproject.toml --extra embedded -o requirements/runtime.lock
	$(COMPILE) pyproject.toml --extra embedded --group dev -o requirements/dev.lock

clean: ## remove .venv, .run (the demo's data and keys) and every cache
	rm -rf .venv .run .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage htmlcov
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A Python that this user can read, new enough, and able to make environments.
define FIND_PYTHON
for candidate in "$(PYTHON)" python3.13 python3.12 python3.11 python3 /usr/bin/python3 /usr/local/bin/python3; do \
  test -n "$$candidate" || continue; \
  "$$candidate" -c 'import sys, venv, ensurepip, ssl; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
  echo "$$candidate"; exit 0; \
done; \
echo "No Python 3.11 or newer with venv was found. Install one (Debian: python3 python3-venv), or name it: make PYTHON=/path/to/python3" >&2; \
exit 1
endef

$(STAMP): requirements/bootstrap.lock requirements/dev.lock
	@echo "Setting up .venv with the locked packages (a minute or so, the first time) ..."
	@if test "$$(cat $(STAMP) 2>/dev/null)" = "$(CURDIR)" && $(BIN)/python -m pip --version >/dev/null 2>&1; then rm $(STAMP); \
	else python="$$($(FIND_PYTHON))" && "$$python" -m venv --clear .venv; fi
	@$(BIN)/python -m pip install --quiet --no-input --require-hashes --no-deps -r requirements/bootstrap.lock
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements/dev.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@printf '%s' "$(CURDIR)" > $(STAMP)
	@echo "Ready."
