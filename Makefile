# Each target starts from a bare clone: python3 (3.10 or newer) and a package index are enough; with a C compiler the
# native engine is built too.

PYTHON ?= python3
VENV   ?= .venv
JOBS   ?= 2

BIN     := $(VENV)/bin
SOURCES := pyproject.toml setup.py $(wildcard weights/*) \
           $(shell find refpose src_c -name '*.py' -o -name '*.p[xy][xi]' -o -name '*.[ch]' ! -name _native.c -o -name '*.inc' 2>/dev/null)

# The tests run in another folder.
ifdef REFPOSE_GOLDENS
override export REFPOSE_GOLDENS := $(abspath $(REFPOSE_GOLDENS))
endif

.PHONY: build test quick demo docs check fmt dist clean

# The package as users get it: built, and installed into an environment of its own.
build: $(VENV)/built

$(VENV)/built: $(SOURCES)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	rm -rf build  # setuptools would put files that were deleted since into the wheel
	$(BIN)/python -m pip install --quiet --disable-pip-version-check '.[dev]'
	touch $@

# Everything that can be tested here; REFPOSE_GOLDENS=DIR adds the whole recorded set. In tests/ there is no folder
# refpose, so that it is the installed package that is tested.
test: build
	cd tests && $(abspath $(BIN))/pytest -n $(JOBS) --dist worksteal

# Without the long runs through the whole recorded set.
quick: build
	cd tests && $(abspath $(BIN))/pytest -n $(JOBS) --dist worksteal -m 'not full'

# The main job: a person on a picture.
demo: build
	$(BIN)/refpose image examples/astronaut.png -o demo --mask --csv --force

# The pages, in docs/_build/html; warnings are errors, and the examples in them are run.
docs: build
	$(BIN)/sphinx-build -q -W --keep-going -b html docs docs/_build/html
	$(BIN)/sphinx-build -q -W -b doctest docs docs/_build/doctest

# What must hold before a commit, besides the tests.
check: build
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	PATH=$(abspath $(BIN)):$$PATH cython-lint refpose

fmt: build
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# The source archive, and the wheel built from it.
dist: build
	$(BIN)/python -m build

clean:
	rm -rf $(VENV) build dist demo docs/_build docs/_figures *.egg-info
