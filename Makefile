# Two commands do everything on a fresh machine with Python 3.11 or later: `make demo` and `make test`.
# Both set up what they need in .venv first, once, and again when pyproject.toml or constraints.txt changes, and fetch
# the detector's models into the user's cache, once.
#
#   PYTHON=/path/to/python3.11   choose the interpreter
#   PIP_FLAGS="..."              further options of pip, such as PyTorch's CPU index
#   WORKERS=4                    parallel test processes
#   LOCKED=1                     refuse packages whose digests are not those of hashes.txt (torch comes apart)

SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.liquidwarp
TORCH := $(shell grep '^torch==' constraints.txt)
NUMPY1 := $(abspath $(VENV))/numpy1
NUMPY1_TESTS := tests/geometry tests/test_types.py tests/media/test_given.py tests/media/test_image_files.py \
  tests/motion/test_motion_files.py tests/bodies/test_skinning.py tests/detect/test_litert.py \
  tests/person/test_person_files.py tests/raster/test_interpolate.py
WORKERS ?= 2
PYTHON ?=
PIP_FLAGS ?=
LOCKED ?=
PYTEST_FLAGS ?=
# One thread of torch per test process: more would fight for the same cores.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n $(WORKERS)

.DEFAULT_GOAL := help
.PHONY: help install models demo test test-slow test-all test-numpy1 test-page weights docs licences bom audit lint clean

help:
	@echo "make demo      set up, then imitate, transfer an outfit and orbit; results in outputs/"
	@echo "make test      set up, then the default tests (minutes)"
	@echo "make test-all  the slow tests too"
	@echo "make test-numpy1  a short set with numpy 1.26"
	@echo "make test-page  the page in a Chromium, where there is one; adds the extra 'browser'"
	@echo "make weights   train the compact generator as it was trained (hours)"
	@echo "make docs      the pages and the reference as a site, in outputs/site"
	@echo "make licences  every installed package has a known licence"
	@echo "make bom       a bill of materials (CycloneDX), outputs/bom.json"
	@echo "make audit     known holes of the pinned packages; asks the network"
	@echo "make lint      ruff and mypy"
	@echo "make clean     remove .venv, caches and build leftovers (outputs/ stays)"

install: $(STAMP)

$(STAMP): pyproject.toml setup.py constraints.txt
	@usable='import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))'; \
	if ! $(BIN)/python -c "$$usable; import pip" 2>/dev/null; then \
	  found=""; \
	  for candidate in $(or $(PYTHON),python3.11 python3.12 python3.13 python3.14 python3 python); do \
	    if "$$candidate" -c "$$usable" 2>/dev/null; then found="$$candidate"; break; fi; \
	  done; \
	  if [ -z "$$found" ]; then \
	    echo "error: no Python 3.11 or later with the venv module found; install one, or name it: make PYTHON=/path/to/python3.11 ..." >&2; \
	    exit 1; \
	  fi; \
	  "$$found" -m venv --clear $(VENV) || exit 1; \
	fi
	$(BIN)/python -m pip install --quiet $(PIP_FLAGS) -c constraints.txt $(TORCH)
ifdef LOCKED
	$(BIN)/python -m pip install --quiet $(PIP_FLAGS) --dry-run --ignore-installed --report $(VENV)/report.json -c constraints.txt -e '.[test]' setuptools
	$(BIN)/python .ci/hashes.py select $(VENV)/report.json > $(VENV)/hashes.txt
	$(BIN)/python -m pip install --quiet $(PIP_FLAGS) --no-deps --require-hashes -r $(VENV)/hashes.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
else
	$(BIN)/python -m pip install --quiet $(PIP_FLAGS) -c constraints.txt -e '.[test]'
endif
	@touch $@

models: $(STAMP)
	@$(BIN)/liquidwarp setup > /dev/null

demo: models
	$(BIN)/liquidwarp demo

test: models
	$(PYTEST)

test-slow: models
	$(PYTEST) -m 'slow and not gpu and not assets' $(PYTEST_FLAGS)

test-all: test test-slow

# The oldest numpy that is taken, laid over the environment; what numba compiles for it is kept apart.
test-numpy1: models
	@if $(BIN)/python -c 'import sys; sys.exit(sys.version_info >= (3, 13))'; then \
	  $(BIN)/python -c 'import sys; sys.path.insert(0, "$(NUMPY1)"); import numpy; assert numpy.__version__ == "1.26.4"' 2> /dev/null || \
	    $(BIN)/python -m pip install --quiet $(PIP_FLAGS) --no-deps --upgrade --target $(NUMPY1) numpy==1.26.4 || exit 1; \
	  PYTHONPATH=$(NUMPY1) NUMBA_CACHE_DIR=$(NUMPY1)/cache $(PYTEST) $(NUMPY1_TESTS); \
	else \
	  echo "numpy 1.26 has no wheels for this Python; nothing is tested"; \
	fi

test-page: models
	$(BIN)/python -m pip install --quiet $(PIP_FLAGS) -c constraints.txt -e '.[browser]'
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n 0 -m 'slow or not slow' $(PYTEST_FLAGS) tests/web

weights: models
	$(BIN)/python datasets/synthetic/make_pairs.py --clips 400 -o outputs/pairs
	$(BIN)/liquidwarp train liquidwarp/train/recipes/compact.toml -o outputs/compact
	$(BIN)/liquidwarp train liquidwarp/train/recipes/compact_outlines.toml -o outputs/compact_outlines

docs: $(STAMP)
	$(BIN)/python -m mkdocs build --strict
	@echo "open outputs/site/index.html"

# Who may be installed, and what is: neither asks the network. `make audit` does: it looks packages up among known holes.
licences: $(STAMP)
	$(BIN)/python .ci/supply_chain.py licences

bom: $(STAMP)
	@mkdir -p outputs
	$(BIN)/python .ci/supply_chain.py bom -o outputs/bom.json

audit: $(STAMP)
	$(BIN)/python -m venv --clear $(VENV)/audit
	$(VENV)/audit/bin/python -m pip install --quiet $(PIP_FLAGS) pip-audit
	$(VENV)/audit/bin/pip-audit -r constraints.txt --no-deps --disable-pip

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
