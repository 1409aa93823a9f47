PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: setup setup-deploy demo test check clean

setup: $(VENV)/ready

$(VENV)/ready: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "focuswatch needs Python 3.11 or newer; name one: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip --constraint constraints.txt
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

# What `npx cdk` needs, beside the Python of setup.
setup-deploy: setup node_modules/ready

node_modules/ready: package.json
	npm install --no-package-lock --no-audit --no-fund --loglevel=error
	touch $@

# A simulated organisation, scanned: what focuswatch finds, without a bill of your own.
demo: setup
	$(BIN)/focuswatch demo

# Everything that must hold: style, types, every test (the catalog's rules are among them).
test: check setup-deploy
	$(BIN)/python -m pytest

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

clean:
	rm -rf $(VENV) node_modules cdk.out demo build dist .pytest_cache .mypy_cache .ruff_cache
