# Everything runs in a virtual environment of its own; only Python and make are needed.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

.PHONY: demo test lint messages clean

demo: $(VENV)/example
	$(BIN)/python manage.py demo

test: $(VENV)/test
	TEST_DATABASE=sqlite $(BIN)/python -m pytest
	TEST_DATABASE=postgres $(BIN)/python -m pytest -m "not once and not browser"

lint: $(VENV)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python manage.py makemigrations --check --dry-run

$(VENV)/%: setup.cfg pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[$*]'
	touch $@

# Needs gettext. Collects what can be translated, and compiles what was, in the app and in the example shop.
TRANSLATED = spree_digitals example_project/shop
DJANGO = $(CURDIR)/$(BIN)/python -m django

messages: $(VENV)/dev
	for package in $(TRANSLATED); do (cd $$package \
		&& $(DJANGO) makemessages --all --no-wrap --no-obsolete --add-location file \
		&& $(DJANGO) compilemessages) || exit; done

clean:
	rm -rf $(VENV) var build dist *.egg-info
