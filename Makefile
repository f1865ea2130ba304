# Needs python3 (3.11 or newer, with venv), make and a C compiler. `make help` lists what there is.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input

# install LOCKS,STAMP: a virtual environment with exactly the locked packages and this project, unless it has them already.
# The stamp holds the hash of what was installed from; the one of the developers' environment serves everybody.
define install
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed"; exit 1; }
	wanted=$$($(PYTHON) -c 'import hashlib, sys; print(hashlib.sha256(b"".join(open(name, "rb").read() for name in sys.argv[1:])).hexdigest())' requirements*.lock pyproject.toml)
	for stamp in $(2) $(VENV)/installed-dev; do
		if [ -x $(BIN)/nrm ] && [ "$$(cat $$stamp 2>/dev/null)" = "$$wanted" ]; then exit 0; fi
	done
	$(BIN)/python -c '' 2>/dev/null || { rm -rf $(VENV); $(PYTHON) -m venv $(VENV); }
	echo "installing the locked packages into $(VENV)"
	$(PIP) install --quiet --require-hashes $(foreach lock,$(1),-r $(lock))
	$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	echo "$$wanted" > $(2)
endef

.ONESHELL:

.PHONY: help
help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: runtime ## show the whole journey of a case with synthetic data: starts everything it needs
	@exec $(BIN)/nrm demo

.PHONY: run
run: runtime ## serve the API for development, with the embedded PostgreSQL
	@$(BIN)/nrm migrate
	exec $(BIN)/nrm serve

.PHONY: setup
setup: environment ## install what developers need
	@if ! cmp --silent openapi/clients/package-lock.json $(VENV)/installed-node; then
		echo "installing the locked packages that check the contract"
		$(BIN)/npm ci --prefix openapi/clients --ignore-scripts --no-audit --no-fund --silent
		cp openapi/clients/package-lock.json $(VENV)/installed-node
	fi

.PHONY: environment
environment:
	@$(call install,requirements-dev.lock,$(VENV)/installed-dev)

.PHONY: runtime
runtime:
	@$(call install,requirements.lock requirements-build.lock,$(VENV)/installed-runtime)

.PHONY: test
test: setup ## run every test
	@$(BIN)/pytest --numprocesses auto --dist loadfile

.PHONY: coverage
coverage: setup ## run every test, which takes twice as long when it is watched, and report what of the core none reaches
	@$(BIN)/pytest --timeout 900 --numprocesses auto --dist loadfile --cov --cov-report=
	$(BIN)/coverage report

.PHONY: check
check: format lint types imports sops test ## everything that must hold before a change is submitted

.PHONY: format
format: setup ## refuse files that are not formatted (`make fix` formats them)
	@$(BIN)/ruff format --check --quiet .

.PHONY: lint
lint: setup ## refuse what the linter finds
	@$(BIN)/ruff check --quiet .

.PHONY: types
types: setup ## check the types, strictly
	@$(BIN)/mypy

.PHONY: imports
imports: setup ## check the one direction of imports
	@$(BIN)/lint-imports --no-logo

.PHONY: sops
sops: setup ## prove the procedures' invariants and compare them with their lock
	@$(BIN)/nrm sop check
	$(BIN)/python -c 'from pathlib import Path; from domain.workflow import lock; lock.verify(Path("sops"))'

.PHONY: fix
fix: setup ## format, and repair what the linter can
	@$(BIN)/ruff check --quiet --fix . || true
	$(BIN)/ruff format --quiet .

.PHONY: attacks
attacks: setup ## try to break the confidentiality, and say what was tried; ATTACKS='--pairs 24' passes options
	@$(BIN)/pytest -q -m attack --numprocesses auto --dist loadfile $(ATTACKS)

.PHONY: canaries
canaries: setup ## plant words of 10,000 cases and search all that is left behind; CANARIES=2000 plants fewer
	@$(BIN)/pytest -q --timeout 7200 --canaries $(or $(CANARIES),10000) tests/attacks/test_canaries.py

.PHONY: mutants
mutants: setup ## plant weaknesses one by one in a copy of the tree: the tests must notice each; writes docs/mutants.md
	@$(BIN)/python -m tests.mutants $(MUTANTS)

.PHONY: fuzz
fuzz: setup ## send thousands of generated requests to every operation of the contract
	@HYPOTHESIS_PROFILE=thorough $(BIN)/pytest -q --timeout 3600 tests/clients/test_fuzzing.py

.PHONY: races
races: setup ## let ten thousand disclosures race the withdrawal of their consent
	@$(BIN)/pytest -q --timeout 3600 --disclosures 10000 tests/attacks/test_consent.py

.PHONY: bench
bench: setup ## measure against the bare minimum, and against other engines; BENCH='--scale 10000' passes options
	@wanted=$$($(PYTHON) -c 'import hashlib; print(hashlib.sha256(open("requirements-bench.lock", "rb").read()).hexdigest())')
	if [ "$$(cat .venv-bench/installed 2>/dev/null)" != "$$wanted" ]; then
		rm -rf .venv-bench
		$(PIP) install --quiet --require-hashes --no-deps --target .venv-bench -r requirements-bench.lock
		echo "$$wanted" > .venv-bench/installed
	fi
	PYTHONPATH=.venv-bench $(BIN)/python -m benchmarks $(BENCH)

.PHONY: openapi
openapi: setup ## write the API's description anew
	@$(BIN)/nrm openapi --output openapi/openapi.json

.PHONY: lock
lock: ## resolve the packages anew and pin them with their hashes (needs uv)
	@compile() { uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 "$$@"; }
	compile pyproject.toml -o requirements.lock
	compile pyproject.toml --group dev -c requirements.lock -o requirements-dev.lock
	printf 'python-statemachine\nspiffworkflow\ntransitions\n' | compile - --no-annotate -c requirements-dev.lock -o requirements-bench.lock
	printf 'editables\nhatchling\n' | compile - --no-annotate -c requirements-dev.lock -o requirements-build.lock

.PHONY: clean
clean: ## remove everything that make made: environment, caches, and the development data
	@if [ -x $(BIN)/python ]; then
		$(BIN)/python -c 'from pathlib import Path; from api.postgres import Server; [Server(Path(place)).remove() for place in (".nrm/postgres", ".nrm/demo/postgres")]' || true
	fi
	rm -rf .nrm $(VENV) .venv-bench openapi/clients/node_modules .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache dist *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
