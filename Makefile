PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip install --quiet --constraint constraints.txt

.PHONY: setup setup-dev setup-deploy vendor diagram demo test conformance check clean

# The product alone, as `pip install focuswatch` brings it: all that a scan of files and the demo need.
setup: $(VENV)/ready

# What the tests need beside it, from PyPI and npm.
setup-dev: $(VENV)/dev node_modules/.ready

# What `npx cdk deploy` and `focuswatch doctor` need, without what tests need.
setup-deploy: $(VENV)/deploy node_modules/.deploy

$(VENV)/ready: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "focuswatch needs Python 3.11 or newer; name one: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(PIP) --upgrade pip
	$(PIP) --editable .
	touch $@

$(VENV)/dev: $(VENV)/ready
	$(PIP) --editable '.[dev]'
	touch $@

$(VENV)/deploy: $(VENV)/ready
	$(PIP) --editable '.[aws,deploy]'
	touch $@

NPM := npm install --no-package-lock --no-audit --no-fund --no-update-notifier --loglevel=error

# The marks are hidden files, which npm leaves alone.
node_modules/.ready: package.json
	$(NPM)
	touch $@

# Where everything is installed, `--omit=dev` would remove what the tests need.
node_modules/.deploy: package.json
	$(NPM) $$(test -e node_modules/.ready || echo --omit=dev)
	touch $@

# What the page is drawn with, as npm delivers package.json's versions; the sums are those that were reviewed.
vendor: node_modules/.ready
	cp node_modules/d3/dist/d3.min.js node_modules/@observablehq/plot/dist/plot.umd.min.js focuswatch/reports/page/vendor/
	cd focuswatch/reports/page/vendor && sha256sum --check SHA256SUMS

# Update the package diagram in docs/architecture.md from the imports in the code.
diagram: setup
	$(BIN)/python -m tests.architecture --write

# Simulate an organization and scan its bill: what focuswatch finds, without a bill of your own.
demo: setup
	$(BIN)/focuswatch demo

# Everything that must hold: style, types, every test (the catalog's rules are among them).
test: check setup-dev
	$(BIN)/python -m pytest

# Every case of every detection on a real Trino, a whole scan, and the deployed whole behind Athena's door.
conformance: setup-dev
	FOCUSWATCH_CONFORMANCE=all $(BIN)/python -m pytest tests/engines/test_conformance.py tests/engines/test_athena_statements_on_trino.py tests/engines/test_trino_engine.py tests/end_to_end/test_deployed.py

check: $(VENV)/dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

clean:
	rm -rf $(VENV) node_modules cdk.out demo build dist .pytest_cache .mypy_cache .ruff_cache
