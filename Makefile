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

.PHONY: help serve test lint types format schema migration assets wheel audit licenses lock bench clean

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

wheel: assets $(VENV)/.installed-dev ## Build the complete wheel, and its SBOM beside it, in dist/
	@$(PIP) wheel --no-deps --wheel-dir dist .
	@rm -rf $(VENV)-sbom && $(PYTHON) -m venv --without-pip $(VENV)-sbom
	@$(PY) -c "$$REQUIREMENTS" > $(VENV)-sbom/requirements.txt
	@$(PIP) --python $(VENV)-sbom install -c constraints.txt -r $(VENV)-sbom/requirements.txt
	@wheel=$$(ls -t dist/*.whl | head -1) && $(PY) -m cyclonedx_py environment $(VENV)-sbom \
		--pyproject pyproject.toml --output-reproducible --output-file "$${wheel%-py3-none-any.whl}.cdx.json"
	@rm -rf $(VENV)-sbom
	@ls dist

audit: $(VENV)/.installed-dev ## Compare all pinned versions with the known vulnerabilities
	@$(PY) -m supply_chain.audit

licenses: $(VENV)/.installed-dev ## Write the licenses of the dependencies into docs/security.md
	@$(PY) -m supply_chain.licenses

lock: ## Pin the newest versions that pyproject.toml allows into the two constraint files
	rm -rf $(VENV)-lock && $(PYTHON) -m venv $(VENV)-lock
	$(VENV)-lock/bin/python -m pip --disable-pip-version-check -qq install \
		-r <($(PYTHON) -c "$$REQUIREMENTS")
	$(VENV)-lock/bin/python -m pip freeze --all --exclude pip --exclude setuptools > constraints.txt
	$(VENV)-lock/bin/python -m pip --disable-pip-version-check -qq install \
		-c constraints.txt -r <($(PYTHON) -c "$$REQUIREMENTS" dev)
	$(VENV)-lock/bin/python -m pip freeze --all --exclude pip --exclude setuptools | \
		grep -vxFf constraints.txt > constraints-dev.txt
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

$(VENV)/.installed-dev: $(VENV)/.installed constraints-dev.txt
	@$(PIP) install -c constraints.txt -c constraints-dev.txt -r <($(PY) -c "$$REQUIREMENTS" dev)
	@touch $@
