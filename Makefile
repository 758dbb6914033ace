# Upslope: set up, try, test. `make demo` and `make test` need Python 3.11+ and make, nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# PYTHONUTF8: the same text everywhere. The data beside a checkout serves as the mirror where there is any.
export PYTHONUTF8 := 1
ifneq ($(wildcard ../shared/data),)
export UPSLOPE_MIRROR ?= $(abspath ../shared/data)
endif

.PHONY: help demo install test check bench results tensorflow wheel clean
help:
	@echo "make demo     install the light base and walk through one step, a minute"
	@echo "make install  install PyTorch and what trains, exports and tracks networks with it"
	@echo "make test     install what the tests need and run all of them"
	@echo "make check    lint, types, arrows between the rooms, generated pages, line budget"
	@echo "make bench    speed beside PyTorch and transformers, as ratios"
	@echo "make results  run the labs over seeds and write RESULTS.md"
	@echo "make wheel    build the wheel and the source archive"

# Each stamp stands for one finished installation; it is made again when the pins or the project file change.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else f"Upslope needs Python 3.11 or newer; $(PYTHON) is {v[0]}.{v[1]}. Try: make $(MAKECMDGOALS) PYTHON=python3.12")'
	@$(PYTHON) -m venv $(VENV)

$(VENV)/base: $(BIN)/python pyproject.toml constraints.txt
	@echo "Installing the base into $(VENV) ..."
	@$(PIP) install --constraint constraints.txt --editable .
	@touch $@

$(VENV)/torch: $(VENV)/base
	@echo "Installing PyTorch, Lightning, ONNX and MLflow into $(VENV) ..."
	@$(PIP) install --constraint constraints.txt --editable ".[torch,ship,track]"
	@touch $@

$(VENV)/full: $(VENV)/torch
	@echo "Installing what the tests and checks need into $(VENV) ..."
	@$(PIP) install --constraint constraints.txt --editable ".[torch,ship,track,keras,dev]"
	@touch $@

# An extra of 1.5 GB: the twins' second backend. Without it they run on PyTorch, and the tests say so.
$(VENV)/tensorflow: $(VENV)/full
	@echo "Installing TensorFlow into $(VENV) ..."
	@$(PIP) install --constraint constraints.txt --editable ".[tensorflow]"
	@touch $@

install: $(VENV)/torch
	@echo "Installed. Next: $(BIN)/upslope lab mnist"

tensorflow: $(VENV)/tensorflow

demo: $(VENV)/base
	@$(BIN)/upslope tour

# One BLAS thread a worker: the tests' arrays are small, and two workers share two cores.
test: $(VENV)/full
	@OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --dist worksteal $(ARGS)

check: $(VENV)/full
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/upslope author results
	@$(BIN)/upslope author budget

bench: $(VENV)/full
	@$(BIN)/python benchmarks/engine.py
	@$(BIN)/python benchmarks/lenet.py
	@$(BIN)/python benchmarks/mnist.py
	@$(BIN)/python benchmarks/models.py

# Every lab over its seeds, each also with a part frozen (which must miss the target), and the speed beside PyTorch.
results: $(VENV)/full
	@$(BIN)/upslope author record digits-pure --seeds 5
	@$(BIN)/upslope author record digits-pure --seeds 5 freeze=hidden
	@$(BIN)/upslope author record digits --seeds 10
	@$(BIN)/upslope author record digits --seeds 5 freeze=hidden
	@$(BIN)/upslope author record digits --seeds 5 data=mnist
	@$(BIN)/upslope author record digits --seeds 5 data=mnist freeze=hidden
	@$(BIN)/upslope author record lenet --seeds 10
	@$(BIN)/upslope author record lenet --seeds 5 freeze=conv
	@$(BIN)/upslope author record mnist --seeds 10
	@$(BIN)/upslope author record mnist --seeds 5 freeze=conv
	@$(BIN)/upslope author record mnist --seeds 1 --preset ladder
	@for model in lenet resnet vit; do \
		$(BIN)/upslope author record fashion --seeds 3 model=$$model --variant $$model; \
		$(BIN)/upslope author record fashion --seeds 3 model=$$model freeze=features --variant $$model-features; \
	done
	@$(BIN)/upslope author record twins --seeds 3
	@$(BIN)/upslope author record twins --seeds 3 freeze=conv
	@mkdir -p results/speed
	@$(BIN)/python benchmarks/engine.py --json > results/speed/engine.json
	@$(BIN)/python benchmarks/lenet.py --json > results/speed/lenet.json
	@$(BIN)/python benchmarks/mnist.py --json > results/speed/mnist.json
	@$(BIN)/python benchmarks/models.py --json > results/speed/models.json
	@$(BIN)/upslope author results --write

wheel: $(VENV)/full
	@$(BIN)/python -m build --outdir dist

clean:
	rm -rf $(VENV) dist build
