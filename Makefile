# `make demo` and `make test` do their own set-up; a second run starts at once.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
SETUP = $(PYTHON) tools/setup.py --venv $(VENV)

.PHONY: demo test test-wheel lint types floors check bench samples bundle languages lock clean help mutants reliability

help:
	@echo "make demo    the main job on simulated hardware, in about a minute"
	@echo "make test    the whole test-suite"
	@echo "make check   lint, types and import floors"
	@echo "make bench   the benchmarks: tables and JSON"
	@echo "make bundle  the tool with all it needs, for a USB stick"
	@echo "make reliability  cut the power everywhere; about an hour"
	@echo "make mutants break the boot rules one by one; each must be noticed"
	@echo "make languages  collect the texts of technicians anew; translations are kept"
	@echo "make samples rebuild the sample firmware and compare bit for bit"

demo:
	@$(SETUP) runtime
	@$(BIN)/fwtool demo $(DEMO_OPTIONS)

test:
	@$(SETUP) dev
	@$(BIN)/python -m pytest -n auto $(PYTEST_OPTIONS)

test-wheel:
	@$(SETUP) dev
	@$(BIN)/python tools/test_wheel.py

check: lint types floors

lint:
	@$(SETUP) dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types:
	@$(SETUP) dev
	$(BIN)/mypy
	$(BIN)/mypy --platform win32 --cache-dir .mypy_cache/win32

floors:
	@$(SETUP) dev
	$(BIN)/lint-imports

bench:
	@$(SETUP) dev
	@$(BIN)/python -m benchmarks --json benchmarks/results.json --report docs/performance.md $(BENCH_OPTIONS)

mutants:
	@$(SETUP) dev
	@$(BIN)/python -m tests.reliability.mutants

reliability:
	@$(SETUP) dev
	@$(BIN)/python -m tests.reliability --report docs/reliability.md

samples:
	@$(SETUP) runtime
	@$(BIN)/python firmware_samples/rebuild.py --check

languages:
	@$(SETUP) dev
	@$(BIN)/python tools/languages.py

bundle:
	@$(SETUP) dev
	@$(BIN)/python tools/bundle.py $(BUNDLE_OPTIONS)

lock:
	for name in build runtime dev; do \
	  uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
	    --custom-compile-command "make lock" requirements/$$name.in -o requirements/$$name.txt; done

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .import_linter_cache
