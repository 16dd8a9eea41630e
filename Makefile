# Each target starts from a bare clone: python3 (3.10 or newer) and a package index are enough; with a C compiler the
# native engine is built too.

PYTHON ?= python3
VENV   ?= .venv
JOBS   ?= 2

BIN     := $(VENV)/bin
SOURCES := pyproject.toml setup.py $(wildcard weights/*) \
           $(shell find refpose src_c -name '*.py' -o -name '*.p[xy][xi]' -o -name '*.[ch]' ! -name _native.c -o -name '*.inc' 2>/dev/null)

C_SOURCES := $(wildcard src_c/*.[ch] src_c/*.inc tests/native/*.c)

# The tests run in another folder.
ifdef REFPOSE_GOLDENS
override export REFPOSE_GOLDENS := $(abspath $(REFPOSE_GOLDENS))
endif

.PHONY: build core test quick demo bench tracking docs check fmt wheel dist compilers sanitize tsan check-arm fuzz soak clean measure lock

# The package as users get it: built, and installed into an environment of its own.
build: $(VENV)/built

$(VENV)/built: $(SOURCES)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	rm -rf build  # setuptools would put files that were deleted since into the wheel
ifdef LOCK
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(LOCK)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation .
else
	$(BIN)/python -m pip install --quiet --disable-pip-version-check '.[dev]'
endif
	touch $@ $(VENV)/core

# Without the tools for development: what a user has.
core: $(VENV)/core

$(VENV)/core: $(SOURCES)
	@test -x $(BIN)/python || { echo 'Making an environment in $(VENV) ...'; $(PYTHON) -m venv $(VENV); }
	@echo 'Building refpose and installing it with NumPy, h5py and Pillow (with a C compiler this takes a minute or two) ...'
	@rm -rf build
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check .
	@touch $@

# Everything that can be tested here; REFPOSE_GOLDENS=DIR adds the whole recorded set. In tests/ there is no folder
# refpose, so that it is the installed package that is tested.
test: build
	cd tests && $(abspath $(BIN))/pytest -n $(JOBS) --dist worksteal

# Without the long runs through the whole recorded set.
quick: build
	cd tests && $(abspath $(BIN))/pytest -n $(JOBS) --dist worksteal -m 'not full'

# The main job: people on pictures and in a video.
demo: core
	@echo 'Finding the people on examples/astronaut.png and examples/skier.png ...'
	@$(BIN)/refpose image examples/astronaut.png examples/skier.png -o demo/pictures --mask --csv --force
	@echo 'Following the person in examples/skier.mp4, with PyAV for the file ...'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check 'refpose[video]'  # what is installed, and its extra
	@$(BIN)/refpose video examples/skier.mp4 -o demo/video --csv --force
	@echo
	@echo 'Keypoints as tables: demo/pictures/*.csv, demo/video/skier.csv; everything found: demo/pictures/*.json'
	@echo 'The annotated video:   $(CURDIR)/demo/video/skier.mp4'
	@echo 'The annotated picture: $(CURDIR)/demo/pictures/skier.png'

# How well people are followed, beside MediaPipe Tasks: the table of docs/people.md. STREET names the folder of frames of
# OpenPose's example video, whose labels are in tests/recorded.
tracking: build
	cd tests && $(abspath $(BIN))/python tracking_table.py $(if $(STREET),--street $(abspath $(STREET)))

# Kernels, networks, pictures and videos timed; against other runtimes where these are installed in the environment.
bench: build
	$(BIN)/refpose bench

# Reports for the tables of docs/performance.md, on a quiet machine: with one thread and with two. The peers are those
# that are installed in the environment (`pip install ".[bench]" mediapipe`); MODELS names a folder of Google's files.
MEASURED = docs/bench/$(shell date -u +%Y-%m-%d)
measure: build
	for threads in 1 2; do $(BIN)/refpose bench networks pictures video people --engines native --threads $$threads \
	    --seconds 10 $(if $(MODELS),--models $(MODELS)) --json > $(MEASURED)-$$threads.json || exit 1; done
	$(BIN)/refpose bench programs --networks lite --engines native --json > $(MEASURED)-programs.json

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
	$(BIN)/clang-format --dry-run --Werror $(C_SOURCES)
	awk 'length > 120 { print FILENAME ":" FNR ": over 120 columns"; bad = 1 } END { exit bad }' $(C_SOURCES)

fmt: build
	$(BIN)/python tests/make_stub.py
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/clang-format -i $(C_SOURCES)

# The wheel: on CPython one for all versions from 3.10 on.
wheel: build
	CFLAGS=-g0 $(BIN)/python -m build --wheel

# The source archive, the wheel built from it, and the bill of materials; the same bytes from the same sources.
EPOCH := $(or $(SOURCE_DATE_EPOCH),$(shell git log -1 --format=%ct 2>/dev/null),315532800)
dist: build
	rm -rf dist
	SOURCE_DATE_EPOCH=$(EPOCH) CFLAGS=-g0 $(BIN)/python -m build
	$(BIN)/python .ci/sbom.py dist/*.whl dist/refpose-$(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' refpose/__init__.py).cdx.json

# The versions and hashes of all that the checks of a change install.
lock: build
	$(BIN)/python -m pip install --quiet pip-tools
	CUSTOM_COMPILE_COMMAND='make lock' $(BIN)/pip-compile --quiet --upgrade --generate-hashes --extra dev --all-build-deps --allow-unsafe --strip-extras \
	    --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --output-file .ci/requirements.txt pyproject.toml
	sed -i '/^# WARNING: pip install/,/^    # via refpose (pyproject.toml)$$/d' .ci/requirements.txt  # refpose itself

# The C engine without Python, built by gcc and clang with -O2 and -O3 and without a warning: the reference's bits.
compilers: build
	$(BIN)/python tests/native/check.py

# The C engine and its boundary to Python under AddressSanitizer and UBSan (needs gcc): first alone, with a check for
# leaks, then driven by the tests. In .ci/run with fewer networks and tests.
SANITIZED_NETWORKS ?= detector lite
SANITIZED_TESTS ?= test_kernels.py test_raster.py test_jpeg.py test_native_stages.py test_native_contract.py test_native_fuzz.py
SANITIZERS := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined
sanitize: build
	$(BIN)/python tests/native/check.py --cc gcc --flags '$(SANITIZERS)' --networks $(SANITIZED_NETWORKS)
	rm -rf build  # then from a copy, since a build leaves its engine in the source folder
	mkdir -p build/source && cp -R README.md LICENSE NOTICE pyproject.toml setup.py refpose src_c weights build/source
	CFLAGS='$(SANITIZERS)' $(BIN)/python -m pip install --quiet --no-deps --no-cache-dir --target build/sanitize build/source
	cd tests && LD_PRELOAD="$$(gcc -print-file-name=libasan.so) $$(gcc -print-file-name=libubsan.so)" \
	    ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1 UBSAN_OPTIONS=print_stacktrace=1 \
	    PYTHONPATH=$(abspath build/sanitize) $(abspath $(BIN))/pytest -m 'not full' \
	    $(SANITIZED_TESTS)

# The pool of threads and the shares of every kernel under ThreadSanitizer (needs gcc).
tsan: build
	$(BIN)/python tests/native/check.py --cc gcc --flags '-O1 -g -fsanitize=thread' --networks detector lite \
	    --folder build/tsan

# The C engine for AArch64 (NEON) under emulation: the reference's bits. Needs Debian's gcc-aarch64-linux-gnu and
# qemu-user; takes some ten minutes.
check-arm: build
	$(BIN)/python tests/native/check.py --cc aarch64-linux-gnu-gcc --flags=-O2 \
	    --run 'qemu-aarch64 -L /usr/aarch64-linux-gnu'

# Every door by which something comes in, tried for SECONDS with cases made at random; SEED=n makes the same ones again.
# Libraries that crash do so in processes of their own.
SECONDS ?= 60
fuzz: build
	$(BIN)/python -m fuzz $(SECONDS) $(if $(SEED),--seed $(SEED))

# Frames for hours (SECONDS): the same bits, memory and descriptors flat.
soak: build
	$(BIN)/python -m fuzz.soak $(SECONDS)

clean:
	rm -rf $(VENV) build dist demo docs/_build docs/_figures *.egg-info refpose/engine/_native*.so refpose/engine/_native.c
