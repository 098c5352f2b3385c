# Short names for what manage.py does; none of them is needed.
PYTHON ?= python3
TOOLS := .venv/bin

.PHONY: run test check bench format lock

run:  ## set everything up and start it with demo data
	$(PYTHON) manage.py up --demo

test:  ## set everything up and run all tests
	$(PYTHON) manage.py test

check: .venv/.requirements-dev.mark  ## format, lint, types, layers, migrations
	$(TOOLS)/ruff format --check .
	$(TOOLS)/ruff check .
	$(TOOLS)/lint-imports
	$(TOOLS)/python -m tests.check_migrations
	$(TOOLS)/mypy

format: .venv/.requirements-dev.mark  ## write what `check` would complain about
	$(TOOLS)/ruff check --fix .
	$(TOOLS)/ruff format .

bench: .venv/.requirements-dev.mark  ## us against Postfix and Dovecot, on this machine (docs/performance.md)
	$(TOOLS)/python -m bench.run --peers

lock:  ## read requirements*.in again; needs uv
	uv pip compile --quiet --no-header --generate-hashes --universal --python-version 3.11 requirements.in -o requirements.txt
	uv pip compile --quiet --no-header --generate-hashes --universal --python-version 3.11 requirements-dev.in -o requirements-dev.txt

.venv/.requirements-dev.mark: requirements-dev.txt
	$(PYTHON) manage.py test --version
	@touch $@
