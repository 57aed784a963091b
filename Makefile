# One command each; people, hooks and CI run the same ones.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help setup demo test test-all check fix bench clean
help:            ## list the targets
	@grep -hE '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

.venv/.ready: pyproject.toml
	$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else f"expected Python >= 3.11, got {v.major}.{v.minor}: run make PYTHON=python3.11 …")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable ".[dev]"
	@touch $@

setup: .venv/.ready     ## install Segue and its tools into .venv

demo: .venv/.ready      ## the whole story on generated data, offline, in minutes
	$(BIN)/segue demo

test: .venv/.ready      ## the fast tests: no network, no GPU, a few minutes
	$(BIN)/python -m pytest -m "not slow and not shared and not gpu" -n auto

test-all: .venv/.ready  ## every test, slow ones and those on real data included
	$(BIN)/python -m pytest

check: .venv/.ready     ## lint, formatting and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

fix: .venv/.ready       ## format and repair what can be repaired
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.venv/.bench-ready: .venv/.ready
	$(BIN)/python -m pip install --quiet --editable ".[bench]"
	@touch $@

bench: .venv/.bench-ready ## Segue beside its peers, half an hour; CAMVID=FOLDER WEIGHTS=FILE for all of it
	$(BIN)/python benchmarks/bench.py $(if $(CAMVID),--camvid "$(CAMVID)") $(if $(WEIGHTS),--weights "$(WEIGHTS)")

clean:                  ## remove what the other targets made
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache build dist
