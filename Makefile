# Two commands do it all: `make run` and `make test`. Both make .venv first; only Python 3.11+ and make are needed.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help run web run-cluster test test-web screens format soak bench consistency lock audit clean
.DEFAULT_GOAL := help

help: ## Show this
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

run: .venv/.run ## Start the server with the demo business, on http://127.0.0.1:8000
	@$(BIN)/python -m ops.web --quiet
	@$(BIN)/python server.py serve --demo

web: .venv/.run ## Build the pages anew, if anything of them changed
	@$(BIN)/python -m ops.web

# What else a cluster is given, as: make run-cluster CLUSTER="--workers 4 --port 8080"
CLUSTER ?= --workers 2
run-cluster: .venv/.test ## The same by several processes on the one port, with a Redis between them
	@$(BIN)/python -m ops.cluster $(CLUSTER)

# Tests run in two processes, each with a Postgres of its own; as: make test PROCESSES=4
PROCESSES ?= 2
test: .venv/.test ## Run every check of CI: format, lint, types, import contracts, tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest --numprocesses $(PROCESSES) --dist worksteal

# Some of them, as: make test-web WEB="booking.test.mjs live.test.mjs"
WEB ?=
test-web: .venv/.test ## Book, race, go offline and more in a real browser (needs Chromium and Node)
	$(BIN)/python -m tests.web $(WEB)

screens: .venv/.test ## Take the README's pictures of the pages anew
	CHAIRTIME_SCREENS=1 $(BIN)/python -m tests.web everyone.test.mjs

format: .venv/.test ## Format, and mend what can be mended
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

soak: .venv/.test ## Run the long proofs at full size
	CHAIRTIME_SOAK=1 CHAIRTIME_HYPOTHESIS=soak $(BIN)/python -m pytest tests/proofs tests/domain tests/schema/plans/test_drawn.py tests/schema/test_limits.py -s

bench: .venv/.test ## Measure, and print medians and ratios
	$(BIN)/python -m bench
	$(BIN)/python -m bench.http
	$(BIN)/python -m bench.ahead

# As many VERIFIED reads as: make consistency READS=1000000
READS ?= 100000
consistency: .venv/.test ## Read what was just booked in other processes, while things break
	$(BIN)/python -m bench.consistency --fault all --reads $(READS)

lock: .venv/.test ## Pin the newest versions that pyproject.toml allows
	$(BIN)/pip-compile --quiet --strip-extras --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-header --upgrade --output-file requirements.txt pyproject.toml
	$(BIN)/pip-compile --quiet --strip-extras --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-header --upgrade --extra dev --constraint requirements.txt --output-file requirements-dev.txt pyproject.toml

audit: .venv/.test ## Look for known vulnerabilities in what is pinned
	$(BIN)/pip-audit --requirement requirements-dev.txt --no-deps --disable-pip

clean: ## Remove .venv and caches; the data in data/ stays
	rm -rf .venv web/dist web/node_modules .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit("Chairtime needs Python 3.11 or later; this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.12 ...") if sys.version_info < (3, 11) else None'
	@echo "Making .venv"
	@$(PYTHON) -m venv .venv

.venv/.run: requirements.txt | .venv/bin/python
	@echo "Installing what the server needs (once, about half a minute)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.txt
	@touch $@

.venv/.test: requirements.txt requirements-dev.txt | .venv/bin/python
	@echo "Installing what the checks need (once, about a minute)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements-dev.txt
	@touch $@ .venv/.run
