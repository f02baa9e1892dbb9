# Two commands: `make run` sets up and does the main job, `make test` sets up and passes the tests.
# MNIST is found in the folder that $HANDGRAD_DATA names, else in the cache, else it is downloaded.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# One test, or a few: make test ARGS='tests/test_files.py -k chunks'
ARGS ?=

# What checks the pages' scripts, where Node is installed; without it those tests are skipped and say so.
NODE_TOOLS := $(if $(shell command -v npm),tools/node/node_modules/.package-lock.json)

.PHONY: run test proofs mutants fuzz docs check format bench clean

run: $(BIN)/.installed
	@test -e backprop.xlsx && echo "backprop.xlsx is there already and stays as it is" || $(BIN)/handgrad backprop
	@test -e handgrad-classic.html && echo "handgrad-classic.html is there already and stays as it is" || $(BIN)/handgrad page
	$(BIN)/handgrad train

# One thread for each worker: torch would else start as many in each as there are cores. A worker that is done takes tests from the
# end of the other, so that tests of one file stay together and make what they share once.
test: $(BIN)/.installed-dev $(NODE_TOOLS)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist worksteal $(ARGS)

# The long proofs: fifty kills of a real run, every write failing once, LibreOffice over every option.
proofs: $(BIN)/.installed-dev $(NODE_TOOLS)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m long --timeout 3600 $(ARGS)

# Which faults in the modules that print claims would no test notice? Some hours; MUTANTS='score report/headline' for a few.
MUTANTS ?=
mutants: $(BIN)/.installed-dev
	$(BIN)/pip install --quiet --constraint constraints.txt --requirement tools/mutants-requirements.txt
	nice -n 15 $(BIN)/python tools/mutants.py $(MUTANTS)

# 5,000 damaged files of every kind that is read: tracebacks, slowest, most memory.
fuzz: $(BIN)/.installed-dev
	$(BIN)/python tools/fuzz $(ARGS)

# The site of the documents in site/, which opens from the disk: begin with site/index.html.
docs: $(BIN)/.installed-dev
	$(BIN)/python tools/reference --check
	$(BIN)/python -m zensical build --strict --clean

check: $(BIN)/.installed-dev
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(MAKE) test

format: $(BIN)/.installed-dev
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

bench: $(BIN)/.installed
	for script in benchmarks/rate_sweep.py benchmarks/workbook.py benchmarks/usual_script.py; do $(BIN)/python $$script || exit 1; done

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(BIN)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/pip install --quiet --constraint constraints.txt --editable .
	touch $@

$(BIN)/.installed-dev: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@ $(BIN)/.installed

tools/node/node_modules/.package-lock.json: tools/node/package-lock.json
	npm ci --silent --no-audit --no-fund --prefix tools/node
