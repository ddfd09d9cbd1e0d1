# Each goal makes its own virtual environment, once, and installs what it needs from PyPI.
PYTHON ?= python3
VENV ?= .venv
SEED ?= 0
OUT ?= out

.PHONY: demo test test-slow test-all lint bench docs clean

demo: $(VENV)/.demo
	$(VENV)/bin/tinygrad-edu demo --seed $(SEED) --out $(OUT)

# one worker a core, one thread a worker
test test-slow test-all: export OMP_NUM_THREADS = 1
test test-slow test-all: export OPENBLAS_NUM_THREADS = 1

test: $(VENV)/.dev
	$(VENV)/bin/python -m pytest -n auto -m "not slow and not long"

test-slow: $(VENV)/.dev
	$(VENV)/bin/python -m pytest -n auto -m "slow and not long"

test-all: $(VENV)/.dev
	$(VENV)/bin/python -m pytest -n auto -rs

lint: $(VENV)/.dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

bench: $(VENV)/.bench
	$(VENV)/bin/tinygrad-edu bench --write .
	$(VENV)/bin/python benchmarks/bench.py --write
	$(VENV)/bin/python benchmarks/scaling.py --write

docs: $(VENV)/.dev
	$(VENV)/bin/python docs/generate.py

$(VENV)/.%: pyproject.toml
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[$*]' \
		--config-settings editable_mode=compat  # so that type checkers and editors find the package
	touch $@

clean:
	rm -rf $(VENV) out build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
