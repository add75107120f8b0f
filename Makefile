# Everything one needs to run, test and check the pool. `make` alone lists it.

PYTHON ?= $(shell for p in python3.14 python3.13 python3.12 python3.11 python3 python; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
.DEFAULT_GOAL := help
.PHONY: help run test test-browser test-typescript check format lock bench-engine bench-gateway bench-pages chaos chaos-slack test-deploy test-rollback qa load check-monitoring bench-learning clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/runtime.stamp ## start the whole pool here; the first run makes keys and an administrator
	@exec $(BIN)/python manage.py serve

test: $(VENV)/dev.stamp ## the whole test suite: on SQLite and embedded Valkey, then the stores' part on PostgreSQL and Redis
	@$(BIN)/python -m tests.suite

test-browser: $(VENV)/dev.stamp ## the admin site and the live view in a real Chromium (needs `chromium`); pictures go to screenshots/
	@$(BIN)/python -m pytest -q -m browser tests/browser $(ARGS)

test-typescript: $(VENV)/dev.stamp tests/typescript/node_modules/installed.stamp ## the official TypeScript SDK against the gateway (needs Node.js 18 or newer)
	@$(BIN)/python -m pytest -q -m typescript tests/typescript

tests/typescript/node_modules/installed.stamp: tests/typescript/package-lock.json
	@command -v npm >/dev/null || { echo "Node.js and npm are needed. On Debian and Ubuntu: apt-get install nodejs npm" >&2; exit 1; }
	@cd tests/typescript && npm ci --ignore-scripts --no-audit --no-fund --silent
	@touch $@

test-deploy: $(VENV)/dev.stamp ## follow docs/deploy.md literally, from an empty folder to a green `make qa` (needs haproxy, redis-server, chromium)
	@$(BIN)/python -m tests.deployment.deploy

test-rollback: $(VENV)/dev.stamp ## a release forward, back and forward again, as the documents say, under load (needs haproxy, redis-server)
	@$(BIN)/python -m tests.deployment.rollback

qa: $(VENV)/dev.stamp ## BASE_URL=https://…: is that deployment whole? The smoke test and a browser; told to Slack
	@BASE_URL="$(BASE_URL)" $(BIN)/python -m qa

check: $(VENV)/dev.stamp ## lint, format, types and import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .
	$(BIN)/lint-imports --cache-dir .import_linter_cache
	@echo "all checks passed"

format: $(VENV)/dev.stamp ## let ruff format and mend what it can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: $(VENV)/dev.stamp ## pin what requirements*.in ask for into requirements*.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip compile --quiet --python-version 3.11 --generate-hashes --no-annotate --no-header requirements.in -o requirements.txt
	$(BIN)/uv pip compile --quiet --python-version 3.11 --generate-hashes --no-annotate --no-header --constraints requirements.txt requirements-tracing.in -o requirements-tracing.txt
	$(BIN)/uv pip compile --quiet --python-version 3.11 --generate-hashes --no-annotate --no-header requirements-dev.in -o requirements-dev.txt
	$(BIN)/uv pip compile --quiet --python-version 3.11 --generate-hashes --no-annotate --no-header benchmarks/load/requirements.in -o benchmarks/load/requirements.txt

bench-engine: $(VENV)/dev.stamp ## measure the engine: lease and settle, sequential and concurrent, over-admission
	$(BIN)/python -m benchmarks.engine

bench-gateway: $(VENV)/dev.stamp ## measure the gateway beside Portkey's and LiteLLM's; ARGS="--without litellm" and others
	$(BIN)/python -m benchmarks.gateway $(ARGS)

bench-learning: $(VENV)/dev.stamp ## how often Anthropic throttles with limits learned from its answers, and without; ARGS="--minutes 30"
	$(BIN)/python -m benchmarks.learning $(ARGS)

bench-pages: $(VENV)/dev.stamp ## measure the admin site's pages at full size, in a database of its own (DATA_DIR=.bench)
	DATA_DIR=$${DATA_DIR:-.bench} $(BIN)/python manage.py migrate --verbosity 0
	DATA_DIR=$${DATA_DIR:-.bench} $(BIN)/python manage.py fill_for_benchmark $(ARGS) || true
	DATA_DIR=$${DATA_DIR:-.bench} $(BIN)/python -m benchmarks.pages

chaos: $(VENV)/dev.stamp ## play every fault of the simulator against the gateway for a minute; ARGS="--seed 7" and others
	@$(BIN)/python -m tests.chaos $(ARGS)

chaos-slack: $(VENV)/dev.stamp ## kill and restart workers while they tell a stumbling Slack of 500 transitions; prints what arrived
	@$(BIN)/python -m tests.chaos_slack $(ARGS)
load: $(VENV)/dev.stamp .bench/locust/installed.stamp ## load a whole deployment with locust and judge it; ARGS="--only spread --users 100" and others
	@$(BIN)/python -m benchmarks.load $(ARGS)

# gevent and Flask stay out of the environment that tests and types are checked in.
.bench/locust/installed.stamp: benchmarks/load/requirements.txt | $(VENV)/created.stamp
	@echo "installing locust in .bench/locust …"
	@$(BIN)/python -m venv .bench/locust
	@$(call install,benchmarks/load/requirements.txt,.bench/locust/bin/python)
	@touch $@

check-monitoring: $(VENV)/dev.stamp ## does the pool at BASE_URL give the dashboard and the alert rules their data? (METRICS_TOKEN)
	@$(BIN)/python -m benchmarks.monitoring --base-url "$(or $(BASE_URL),http://127.0.0.1:8000)" $(ARGS)

clean: ## remove the environment and caches; your data (.data, .env) stays
	rm -rf $(VENV) .bench/locust .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache staticfiles

# A stamp is newer than what it was made from exactly when the environment holds that.
$(VENV)/created.stamp:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed and none was found. Install it, or: make run PYTHON=/path/to/python3" >&2; exit 1; }
	@echo "making $(VENV) with $(PYTHON) …"
	@$(PYTHON) -m venv $(VENV) || { echo "This Python cannot make environments. On Debian and Ubuntu: apt-get install python3-venv" >&2; rm -rf $(VENV); exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv || echo "uv is not to be had; pip will do, more slowly"
	@touch $@

$(VENV)/runtime.stamp: requirements.txt | $(VENV)/created.stamp
	@echo "installing the packages of requirements.txt …"
	@$(call install,requirements.txt)
	@touch $@

$(VENV)/dev.stamp: requirements-dev.txt requirements.txt | $(VENV)/created.stamp
	@echo "installing the packages of requirements-dev.txt …"
	@$(call install,requirements-dev.txt)
	@touch $@ $(VENV)/runtime.stamp

# $(1): a file of requirements; $(2): the Python to install them for, if not ours
define install
if [ -x $(BIN)/uv ]; then $(BIN)/uv pip install --quiet --python $(or $(2),$(BIN)/python) -r $(1) || $(or $(2),$(BIN)/python) -m pip install --quiet --disable-pip-version-check -r $(1); \
else $(or $(2),$(BIN)/python) -m pip install --quiet --disable-pip-version-check -r $(1); fi
endef
