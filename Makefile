# `make` alone lists the commands. They need Python 3.11 or newer; everything else is installed into .venv.

.DEFAULT_GOAL := help
.PHONY: help run test check lint bench chaos messages fuzz soak upgrade-test install-test lock clean sandbox-installed dev-installed lighthouse

# The first that really runs and is new enough: a version manager's shim may exist and run nothing.
PYTHON = $(shell for name in python3.12 python3.11 python3.13 python3; do \
	if $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then echo $$name; break; fi; done)
INSTALL = $(or $(PYTHON),$(error Python 3.11 or newer was not found. Install it, for example from https://www.python.org/downloads/)) -I sandbox/install.py
VENV = .venv/bin/python
# Tests run side by side, more of them than two processors because many wait; another number suits some machines better.
PROCESSES ?= 4

help: ## List the commands
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 16

run: sandbox-installed ## Run the whole product on this machine, with demo content, until Ctrl-C
	@exec $(VENV) -m sandbox

test: dev-installed ## Run the tests, but for those that drive a browser
	@$(VENV) -m pytest -n $(PROCESSES) -m "not browser"

check: lint ## Run everything that must be green before a commit: format, lint, types, templates, migrations, settings, all tests
	@$(VENV) -m pytest -n $(PROCESSES) --cov --cov-report=term:skip-covered

lint: dev-installed ## Run everything of `check` except the tests
	$(VENV) -m ruff format --check .
	$(VENV) -m ruff check .
	$(VENV) -m mypy
	$(VENV) -m djlint templates --lint --quiet
	$(VENV) -m sandbox run -- $(VENV) manage.py makemigrations --check --dry-run
	$(VENV) -m sandbox run -- $(VENV) -m tests.migration_lint
	env -i PATH="$$PATH" sh -c 'set -a; . tests/production.env; exec $(VENV) manage.py check --deploy --fail-level WARNING'

bench: dev-installed ## Measure speed and memory; each file of bench/ alone, on servers of its own
	@for file in $(wildcard bench/[!_]*.py); do echo "== $$file"; $(VENV) -m sandbox run -- $(VENV) $$file || exit 1; done

lighthouse: dev-installed ## Let Lighthouse judge front page and article, with their speed (npm install --prefix .lighthouse lighthouse)
	@LIGHTHOUSE_RUNS=3 $(VENV) -m pytest tests/browser/test_lighthouse.py -q

chaos: dev-installed ## Kill processes on purpose and see that nothing is lost
	@CHAOS_READERS=$${CHAOS_READERS:-2000} CHAOS_HISTORIES=$${CHAOS_HISTORIES:-200} CHAOS_GIFTS=$${CHAOS_GIFTS:-200} CHAOS_RESTORE_READERS=$${CHAOS_RESTORE_READERS:-500} CHAOS_LINES=$${CHAOS_LINES:-20000} \
		$(VENV) -m pytest tests/chaos -m chaos

fuzz: dev-installed ## Send what a stranger may send to every address and form, for a quarter of an hour
	@FUZZ_EXAMPLES=$${FUZZ_EXAMPLES:-6000} $(VENV) -m pytest tests/fuzz -s

soak: dev-installed ## A day in twenty minutes: traffic, gifts, an issue, and every process restarted in turn
	@$(VENV) -m sandbox run -- $(VENV) -m tests.soak $(or $(MINUTES),20)

upgrade-test: dev-installed ## Run the release before on the schema of this code, beside it
	@$(VENV) -m tests.upgrade

install-test: dev-installed ## Run the commands of docs/install.md in a new Debian tree (root, debootstrap)
	@$(VENV) deploy/try_install.py

messages: dev-installed ## Gather the words to translate (needs gettext), and compile the translations
	@for domain in django djangojs; do $(VENV) -m sandbox run -- $(VENV) manage.py makemessages -d $$domain --all \
		--no-obsolete --no-location -i '.*' -i tests -i bench -i sandbox -i deploy -v 0 || exit 1; done
	@$(VENV) -m tests.translations

lock: dev-installed ## Compile the requirements files from their short inputs, with hashes
	@for name in requirements requirements-sandbox requirements-dev; do echo "$$name.txt"; \
		.venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes $$name.in -o $$name.txt || exit 1; done

clean: ## Remove .venv, caches and the sandbox with all its data
	@if [ -x $(VENV) ] && [ -d .sandbox ]; then $(VENV) -m sandbox clean; fi
	rm -rf .lighthouse .venv .venv.lock .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage .coverage.* .static .media
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

sandbox-installed:
	@$(INSTALL) requirements-sandbox.txt

dev-installed:
	@$(INSTALL) requirements-dev.txt
