# make demo   the main job on the bundled recording
# make test   every test
# make lint   ruff and mypy
# make bench  speed, stage by stage
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
# A strict editable install links files one by one: a new file changes its folder's time and is linked then.
PARTS  := pyproject.toml app app/commands app/sinks app/separation dsp dynamics configs

.PHONY: demo test lint bench bench-sharpness bench-dynamics bench-separation clean

demo: $(STAMP)
	$(BIN)/python examples/demo.py

test: $(STAMP)-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest

lint: $(STAMP)-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/mypy

bench: $(STAMP)
	$(BIN)/python -m benchmarks.speed

bench-sharpness: $(STAMP)-bench
	$(BIN)/python -m benchmarks.sharpness $(ARGS)

bench-dynamics: $(STAMP)-bench
	$(BIN)/python -m benchmarks.dynamics $(ARGS)

bench-separation: $(STAMP)-bench
	$(BIN)/python -m benchmarks.separation $(ARGS)

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "sharpear needs Python 3.11 or newer, this is $$($(PYTHON) --version): run make PYTHON=python3.11" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(STAMP): $(VENV)/bin/python $(PARTS)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[plot]'
	@touch $@

$(STAMP)-dev: $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

$(STAMP)-bench: $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[bench]'
	@touch $@

clean:
	rm -rf build dist demo *.egg-info .mypy_cache .ruff_cache .pytest_cache
	find app dsp dynamics -name __pycache__ -prune -exec rm -rf {} +
