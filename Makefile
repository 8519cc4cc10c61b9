# Every target does its own set-up: all it needs is make and Python 3.11 or newer.

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
LAYERS := domain application projections interfaces
COMPILE_LOCK := uv pip compile --quiet --universal --generate-hashes --no-emit-index-url \
	--no-header --python-version 3.11 --extra dev pyproject.toml

# A name on PATH may be an empty promise (a version manager's shim), so each is asked.
PYTHON ?= $(shell for name in python3.13 python3.12 python3.11 python3; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& command -v $$name && break; done)

# Commands that tests start by the hundred load byte code, whatever the caller's environment says.
test test-long bench: export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help run demo test test-long test-pages check format bench lock clean

help: ## Say what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile

run: $(READY) ## Set up, migrate the ledger and serve it on loopback
	$(BIN)/capacity migrate
	$(BIN)/capacity serve

demo: $(READY) ## Show the ledger at work on sample data
	$(BIN)/capacity demo

test: $(READY) ## Run the tests (ARGS="-k suppliers" passes on to pytest; -n0 for one process)
	$(BIN)/pytest --numprocesses=auto --maxprocesses=4 --dist=worksteal $(ARGS)

test-long: $(READY) ## Run the tests that take minutes
	$(BIN)/pytest -m long -o faulthandler_timeout=7200 $(ARGS)

test-pages: $(READY) ## Test the pages in a real Chromium; keeps pictures in build/pages
	$(BIN)/pytest tests/pages $(ARGS)

check: $(READY) ## Check format, lint, types and import rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy --strict $(LAYERS) tests
	$(BIN)/lint-imports --no-logo

format: $(READY) ## Format the code and mend what the linter can
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

bench: $(READY) ## Measure, side by side; writes build/bench.json
	$(BIN)/python -m tests.bench $(ARGS)

lock: $(READY) ## Compile requirements.lock anew (ARGS="--upgrade" for newer releases)
	$(BIN)/pip install --quiet uv
	$(BIN)/$(COMPILE_LOCK) --output-file requirements.lock $(ARGS)

clean: ## Remove the virtual environment, caches and build results
	rm -rf $(VENV) build dist *.egg-info .*_cache .hypothesis
	find $(LAYERS) tests -name __pycache__ -prune -exec rm -rf {} +

# The stamp is touched last, so an interrupted set-up starts again. pip checks every hash, and
# byte-compiles (--compile) whatever the caller's environment says: a start is 2-3 times faster.
$(READY): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; name one with" \
		"make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) cannot make a" \
		"virtual environment; on Debian install python3-venv" >&2; exit 1; }
	@$(BIN)/python -c '' 2>/dev/null || $(PYTHON) -m venv --clear $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --compile --require-hashes \
		--requirement requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation \
		--editable .
	@touch $@
