# `make demo` and `make test` need nothing but git, Python >= 3.11 and a C++ compiler: the rest is installed on the way.
# `make help` lists the targets.

# The first Python that is new enough; only used to make the environment.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
  command -v $$p >/dev/null && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' && echo $$p && break; done)

VENV := .venv
BIN := $(VENV)/bin
# ROOT brings its own compiler and half a gigabyte: it lives apart, and only tests and benchmarks look for it.
ROOT_VENV := .venv-root
# So does Rucio's server.
RUCIO_VENV := .venv-rucio
# And all dependencies at their floors, with the oldest Python that is there.
LOWEST_VENV := .venv-lowest
LOWEST_BIN := $(LOWEST_VENV)/bin
LOWEST_PYTHON ?= $(or $(firstword $(foreach p,python3.11 python3.12 python3.13 python3.14, \
  $(shell command -v $p >/dev/null && $p -c 'import venv' 2>/dev/null && echo $p))),$(PYTHON))
# dask-awkward wants a Dask before 2025.4; of the newest versions its tests have nothing to run on.
OF_OLD_DASK := tests/interop/test_coffea_dask.py
LOWEST_TESTS := tests/model tests/formats tests/analysis tests/running $(OF_OLD_DASK)
# What takes longest, and is of the core, of each column that others are like, or of what versions do not matter for; what
# the oldest uproot cannot write; and workers that die, whose nannies the oldest Dask does not always start again.
LOWEST_WITHOUT := of_every_kind or output_memory or oracle or slow_resolving or file_that_is_bad or test_shipping \
  or test_secrets or test_prefetching or coffea_1139 or what_uproot_has_written or test_ondask or test_processes \
  or test_driving or same_everywhere or link_counts or links_page or every_cycle or test_threads
export PHYSLITE_RUCIO_PYTHON ?= $(wildcard $(abspath $(RUCIO_VENV))/bin/python)
export PHYSLITE_ROOT_PYTHON ?= $(wildcard $(abspath $(ROOT_VENV))/bin/python)
DONE := $(VENV)/.done
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
PYTEST := $(BIN)/python -m pytest
WORKERS ?= 2
# Printed, so that a failure can be had again: make test SEED=…
SEED := $(or $(SEED),$(shell od -An -N4 -tu4 /dev/urandom | tr -d ' '))
MUTATIONS ?= 100000
THREAD_MUTATIONS ?= 10000
EXAMPLES ?= 500
OUT ?= out/demo
EXAMPLES_OUT := out/examples

# What an installed package is made from; its Python files are used where they stand.
BUILT_FROM := pyproject.toml CMakeLists.txt $(wildcard cmake/*.cmake src/core/*) src/physlite/__init__.py

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup demo test campaign fuzz lint format docs bench examples hub lowest root servers clean

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

setup: $(DONE)/package $(DONE)/test ## make .venv with the package in it, built from this tree

demo: $(DONE)/package ## draw a Z peak from the sample that comes with the package
	@$(BIN)/physlite demo --out $(OUT)

test: $(DONE)/package $(DONE)/test ## the tests, in a few minutes
	$(PYTEST) -n $(WORKERS) --dist worksteal -q -m "not slow" --hypothesis-seed=$(SEED) \
	  --ignore=$(OF_OLD_DASK) $(TESTS)

lowest: $(LOWEST_VENV)/.package ## the tests of reading and running, with the oldest versions of everything that pyproject.toml allows
	PHYSLITE_LOWEST=1 $(LOWEST_BIN)/python -m pytest -n $(WORKERS) --dist worksteal -q \
	  -W ignore::DeprecationWarning -m "not slow and not checkout" --hypothesis-seed=$(SEED) \
	  $(or $(TESTS),-k "not ($(LOWEST_WITHOUT))" $(LOWEST_TESTS))

campaign: fuzz $(DONE)/package $(DONE)/test ## the long tests: fuzzing, packaging, and more random examples (EXAMPLES=500)
	HYPOTHESIS_EXAMPLES=$(EXAMPLES) $(PYTEST) -n $(WORKERS) --dist worksteal -q -m "slow or hypothesis" --hypothesis-seed=$(SEED) \
	  --ignore=$(OF_OLD_DASK)

fuzz: $(DONE)/package ## damaged files against the core built with sanitizers (MUTATIONS=100000)
	PATH="$(abspath $(BIN)):$$PATH" tests/fuzz/run.sh $(MUTATIONS) $(SEED)
	PATH="$(abspath $(BIN)):$$PATH" FUZZ_SANITIZE=thread FUZZ_SECONDS=60 FUZZ_OPTIONS="--pages 64 --threads 4" \
	  tests/fuzz/run.sh $(THREAD_MUTATIONS) $(SEED)

lint: $(DONE)/package $(DONE)/lint ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/clang-format --dry-run --Werror $(wildcard src/core/*.[ch]pp tests/fuzz/*.[ch]pp)

format: $(DONE)/lint ## rewrite the sources in the project's style
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .
	$(BIN)/clang-format -i $(wildcard src/core/*.[ch]pp tests/fuzz/*.[ch]pp)

docs: $(DONE)/package $(DONE)/docs ## the documentation, in docs/_build/html
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html
	@echo "Documentation: docs/_build/html/index.html"

bench: $(DONE)/package $(DONE)/bench ## times beside uproot, coffea and ROOT (WORK=open for one; benchmarks/works.py lists them)
	$(BIN)/python benchmarks/run.py $(if $(WORK),--work $(WORK))

# Toys of other processes than those of the sample are made with ROOT.
examples: $(DONE)/package $(DONE)/examples $(if $(PHYSLITE_ROOT_PYTHON),,root) ## the examples, on the sample and on toys: see out/examples
	@mkdir -p $(EXAMPLES_OUT)/ttbar
	$(BIN)/python examples/z_peak.py src/physlite/data/sample.root $(EXAMPLES_OUT)/z_peak.png
	$(BIN)/python examples/zll/zll.py --out $(EXAMPLES_OUT)/zll
	$(BIN)/python examples/ttbar/make_toys.py $(EXAMPLES_OUT)/ttbar
	$(BIN)/python examples/ttbar/ttbar.py $(EXAMPLES_OUT)/ttbar/datasets.yaml $(EXAMPLES_OUT)/ttbar/histograms.root
	$(BIN)/python examples/ttbar/fit.py $(EXAMPLES_OUT)/ttbar/histograms.root $(EXAMPLES_OUT)/ttbar/fit 1.2
	$(or $(PHYSLITE_ROOT_PYTHON),$(ROOT_VENV)/bin/python) tools/make_sample.py --rich $(EXAMPLES_OUT)/rich.root
	$(BIN)/python examples/susy/susy.py $(EXAMPLES_OUT)/rich.root

hub: $(DONE)/package $(DONE)/test $(DONE)/hub servers ## the demo notebook and what deploy/ sets up, tried here
	@tools/hub_programs.sh $(VENV)
	$(PYTEST) -n $(WORKERS) --dist loadfile -q deploy/tests

root: $(ROOT_VENV)/bin/python ## ROOT in .venv-root, for the tests and benchmarks that write files with it

$(ROOT_VENV)/bin/python:
	@tools/system_packages.sh $(PYTHON)
	@echo "Installing ROOT in $(ROOT_VENV)"
	@$(PYTHON) -m venv $(ROOT_VENV)
	@$(ROOT_VENV)/bin/python -m pip --disable-pip-version-check --quiet install root numpy || { rm -rf $(ROOT_VENV); exit 1; }

servers: ## nginx, XRootD, VOMS and Rucio, for the tests that start them
	@tools/test_servers.sh $(PYTHON) $(RUCIO_VENV)

clean: ## remove everything that make made, the environments too
	rm -rf $(VENV) $(ROOT_VENV) $(RUCIO_VENV) $(LOWEST_VENV) build dist out docs/_build .mypy_cache .pytest_cache .ruff_cache

# ------------------------------------------------------------------------------------------------------ environment

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "physlite needs Python 3.11 or newer: none found as python3 or python3.x"; exit 1; }
	@tools/system_packages.sh $(PYTHON)
	@echo "Making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

# Dependency groups need pip 25.1.
$(DONE)/pip: | $(BIN)/python
	@$(PIP) install --upgrade "pip>=25.1"
	@mkdir -p $(DONE) && touch $@

$(DONE)/build $(DONE)/test $(DONE)/lint $(DONE)/docs $(DONE)/bench $(DONE)/examples $(DONE)/hub: pyproject.toml $(DONE)/pip
	@echo "Installing what $(@F) needs"
	@$(PIP) install --group $(@F)
	@touch $@

# Editable: a change in src/physlite counts at once, one in the core or the build at the next make.
$(DONE)/package: $(BUILT_FROM) $(DONE)/build
	@tools/system_packages.sh $(BIN)/python
	@echo "Building physlite"
	@$(PIP) install --no-build-isolation --editable ".[analysis,plot]"
	@touch $@

# Pip takes the newest that is allowed; uv can take the oldest. What dependencies need themselves is of today, since the
# floors of others are not ours to mend; that is also why tests are to pass over what has been deprecated since.
$(LOWEST_VENV)/.versions: pyproject.toml
	@tools/system_packages.sh $(LOWEST_PYTHON)
	@echo "Making $(LOWEST_VENV) with $$($(LOWEST_PYTHON) --version) and the oldest versions that are allowed"
	@rm -rf $(LOWEST_VENV)
	@$(LOWEST_PYTHON) -m venv $(LOWEST_VENV)
	@$(LOWEST_BIN)/python -m pip --disable-pip-version-check --quiet install --upgrade "pip>=25.1"
	@$(LOWEST_BIN)/python -m pip --disable-pip-version-check --quiet install --group lowest
	@$(LOWEST_BIN)/uv pip install --quiet --python $(LOWEST_BIN)/python --resolution lowest-direct \
	  --requirements pyproject.toml --all-extras --group build --group test
	@touch $@

$(LOWEST_VENV)/.package: $(BUILT_FROM) $(LOWEST_VENV)/.versions
	@echo "Building physlite"
	@PATH="$(abspath $(LOWEST_BIN)):$$PATH" $(LOWEST_BIN)/python -m pip --disable-pip-version-check --quiet install \
	  --no-deps --no-build-isolation --config-settings build-dir=build/lowest --editable .
	@touch $@
