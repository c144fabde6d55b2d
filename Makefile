# Two commands do everything on a fresh machine: `make demo` and `make test`.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# One more than there are processors: tests wait for servers more than they compute.
JOBS ?= $(shell echo $$(( $$(nproc 2>/dev/null || echo 1) + 1 )))

# An installation compiles them.
CATALOGUES := $(wildcard src/lightproof/locale/*/LC_MESSAGES/*.po)

.PHONY: demo test lint soak benchmarks translations clean
.DELETE_ON_ERROR:
# Some containers set it: then each worker rewrites all tests, and each program that they start compiles itself.
unexport PYTHONDONTWRITEBYTECODE

demo: $(VENV)/.demo-installed  ## try lightproof on an exposed practice that lives on this machine only
	$(BIN)/lightproof demo

test: lint $(VENV)/.peers-installed  ## everything the default run checks
	@$(BIN)/python -m compileall -q src tests  # the tests start the program a thousand times
	$(BIN)/python -m pytest -n $(JOBS) --maxprocesses 9 --dist worksteal

lint: $(VENV)/.test-installed  ## style, types, layers, dependencies
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/deptry src

soak: $(VENV)/.test-installed $(VENV)/.peers-installed  ## long runs: kill loops, fleets of hostile services, properties tried often, fuzzing
	$(BIN)/python -m pytest -m "soak or hypothesis" --hypothesis-profile soak --timeout 3600
	$(BIN)/python benchmarks/fuzz_pdus.py

benchmarks: $(VENV)/.test-installed $(VENV)/.peers-installed  ## the numbers of the README, side by side with peers
	$(BIN)/python benchmarks/run_all.py

clean:  ## remove what the commands above made
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis

$(BIN)/python:
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); ./tests/install_system_packages python && $(PYTHON) -m venv $(VENV); }
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'

$(VENV)/.demo-installed: pyproject.toml build_catalogues.py $(CATALOGUES) | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[all]'
	@touch $@

$(VENV)/.test-installed: pyproject.toml build_catalogues.py $(CATALOGUES) | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[all]' --group test --group lint
	@touch $@ $(VENV)/.demo-installed

$(VENV)/.peers-installed: tests/install_system_packages | $(BIN)/python
	./tests/install_system_packages peers
	@touch $@

translations: $(VENV)/.test-installed  ## collect the texts of the program into the French catalogue
	$(BIN)/pybabel -q extract -k _ -k gettext -k ngettext:1,2 --no-location --sort-output -o $(VENV)/messages.pot src
	$(BIN)/pybabel -q update -D lightproof -l fr -i $(VENV)/messages.pot -d src/lightproof/locale --no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date
	$(BIN)/pybabel -q compile -D lightproof -l fr -d src/lightproof/locale --statistics
