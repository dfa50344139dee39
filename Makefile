# Everything runs in a virtual environment of its own; only Python and make are needed.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

.PHONY: demo test lint clean

demo: $(VENV)/example
	$(BIN)/python manage.py demo

test: $(VENV)/test
	TEST_DATABASE=sqlite $(BIN)/python -m pytest
	TEST_DATABASE=postgres $(BIN)/python -m pytest -m "not once"

lint: $(VENV)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python manage.py makemigrations --check --dry-run

$(VENV)/%: setup.cfg pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[$*]'
	touch $@

clean:
	rm -rf $(VENV) var build dist *.egg-info
