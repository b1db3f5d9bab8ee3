# make demo   set up, cut out examples/astronaut.jpg, show before, alpha and cut-out in demo/demo.png
# make test   set up and run the tests
# make check  format, lint, types and tests, as CI does
# Without a GPU, TORCH_INDEX=https://download.pytorch.org/whl/cpu spares gigabytes of CUDA: make demo TORCH_INDEX=...
TORCH_INDEX ?=
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test lint check format clean

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) -e ".[dev]"
	touch $(READY)

demo: $(READY)
	MATTE_HOME=demo/cache $(BIN)/matte image examples/astronaut.jpg -o demo/cutout.png --offline
	$(BIN)/python examples/before_and_after.py examples/astronaut.jpg demo/cutout.png demo/demo.png

test: $(READY)
	$(BIN)/python -m pytest -n auto --dist loadfile

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	if [ -x $(BIN)/hadolint ]; then $(BIN)/hadolint Dockerfile; fi

check: lint test

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) demo dist .pytest_cache .mypy_cache .ruff_cache
