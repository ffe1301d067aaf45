# Everything a laptop or CI does with bytefed is a target here. `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CORE_SOURCES := $(shell find firmware/lib/bytefed host/core -type f) CMakeLists.txt pyproject.toml

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
	$(BIN)/python -m pip install --quiet --editable '.[virtual]'
	@touch $@

$(VENV)/.dev: $(VENV)/.demo
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@

.PHONY: setup
setup: $(VENV)/.dev ## Make the environment in .venv for development

# ---- The main job

.PHONY: demo
demo: $(VENV)/.demo ## Train 8 virtual boards for 20 rounds, three seeds, every byte on the ledger
	$(BIN)/bytefed run --boards virtual:8 --rounds 20 --data digits --alpha 0.5 --seed 1 --seeds 3

# ---- Tests

.PHONY: test
test: $(VENV)/.dev test-core qemu ## Run every suite
	$(BIN)/python -m pytest

.PHONY: test-quick
test-quick: $(VENV)/.dev ## Run the inner loop: no slow tests
	$(BIN)/python -m pytest -m "not slow" -q

.PHONY: test-core
test-core: ## Build and run the C++ tests
	cmake -S . -B build/core -DBYTEFED_TESTS=ON
	cmake --build build/core --parallel 2
	ctest --test-dir build/core --output-on-failure

# ---- Quality

.PHONY: lint
lint: $(VENV)/.dev ## Check formatting, lint and types in both languages
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	tools/lint-cpp.sh

.PHONY: format
format: $(VENV)/.dev ## Format both languages
	$(BIN)/ruff format
	tools/lint-cpp.sh --fix

.PHONY: clean
clean: ## Remove everything that was built, but not runs/
	rm -rf build $(VENV)
