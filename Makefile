# Everything starts from here, on a fresh clone too: each target first sets up .venv, which costs nothing the second time.
#
#   PYTHON      the interpreter .venv is made with: python3.11 where there is one that runs, else python3
#   TORCH_ARGS  more arguments for pip when it installs torch. The CPU build, which is far smaller, comes with
#               make test TORCH_ARGS='--extra-index-url https://download.pytorch.org/whl/cpu'

PYTHON     ?= $(shell python3.11 -c '' 2>/dev/null && echo python3.11 || echo python3)
TORCH_ARGS ?=
VENV       := .venv
BIN        := $(VENV)/bin
STAMP      := $(VENV)/.installed
CONSUMERS  := $(patsubst tests/consumers/requirements/%.txt,.venv-consumers/%/.installed,$(wildcard tests/consumers/requirements/*.txt))
# A file's tests share runs, so a file goes to one process.
SPREAD     := -n auto --maxprocesses 4 --dist loadfile

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-all test-consumers lint docs format bench lock clean
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

help: ## say what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-15s %s\n", $$1, $$2}' Makefile

setup: $(STAMP) ## make .venv with the versions of constraints.txt

# torch goes first and alone: TORCH_ARGS then concern nothing else, and what it brought satisfies everyone after it.
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null || { \
	  echo "Trenchcoat needs Python 3.11 or 3.12, and $(PYTHON) is $$($(PYTHON) --version 2>&1 | head -n 1)." >&2; \
	  echo "Install one, or name it: make setup PYTHON=/path/to/python3.11" >&2; exit 1; }
	@echo "Setting up $(VENV) with $$($(PYTHON) --version): a few minutes, once."
	@$(PYTHON) -m venv $(VENV)
	@echo "  torch"
	@$(BIN)/python -m pip install -q --disable-pip-version-check $(TORCH_ARGS) -c constraints.txt torch
	@echo "  everything else"
	@$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[demo,dev,s3,metrics]'
	@touch $@

demo: $(STAMP) ## curate a small real dataset into runs/chitchat
	@$(BIN)/trenchcoat curate examples/chitchat.yaml --out runs/chitchat

test: $(STAMP) ## run the tests, but for the slow end
	@$(BIN)/python -m pytest $(SPREAD)

test-all: $(STAMP) ## run the tests with the slow end, and with the trainers that have a venv
	@$(BIN)/python -m pytest $(SPREAD) -rs -m ''

test-consumers: $(STAMP) ## make a venv for each trainer that reads what is published, and run it there
	@made=0; $(MAKE) -k $(CONSUMERS) || made=1; \
	$(BIN)/python -m pytest -rs -m consumers tests/consumers && exit $$made

# A list names all that a trainer needs, so pip adds nothing to it; torch brings what its own build asks for.
# What one trainer's packages do not build is left to be said at the end: the others are run all the same.
.venv-consumers/%/.installed: tests/consumers/requirements/%.txt
	@echo "Setting up $(@D)"
	@$(PYTHON) -m venv --clear $(@D)
	@$(@D)/bin/python -m pip install -q --disable-pip-version-check $(TORCH_ARGS) $$(grep '^torch==' $<)
	@$(@D)/bin/python -m pip install -q --disable-pip-version-check --no-deps -r $<
	@touch $@

lint: $(STAMP) ## check style, format and types
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy

docs: $(STAMP) ## write the pages that the code makes
	@$(BIN)/trenchcoat formats --markdown > docs/.formats.md
	@mv docs/.formats.md docs/formats.md
	@$(BIN)/trenchcoat schema config --markdown > docs/.configuration.md
	@mv docs/.configuration.md docs/configuration.md
	@$(BIN)/trenchcoat schema signals --markdown > docs/.signals.md
	@mv docs/.signals.md docs/signals.md

format: $(STAMP) ## put the code into form
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

bench: $(STAMP) ## run the benchmarks
	@$(BIN)/python -m benchmarks

# A fresh environment with every extra and no constraint but torch's version, written down.
lock: $(STAMP) ## make constraints.txt again from the newest versions that pyproject.toml allows
	@rm -rf .venv-lock && $(PYTHON) -m venv .venv-lock
	@.venv-lock/bin/python -m pip install -q --disable-pip-version-check $(TORCH_ARGS) $$(grep '^torch==' constraints.txt)
	@.venv-lock/bin/python -m pip install -q --disable-pip-version-check -e '.[demo,dev,s3,metrics]'
	@{ sed -n '/^#/p' constraints.txt; .venv-lock/bin/python -m pip freeze --exclude-editable | sed -E 's/\+[a-z0-9.]+$$//'; } > .venv-lock/new
	@mv .venv-lock/new constraints.txt && rm -rf .venv-lock

clean: ## remove .venv, the trainers' venvs, builds and caches; runs/ stays
	@rm -rf .venv .venv-lock .venv-consumers build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	@find schemas transforms pipelines tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
