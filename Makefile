PYTHON ?= python3
PYTHONS ?= python3.11 python3.12 python3.13
OLDEST_PYTHON ?= python3.11
VENV := .venv
INSTALLED := $(VENV)/installed
DOCS_INSTALLED := $(VENV)/docs-installed
DEMO_RUN := runs/vgg6-digits-seed0
PYTEST = $(VENV)/bin/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

# Tests start many processes, which need not compile every module again.
export PYTHONDONTWRITEBYTECODE =

.PHONY: demo demo-plan test test-quick test-all test-versions test-oldest lint format docs examples clean

# The whole procedure on scikit-learn's handwritten digits, with no download.
demo: demo-plan $(INSTALLED)
	$(VENV)/bin/python main.py --mode=probe --dataset=digits
	@echo
	@echo "What to do now:"
	@echo "  all figures on a page:  $(VENV)/bin/python main.py --mode=report --run_dir=$(DEMO_RUN)"
	@echo "  every filter, to browse:  $(VENV)/bin/tensorboard --logdir=$(DEMO_RUN)/events"
	@echo "  fewer weights in the head:  $(VENV)/bin/python main.py --mode=afcc --dataset=digits"
	@echo "  your own network and images:  docs/own_network.md"

demo-plan:
	@echo "make demo: what each filter of a small network (VGG-6) does, on scikit-learn's digits."
	@test -e $(INSTALLED) || echo "  0. install into $(VENV): about 2 minutes, with downloads from PyPI, once"
	@echo "  1. train the network, 20 epochs"
	@echo "  2. train a linear head on each of its 5 stages, the network frozen"
	@echo "  3. measure every filter alone: clusters, noise and signal, one table"
	@echo "Steps 1 to 3 take 2 to 5 minutes on two free cores, and go on where they were if stopped."
	@echo "Results: $(DEMO_RUN)"

# Lint, types and tests: what continuous integration runs. Workers wait for the processes that
# tests start, so three keep two cores busy.
test: lint test-quick

test-quick: $(INSTALLED)
	$(PYTEST) -m "not slow"

# With the long tests: whole sweeps, several processes, everything once more on JAX.
test-all: $(INSTALLED) $(DOCS_INSTALLED) lint
	$(PYTEST)

# `make test` on every Python, each with an environment of its own and the newest packages it allows.
test-versions:
	@failed=; \
	for python in $(PYTHONS); do \
	    version=$$($$python -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || { \
	        echo "$$python is not installed: not tested (PYTHONS=\"...\" names others, also paths)"; \
	        failed="$$failed $$python"; continue; }; \
	    echo "Python $$version ($$python), in .venv-$$version"; \
	    $(MAKE) test VENV=.venv-$$version PYTHON=$$python || failed="$$failed $$python"; \
	done; \
	if [ -n "$$failed" ]; then echo "Failed or not installed:$$failed"; exit 1; fi

# The tests with the lowest versions that setup.cfg names.
test-oldest:
	@$(OLDEST_PYTHON) --version || { echo "OLDEST_PYTHON=... names a Python 3.11"; exit 1; }
	$(MAKE) test-quick VENV=.venv-oldest PYTHON=$(OLDEST_PYTHON) LOWEST=yes

lint: $(INSTALLED)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

format: $(INSTALLED)
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

# The stamp is newer than setup.cfg once installed, so later calls need no network.
# With LOWEST, `package>=1.2,...` of setup.cfg is installed as `package==1.2`.
$(INSTALLED): setup.cfg setup.py pyproject.toml
	$(PYTHON) -m venv $(VENV)
	sed -nE 's/^    ([A-Za-z0-9_-]+)>=([0-9.]+).*/\1==\2/p' setup.cfg > $(VENV)/lowest.txt
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --editable ".[test]" \
	    $(if $(LOWEST),--constraint $(VENV)/lowest.txt)
	touch $@

# The site, in site/. Nothing is downloaded once the packages are installed.
docs: $(DOCS_INSTALLED)
	NO_MKDOCS_2_WARNING=1 $(VENV)/bin/mkdocs build --quiet --strict
	@echo "Open site/index.html; searching needs $(VENV)/bin/mkdocs serve"

# The notebooks once more, with the outputs that they have now.
examples: $(DOCS_INSTALLED)
	TF_CPP_MIN_LOG_LEVEL=3 $(VENV)/bin/python examples/execute.py

$(DOCS_INSTALLED): $(INSTALLED)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --editable ".[docs]"
	touch $@

clean:
	rm -rf .venv .venv-* build dist site *.egg-info
