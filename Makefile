# make run: the service on http://127.0.0.1:8000    make test: every test
# make faults: crashes, power cuts and fuzzing at full length; ROUNDS=1000 for a night
# make reliability: docs/reliability.md from the rounds so far    make release: dist/ of what is committed
PYTHON ?= python3
BIN := .venv/bin

.PHONY: run test faults reliability check bench bugs docs lock sbom release clean

run: .venv/installed
	$(BIN)/coursebell run --try

# Compiled modules are kept, whatever the environment says: every worker and interpreter loads them.
test faults: export PYTHONDONTWRITEBYTECODE =

# Four workers, for two cores: half the time of a test is waiting.
test: .venv/installed-dev
	$(BIN)/python -m pytest -n 4 --dist worksteal

faults: .venv/installed-dev
	CAMPAIGNS=whole $(BIN)/python -m pytest -n 3 --dist worksteal -m faults
	$(BIN)/python -m tests.reliability

reliability: .venv/installed-dev
	$(BIN)/python -m tests.reliability page

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

SBOM = $(BIN)/python -W ignore::UserWarning -m cyclonedx_py requirements requirements.lock \
	  --pyproject pyproject.toml --output-reproducible -o dist/coursebell.cdx.json

sbom: .venv/installed-dev
	mkdir -p dist
	$(SBOM)

release: export SOURCE_DATE_EPOCH = $(shell git log -1 --format=%ct)
release: .venv/installed-dev
	@test -z "$$(git status --porcelain)" || { echo 'make release: commit or stash what git status shows; a release is what is committed' >&2; exit 1; }
	$(BIN)/uv build -q --clear --no-build-isolation --no-create-gitignore -p $(BIN)/python -o dist
	$(SBOM)

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
