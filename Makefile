.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check -qq
PACKAGES := core language storage providers ranking resolvers schema rest workers

# Prints the requirements of pyproject.toml, including those of the dependency groups in its arguments.
define REQUIREMENTS
import sys, tomllib
project = tomllib.load(open("pyproject.toml", "rb"))
print(*project["project"]["dependencies"], sep="\n")
for group in sys.argv[1:]:
    print(*project["dependency-groups"][group], sep="\n")
endef
export REQUIREMENTS

# The tests start many Python processes: without bytecode files, each compiles the whole source again.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help serve test lint types format schema migration assets wheel lock bench clean

help: ## List the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 12

serve: $(VENV)/.installed ## Install, migrate and start the server
	@$(PY) -m schema.transport.graphiql assets || \
		echo "GraphiQL's files could not be fetched: the page will load them from a CDN. Continuing."
	@exec $(PY) server.py serve

test: $(VENV)/.installed-dev ## Install and run the tests, those of the database also on PostgreSQL if available
	@$(PY) -m schema.transport.graphiql assets || echo "GraphiQL's files could not be fetched. Continuing."
	$(PY) -m pytest -n auto --dist loadgroup $(ARGS)

lint: $(VENV)/.installed-dev ## Check style
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

types: $(VENV)/.installed-dev ## Check types
	$(PY) -m mypy

format: $(VENV)/.installed-dev ## Sort imports, fix style and format the code
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

schema: $(VENV)/.installed ## Print the GraphQL schema into schema/schema.graphql
	$(PY) server.py export-schema --output schema/schema.graphql

migration: $(VENV)/.installed-dev ## Write a migration for changed tables: make migration NAME="what changed"
	$(PY) -m storage.migrate "$(NAME)"

assets: $(VENV)/.installed ## Fetch GraphiQL's files, for browsers without internet access
	$(PY) -m schema.transport.graphiql assets

wheel: assets ## Build the complete dist/mnemograph_server-VERSION-py3-none-any.whl
	@$(PIP) wheel --no-deps --wheel-dir dist .
	@ls dist

lock: ## Pin the newest versions that pyproject.toml allows into constraints.txt
	rm -rf $(VENV)-lock && $(PYTHON) -m venv $(VENV)-lock
	$(VENV)-lock/bin/python -m pip --disable-pip-version-check -qq install \
		-r <($(PYTHON) -c "$$REQUIREMENTS" dev)
	$(VENV)-lock/bin/python -m pip freeze --all --exclude pip --exclude setuptools > constraints.txt
	rm -rf $(VENV)-lock

bench: $(VENV)/.installed-dev ## Run the benchmarks
	$(PY) -m benchmarks.run

clean: ## Remove installed, fetched and cached files, but never the data
	rm -rf $(VENV) assets dist .mypy_cache .pytest_cache .ruff_cache

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Mnemograph needs Python 3.11 or newer; set PYTHON to one."; exit 1; }
	@echo "Installing into $(VENV); the first time takes a minute or two."
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml constraints.txt
	@$(PIP) install -c constraints.txt -r <($(PY) -c "$$REQUIREMENTS")
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@$(PIP) install -c constraints.txt -r <($(PY) -c "$$REQUIREMENTS" dev)
	@touch $@
