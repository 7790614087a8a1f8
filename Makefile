# make run: the service on http://127.0.0.1:8000    make test: every test
# make faults: crashes, power cuts and fuzzing at full length
PYTHON ?= python3
BIN := .venv/bin

.PHONY: run test faults check bench bugs docs lock clean

run: .venv/installed
	$(BIN)/coursebell run --try

test: .venv/installed-dev
	$(BIN)/python -m pytest -n 2 --dist worksteal

faults: .venv/installed-dev
	CAMPAIGNS=whole $(BIN)/python -m pytest -n 2 --dist worksteal -m faults

check: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/bandit -q -r service -c pyproject.toml

bench: .venv/installed-dev
	$(BIN)/python -m bench

bugs: .venv/installed-dev
	$(BIN)/python -m tests.bugs

docs: .venv/installed-dev
	$(BIN)/python -m tests.docs

lock: .venv/installed-dev
	$(BIN)/uv pip compile pyproject.toml --extra build --universal --generate-hashes --no-emit-index-url \
	  --no-header -q -o requirements.lock
	$(BIN)/uv pip compile pyproject.toml --extra build --extra dev --universal --generate-hashes \
	  --no-emit-index-url --no-header -q -o requirements-dev.lock
	$(BIN)/uv pip compile --group ci --universal --generate-hashes \
	  --no-emit-index-url --no-header -q -o .ci/requirements.lock

.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Coursebell needs Python 3.11 or newer; make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv

.venv/installed: requirements.lock pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

.venv/installed-dev: requirements-dev.lock pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@ .venv/installed

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache
