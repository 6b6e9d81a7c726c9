# make demo   the main job on the bundled recording
# make test   every test
# make lint   ruff and mypy
# make bench  speed, stage by stage; bench-live: ten minutes on a virtual microphone
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
# A strict editable install links files one by one: a new file changes its folder's time and is linked then.
PARTS  := pyproject.toml app app/commands app/pitch app/sinks dsp dynamics configs app/live app/view app/view/static

# A sound system and a browser, for the tests of live input and its page; without them those say why they skip.
SYSTEM := jackd2 libportaudio2 chromium

.PHONY: demo test lint bench bench-sharpness bench-transcription bench-dynamics clean bench-live

demo: $(STAMP)
	$(BIN)/python examples/demo.py

test: $(STAMP)-dev $(STAMP)-system
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

bench-transcription: $(STAMP)-bench
	$(BIN)/python -m benchmarks.transcription $(ARGS)

bench-dynamics: $(STAMP)-bench
	$(BIN)/python -m benchmarks.dynamics $(ARGS)

bench-live: $(STAMP)-dev $(STAMP)-system
	$(BIN)/python -m benchmarks.live $(ARGS)

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "sharpear needs Python 3.11 or newer, this is $$($(PYTHON) --version): run make PYTHON=python3.11" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(STAMP): $(VENV)/bin/python $(PARTS)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[plot,view]'
	@touch $@

$(STAMP)-dev: $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

$(STAMP)-bench: $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[bench]'
	@touch $@

$(STAMP)-system: $(VENV)/bin/python
	@if command -v jackd >/dev/null && command -v chromium >/dev/null && ldconfig -p | grep libportaudio >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(SYSTEM) >/dev/null || echo "cannot install $(SYSTEM): some tests of live input will skip" >&2; \
	else echo "to test live input: apt-get install $(SYSTEM)" >&2; fi
	@touch $@

clean:
	rm -rf build dist demo *.egg-info .mypy_cache .ruff_cache .pytest_cache
	find app dsp dynamics -name __pycache__ -prune -exec rm -rf {} +
