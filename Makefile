# make run     opens the app             make hosted   the same app as on a public server
# make test    runs all tests            make check    all of: lint, types, docs
# make lint    style and import order    make types    the type checker
# make docs    builds the documentation into site/, links checked
# make release builds sdist and wheel into dist/, and does with the wheel, installed far from here, what people do
PYTHON ?= python3
VENV ?= .venv
PORT ?= 8501

# Windows keeps a virtual environment's programs elsewhere.
BIN := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)

.PHONY: run hosted test check lint types docs release clean

run: $(VENV)/.installed
	$(BIN)/python -m streamlit run app.py --server.port $(PORT)

hosted: $(VENV)/.installed
	DECOR_HOSTED=1 $(BIN)/python -m streamlit run app.py --server.port $(PORT)

# Tests start hundreds of processes, each of which would compile Decor anew where nothing is kept.
test: export PYTHONDONTWRITEBYTECODE =
test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder $(ARGS)

check: lint types docs

lint: $(VENV)/.installed-dev
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml

types: $(VENV)/.installed-dev
	$(BIN)/pyright --pythonpath $(BIN)/python

docs: $(VENV)/.installed-dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet

release: $(VENV)/.installed-dev
	rm -rf dist
	$(BIN)/python -m hatchling build -d dist
	$(BIN)/python -m pip install --quiet twine==7.0.0 check-wheel-contents==0.6.3
	$(BIN)/python -m twine check --strict dist/*
	$(BIN)/check-wheel-contents --ignore W002,W009 dist
	$(PYTHON) .ci/try_wheel.py dist

$(VENV)/.made:
	$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v <= (3, 14) else f"Decor needs Python 3.11 to 3.14, but this is {v[0]}.{v[1]}; try: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	@touch $@

$(VENV)/.installed: requirements.txt $(VENV)/.made
	$(BIN)/python -m pip install --quiet -r requirements.txt
	@touch $@

# All at once: to look twice at what is there takes as long as to install some of it.
$(VENV)/.installed-dev: requirements-dev.txt requirements.txt $(VENV)/.made
	$(BIN)/python -m pip install --quiet -r requirements-dev.txt
	@touch $(VENV)/.installed $@

clean:
	rm -rf $(VENV)
