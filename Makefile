PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip install --quiet --constraint constraints.txt

.PHONY: setup setup-dev setup-deploy vendor diagram demo test conformance check clean

# Install focuswatch as `pip install focuswatch` does: enough to scan files and to run the demo.
setup: $(VENV)/ready

# Install test dependencies from PyPI and npm.
setup-dev: $(VENV)/dev node_modules/.ready

# Install the dependencies of `npx cdk deploy` and `focuswatch doctor`, without those of tests.
setup-deploy: $(VENV)/deploy node_modules/.deploy

$(VENV)/ready: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "focuswatch needs Python 3.11 or newer; name one: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(PIP) --upgrade pip
	$(PIP) --editable .
	touch $@

# pip compiles on one core; of aws_cdk's 180 MB the stacks import a third. Some packages have files that do not compile.
$(VENV)/dev: $(VENV)/ready
	$(PIP) --no-compile --editable '.[dev]'
	$(BIN)/python -m compileall -qq -j 0 -x /aws_cdk/ $(VENV)/lib || true
	touch $@

$(VENV)/deploy: $(VENV)/ready
	$(PIP) --editable '.[aws,deploy]'
	touch $@

NPM := npm install --no-package-lock --no-audit --no-fund --no-update-notifier --loglevel=error

# The marker files are hidden, so that npm does not remove them.
node_modules/.ready: package.json
	$(NPM)
	touch $@

# With test dependencies installed, `--omit=dev` would remove them.
node_modules/.deploy: package.json
	$(NPM) $$(test -e node_modules/.ready || echo --omit=dev)
	touch $@

# Copy the page's chart libraries from npm, in package.json's versions, and verify their reviewed checksums.
vendor: node_modules/.ready
	cp node_modules/d3/dist/d3.min.js node_modules/@observablehq/plot/dist/plot.umd.min.js focuswatch/reports/page/vendor/
	cd focuswatch/reports/page/vendor && sha256sum --check SHA256SUMS

# Update the package diagram in docs/architecture.md from the imports in the code.
diagram: setup
	$(BIN)/python -m tests.package_rules --write

# Simulate an organization's bill and scan it.
demo: setup
	$(BIN)/focuswatch demo

# Run all checks and tests: format, lint, types, tests, rules of the catalog.
test: check setup-dev
	$(BIN)/python -m pytest

# Run each case of each detection, a whole scan and a deployment on a real Trino.
conformance: setup-dev
	FOCUSWATCH_CONFORMANCE=all $(BIN)/python -m pytest tests/end_to_end/test_deployed.py tests/engines/test_trino_engine.py tests/engines/test_athena_statements_on_trino.py tests/engines/test_conformance.py

check: $(VENV)/dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

clean:
	rm -rf $(VENV) node_modules cdk.out demo build dist .pytest_cache .mypy_cache .ruff_cache
