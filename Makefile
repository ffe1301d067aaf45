# Everything a laptop or CI does with bytefed is a target here. `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CORE_SOURCES := $(shell find firmware/lib/bytefed host/binding -type f) CMakeLists.txt pyproject.toml

space := $(subst ,, )

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

# ---- Environment

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit("bytefed needs Python 3.11 or newer; say make PYTHON=python3.12" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(VENV)/.demo: $(BIN)/python $(CORE_SOURCES)
	@echo "Installing bytefed into $(VENV) and compiling its core (about a minute, once)..."
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.demo
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	$(BIN)/python -m pip install --quiet --no-deps aeon  # only for the motions that it ships
	@touch $@

.PHONY: setup
setup: $(VENV)/.dev ## Make the environment in .venv for development

# ---- The main job

.PHONY: demo
demo: $(VENV)/.demo ## Train 8 virtual boards for 20 rounds, three seeds, every byte on the ledger
	$(BIN)/bytefed run --boards virtual:8 --rounds 20 --data digits --alpha 0.5 --seed 1 --seeds 3

.PHONY: report
report: $(VENV)/.dev ## Compare three codecs over three seeds on one page: report.html
	rm -rf build/report
	for codec in float32 int8 onebit; do \
	  $(BIN)/bytefed run --quiet --codec $$codec --seed 1 --seeds 3 --run-dir build/report/$$codec || exit 1; done
	$(BIN)/bytefed report build/report/float32 build/report/int8 build/report/onebit -o report.html

.PHONY: pictures
pictures: $(VENV)/.dev ## Make the guide's pictures anew: the page in headless Chromium, step by step (needs chromium-driver)
	$(BIN)/python tests/host/ui/ui_pictures.py docs/guide

.PHONY: docs
docs: $(VENV)/.dev ## Build the docs site, its notebooks run and its links checked: build/site/index.html
	rm -rf build/site
	$(BIN)/python -m sphinx --fresh-env --fail-on-warning --keep-going --quiet -d build/doctrees -c docs . build/site

# ---- Tests

.PHONY: test
test: $(VENV)/.dev test-core test-fuzz test-images ## Run every suite
	$(BIN)/python -m pytest --numprocesses auto --dist loadgroup

.PHONY: test-quick
test-quick: $(VENV)/.dev ## Run the inner loop: Python's tests without the slow ones
	$(BIN)/python -m pytest -q -m "not slow"

.PHONY: test-images
test-images: $(VENV)/.dev ## Build what emulated boards run, where its compilers are here; else their tests are skipped
	@for tool in cmake ninja g++ arm-none-eabi-g++; do \
	  command -v $$tool >/dev/null || { echo "SKIPPED: emulated boards, $$tool is not installed"; exit 0; }; done; \
	$(MAKE) --no-print-directory qemu emulator

.PHONY: test-homes
test-homes: $(VENV)/.dev ## Run the quick tests in a home full of things, and in one that can't be written to
	tests/homes.sh

.PHONY: test-core
test-core: ## Build and run the C++ tests: GCC and clang, plain and sanitized
	tests/core/run.sh

.PHONY: test-fuzz
test-fuzz: $(VENV)/.dev ## Fuzz the core and the host's parsers, 100,000 runs a target (a fifth of the slow ones)
	tests/fuzz/run.sh runs=100000
	$(BIN)/python tests/fuzz/host_parsers.py runs=100000

.PHONY: test-flower
test-flower: ## Deploy two rooms with Flower on loopback, in an environment of its own: .venv-flower
	$(PYTHON) -m venv .venv-flower
	.venv-flower/bin/python -m pip install --quiet '.[flower]' hypothesis pytest
	.venv-flower/bin/python -m pytest tests/flower -s

.PHONY: test-trackers
test-trackers: ## Let TensorBoard, MLflow and W&B follow runs, in an environment of their own: .venv-trackers
	$(PYTHON) -m venv .venv-trackers
	.venv-trackers/bin/python -m pip install --quiet '.[tensorboard,mlflow,wandb]' hypothesis pytest tensorboard
	.venv-trackers/bin/python -m pytest tests/host/tracking

.PHONY: wheel-test
wheel-test: private PYTHON := $(CURDIR)/$(BIN)/python
wheel-test: $(VENV)/.dev ## Build the wheel of a Python, and run it in an environment where nothing else is: PYTHON=python3.13
	rm -rf build/wheels
	$(PYTHON) -m pip wheel --quiet --no-deps --config-settings=build-dir='build/python-wheel/{wheel_tag}' --wheel-dir build/wheels .
	BYTEFED_PYTHON="$(PYTHON)" BYTEFED_WHEEL="$$(echo "$$PWD"/build/wheels/*.whl)" $(BIN)/python -m pytest -q tests/integration/test_wheel.py

.PHONY: fuzz
fuzz: $(VENV)/.dev ## Fuzz the core for five minutes a target, and the host's parsers for one each
	tests/fuzz/run.sh seconds=300
	$(BIN)/python tests/fuzz/host_parsers.py seconds=60

.PHONY: coverage
coverage: $(VENV)/.dev ## Say which lines the tests run, in both languages
	PYTHON=$(BIN)/python tests/coverage.sh -m "not slow"

# ---- Boards

.PHONY: firmware
firmware: ## Build the firmware of all boards (needs PlatformIO: pip install platformio)
	pio run

.PHONY: test-hardware
test-hardware: $(VENV)/.dev ## Check boards, real ("serial:/dev/ttyACM0 ble:auto") or emulated ("nrf52840:nano33ble"): BOARDS=...; writes a report
	BYTEFED_BOARDS="$(BOARDS)" $(BIN)/python -m pytest tests/boards -s

# ---- Emulated boards

.PHONY: qemu
qemu: ## Build the images for the emulated Cortex-M4F (SHAPES="96x6" for further heads, TFLM=DIR for extractors)
	cmake --preset qemu -DBYTEFED_QEMU_SHAPES="$(subst $(space),;,$(SHAPES))" $(if $(TFLM),-DBYTEFED_TFLM_DIR="$(TFLM)")
	cmake --build --preset qemu

$(VENV)/.emulator: $(BIN)/python
	$(BIN)/python -m pip install --quiet 'unicorn>=2.1.4,<3'  # the extra `emulator`
	@touch $@

.PHONY: emulator
emulator: $(VENV)/.emulator ## Build the emulated nRF52840, which runs the images that boards run: build/emulator/bytefed-nrf52840
	cmake -S firmware/emulator -B build/emulator -G Ninja \
	  -DUNICORN_DIR="$$($(BIN)/python -c 'import pathlib, unicorn; print(pathlib.Path(unicorn.__file__).parent)')"
	cmake --build build/emulator

# ---- Measuring

.PHONY: bench
bench: $(VENV)/.dev ## What a coordinator costs from 1 to 64 boards
	$(BIN)/python benchmarks/fleet.py

.PHONY: bench-startup
bench-startup: $(VENV)/.dev ## How long import, --help and the first line of a run take
	$(BIN)/python benchmarks/startup.py

.PHONY: bench-mcu
bench-mcu: $(VENV)/.dev qemu ## Count the instructions of the core on the emulated Cortex-M4F (RECORD=1: into docs/cost.md)
	$(BIN)/python benchmarks/mcu/mcu_counts.py $(if $(RECORD),--record)

.PHONY: size
size: $(VENV)/.dev qemu ## Flash, RAM and stack of the firmware, by module (RECORD=1: into docs/size.md)
	$(BIN)/python benchmarks/mcu/mcu_sizes.py $(if $(RECORD),--record)

.PHONY: bench-sim
bench-sim: $(VENV)/.dev ## Simulated rounds, 100 to 100,000 clients (FLOWER=python with flwr[simulation]: beside Flower's engine)
	$(BIN)/python benchmarks/simulate.py $(if $(FLOWER),--flower $(FLOWER) --flower-clients 1000)

.PHONY: bench-faults
bench-faults: $(VENV)/.dev ## Worlds of faults, kills of the coordinator, power losses, goodput on bad links: long
	$(BIN)/python benchmarks/faults.py worlds
	$(BIN)/python benchmarks/faults.py pairs
	$(BIN)/python benchmarks/faults.py kills
	$(BIN)/python benchmarks/faults.py torn
	$(BIN)/python benchmarks/faults.py goodput

# ---- Quality

.PHONY: lint
lint: $(VENV)/.dev ## Check formatting, lint and types in both languages
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/python tools/message_table/generate.py --check
	$(BIN)/python tools/tables.py --check
	$(BIN)/python -m nanobind.stubgen -q -m bytefed._core -o build/_core.pyi
	@diff -u host/bytefed/_core.pyi build/_core.pyi || (echo "host/bytefed/_core.pyi is out of date: make stubs"; exit 1)
	$(BIN)/mypy
	$(BIN)/python tools/check_calls.py
	$(BIN)/python tools/check_layers.py
	$(BIN)/python tools/check_sizes.py
	tools/lint-cpp.sh

.PHONY: format
format: $(VENV)/.dev ## Format both languages
	$(BIN)/ruff format
	tools/lint-cpp.sh --fix

.PHONY: stubs
stubs: $(VENV)/.dev ## Write the types of the compiled core, after a change in host/binding
	$(BIN)/python -m nanobind.stubgen -m bytefed._core -o host/bytefed/_core.pyi

.PHONY: generated
generated: $(VENV)/.dev ## Write all that is made from tables: messages, columns, causes, boards, the host's map
	$(BIN)/python tools/message_table/generate.py
	$(BIN)/python tools/tables.py
	$(BIN)/python tools/house_map.py

.PHONY: vectors
vectors: $(VENV)/.dev ## Write tests/vectors anew, after a change of SPEC.md or messages.toml
	$(BIN)/python tools/vectors/generate.py

.PHONY: clean
clean: ## Remove everything that was built, but not runs/
	rm -rf build $(VENV) .venv-flower .venv-trackers
