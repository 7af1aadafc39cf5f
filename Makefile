PYTHON ?= python3
VENV := .venv
INSTALLED := $(VENV)/installed

.PHONY: demo test test-all lint format clean

# The whole procedure on scikit-learn's handwritten digits, with no download.
demo: $(INSTALLED)
	$(VENV)/bin/python main.py --mode=probe --dataset=digits

# Lint, types and tests: what continuous integration runs. Workers wait for the processes that
# tests start, so three keep two cores busy.
test: $(INSTALLED) lint
	$(VENV)/bin/python -m pytest -m "not slow" -n 3 --dist loadfile --no-loadscope-reorder

# With the long tests: whole sweeps, several processes, everything once more on JAX.
test-all: $(INSTALLED) lint
	$(VENV)/bin/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

lint: $(INSTALLED)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

format: $(INSTALLED)
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

# The stamp is newer than setup.cfg once installed, so later calls need no network.
$(INSTALLED): setup.cfg pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --editable ".[test]"
	touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info
