# A fresh clone needs only Python 3.11 (or newer) and make.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

.PHONY: run test crash bench stories lint lock clean

run: $(VENV)/.installed
	$(BIN)/circlekeeper try

# The tests start hundreds of processes, so what was compiled is kept, whatever the environment says.
test: export PYTHONDONTWRITEBYTECODE =
test: $(VENV)/.installed lint
	$(BIN)/pytest --quiet --numprocesses 2 --maxschedchunk 8 -m "not real and not crash"
	$(BIN)/pytest --quiet --numprocesses 2 --dist loadgroup -m "real or crash"

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Kills a real bot at every failpoint and at 100 random instants, and counts what the rooms saw.
crash: $(VENV)/.installed
	$(BIN)/python -m tests.crash

# Thousands of random files and rooms: whatever was changed where, applying a plan leaves nothing to plan.
STORIES ?= 2000
stories: $(VENV)/.installed
	STORIES=$(STORIES) $(BIN)/pytest --quiet --numprocesses 2 --timeout 0 tests/rooms/test_plan_properties.py tests/rooms/test_plan_delivered.py

# Latency and processor time as ratios within one run; nothing here gates by the clock.
bench: $(VENV)/.installed
	$(BIN)/python -m tests.bench

lock:
	$(BIN)/pip install uv
	$(BIN)/uv pip compile pyproject.toml --universal --all-extras --generate-hashes --no-header --no-emit-index-url --no-emit-find-links --no-annotate --python-version 3.11 -o requirements.lock

clean:
	rm -rf $(VENV) data

$(VENV)/.installed: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Circlekeeper needs Python 3.11 or newer." if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@
