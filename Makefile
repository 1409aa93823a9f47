PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: setup setup-deploy vendor demo test check clean

setup: $(VENV)/ready

$(VENV)/ready: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "focuswatch needs Python 3.11 or newer; name one: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip --constraint constraints.txt
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

# What comes from npm beside the Python of setup: `npx cdk`, and the browser in which the page is tested.
setup-deploy: setup node_modules/ready

node_modules/ready: package.json
	npm install --no-package-lock --no-audit --no-fund --loglevel=error
	touch $@

# What the page is drawn with, as npm delivers package.json's versions; the sums are those that were reviewed.
vendor: node_modules/ready
	cp node_modules/d3/dist/d3.min.js node_modules/@observablehq/plot/dist/plot.umd.min.js focuswatch/page/vendor/
	cd focuswatch/page/vendor && sha256sum --check SHA256SUMS

# A simulated organisation, scanned: what focuswatch finds, without a bill of your own.
demo: setup
	$(BIN)/focuswatch demo

# Everything that must hold: style, types, every test (the catalog's rules are among them).
test: check setup-deploy
	$(BIN)/python -m pytest

# Every case of every detection on a real Trino, a whole scan, and the deployed whole behind Athena's door.
conformance: setup-deploy
	FOCUSWATCH_CONFORMANCE=all $(BIN)/python -m pytest tests/test_conformance.py tests/test_athena_door.py tests/test_trino.py tests/test_deployed.py

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

clean:
	rm -rf $(VENV) node_modules cdk.out demo build dist .pytest_cache .mypy_cache .ruff_cache
