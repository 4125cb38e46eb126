# One command each; every target sets up what it needs (INTERFACE: make run, make setup, make test).
SHELL := /bin/bash
VENV := .venv
PY := $(VENV)/bin/python
# A Python of 3.12 or newer: from PATH, then from pyenv's versions folder, the newest first.
FIND_PYTHON = pyenv=$$(dirname "$$(dirname "$$(command -v pyenv || echo ~/.pyenv/bin/pyenv)")"); \
	for p in python3.13 python3.12 python3 \
	$$(ls -d "$${PYENV_ROOT:-$$pyenv}"/versions/3.1[2-9]*/bin/python3 2>/dev/null | sort -rV); do \
	if "$$p" -c 'import sys; sys.exit(sys.version_info < (3, 12))' 2>/dev/null; then echo "$$p"; break; fi; done
PIP = $(PY) -m pip install --quiet --disable-pip-version-check --no-input
# Upload parsers of Node that the reader of bodies is compared with
NODE = tests/differential/servers/node
SYSTEM = bash deploy/system-packages.sh

.PHONY: run setup setup-test test check lock bench geo clean

run: setup
	@exec $(VENV)/bin/sluice run

setup: $(VENV)/.runtime

$(VENV)/bin/python:
	@python=$$($(FIND_PYTHON)); \
	if [ -z "$$python" ]; then echo "Sluice needs Python 3.12 or newer; none was found on PATH or in pyenv" >&2; exit 1; fi; \
	echo "setting up $(VENV) with $$python"; "$$python" -m venv $(VENV)

$(VENV)/.runtime: requirements/runtime.lock pyproject.toml | $(VENV)/bin/python
	@$(SYSTEM) run
	@$(PIP) --require-hashes --only-binary :all: -r requirements/runtime.lock
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

setup-test: $(VENV)/.test

$(VENV)/.test: requirements/test.lock $(NODE)/package-lock.json $(VENV)/.runtime
	@$(SYSTEM) test
	@$(PIP) --require-hashes --only-binary :all: -r requirements/test.lock
	@mkdir -p $(VENV)/node && cp $(NODE)/package.json $(NODE)/package-lock.json $(VENV)/node
	@cd $(VENV)/node && npm ci --silent --no-audit --no-fund --ignore-scripts
	@touch $@

test: setup-test
	@$(PY) -m pytest -n auto --dist loadfile

check: setup-test
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports
	@$(PY) -m pip check
	@$(PY) -m pytest -n auto tests/architecture tests/docs tests/metrics

lock: setup-test
	@for extra in runtime test; do \
	$(VENV)/bin/uv pip compile --quiet --universal --python-version 3.12 --generate-hashes --no-emit-index-url --no-header \
	--no-annotate pyproject.toml --extra build $$([ $$extra = test ] && echo --extra test) -o requirements/$$extra.lock; done

bench: setup-test
	@$(PY) -m tests.bench

geo: setup
	@bash deploy/geo.sh var/geo

clean:
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
