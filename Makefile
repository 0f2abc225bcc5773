# The verbs of this repository; a bare `make` prints them.
PYTHON ?= python3
VENV   ?= .venv
# TensorFlow with CUDA where a GPU answers, without it elsewhere; DEVICE=cpu or gpu overrides.
DEVICE ?= $(shell nvidia-smi -L >/dev/null 2>&1 && echo gpu || echo cpu)
# uv when it is there, venv and pip when it is not; `make UV=` chooses pip.
UV     ?= $(shell uv --version >/dev/null 2>&1 && echo uv)
DATA   ?=
OUT    ?= build/demo
# tests and notebooks run at once; a GPU is not shared
WORKERS ?= 2

BIN    := $(VENV)/bin
READY  := $(VENV)/ready-$(DEVICE)
PYTEST := $(BIN)/python -m pytest
# on both cores; tests of one file share what takes long to make
BOTH   := -n $(WORKERS) --dist loadfile
# workers that share the cores take one thread each: more would wait for one another
ALONE  := $(if $(filter-out 0,$(WORKERS)),OMP_NUM_THREADS=1 TF_NUM_INTRAOP_THREADS=1 TF_NUM_INTEROP_THREADS=1)
CELL_S := 900
STRICT  = --nbval --nbval-current-env --nbval-cell-timeout $(CELL_S) \
          --nbval-sanitize-with tests/book/nbval_sanitize.cfg
export TF_CPP_MIN_LOG_LEVEL ?= 3
export TF_ENABLE_ONEDNN_OPTS ?= 1

.DEFAULT_GOAL := help
.PHONY: help env course test lint unit nbval lab notebooks ledger curves real demo book backends gpu fuzz bench lock clean

help:  ## print these verbs
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 20

env: $(READY)  ## set up the environment in .venv

$(READY): pyproject.toml constraints.txt
ifneq ($(UV),)
	$(UV) venv --quiet --allow-existing --python $(PYTHON) $(VENV)
	$(UV) pip install --quiet --python $(BIN)/python -c constraints.txt -e '.[$(DEVICE),test]'
else
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[$(DEVICE),test]'
endif
	@touch $@

course: $(READY)  ## the main job on phantom CT, then the book
	$(MAKE) --no-print-directory demo
	$(MAKE) --no-print-directory book
	@echo
	@echo "Open the report of the demo:  $(CURDIR)/$(OUT)/report.html"
	@echo "Open the course:              $(CURDIR)/book/_build/html/index.html"

# A finished demo makes room for a new one; an interrupted one is resumed.
demo: $(READY)  ## train, compare and report; DATA=folder for your own CT, OUT=folder for the result
	@if [ "$(OUT)" = build/demo ] && [ -f build/demo/report.html ]; then rm -r build/demo; fi
	$(BIN)/medvae-course demo $(if $(DATA),--data "$(DATA)") --out "$(OUT)"

test: $(READY)  ## all tests: library, notebooks, book
	$(MAKE) --no-print-directory lint
	$(MAKE) --no-print-directory unit
	$(MAKE) --no-print-directory nbval
	$(MAKE) --no-print-directory book
	$(PYTEST) tests/book/test_built_html.py

lint: $(READY)  ## style of the code, and the workflows
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/zizmor --offline --quiet .github/workflows

unit: $(READY)  ## the library, its examples, and notebooks against chapters
	$(ALONE) $(PYTEST) $(BOTH) tests --ignore=tests/book/test_built_html.py
	$(ALONE) $(PYTEST) --doctest-modules medvae_course
	$(MAKE) --no-print-directory unit-models BACKEND=jax

nbval: $(READY)  ## run every notebook and compare each output with the stored one
	$(ALONE) $(PYTEST) $(BOTH) $(STRICT) book/notebooks

lab: $(READY)  ## JupyterLab on the notebooks
	@$(BIN)/python -c 'import jupyterlab' 2>/dev/null || \
	  $(if $(UV),$(UV) pip install --python $(BIN)/python,$(BIN)/python -m pip install) -c constraints.txt 'jupyterlab>=4.3'
	$(BIN)/python -m jupyterlab --notebook-dir=book/notebooks

notebooks: $(READY)  ## press the chapters that changed into executed notebooks
	$(BIN)/python book/press.py

# Added to every seed of the chapters; the run that made the notebooks added nothing.
SEEDS  ?= 1000,2000
ledger: $(READY)  ## run every chapter with two more seeds, and put both into the ledger
	$(BIN)/python book/repeat.py --seeds $(SEEDS)
	$(BIN)/python book/contest.py
	$(MAKE) --no-print-directory curves

# Of DATA, planning CT of the body: pixels of a slice, and side of the square around the body.
curves: $(READY)  ## label-efficiency curves (hours): on phantoms, or on labelled CT, DATA=folder
	$(BIN)/python book/curves.py $(if $(DATA),--data "$(DATA)" --pixels 128 --side 64 --share 2)

real: $(READY)  ## run every chapter on CT of your own, DATA=folder, and put it into the ledger
	@test -n "$(DATA)" || { echo "make real: say which CT, DATA=folder or the name of a downloaded collection"; exit 2; }
	$(BIN)/python book/repeat.py --data "$(DATA)"
	$(BIN)/python book/contest.py --data "$(DATA)"

book: $(READY)  ## the HTML book from the pressed notebooks
	rm -rf book/_build/html  # Sphinx would leave pages of renamed files behind
	$(BIN)/jupyter-book build --warningiserror --nitpick --keep-going book

# PyTorch lives in an environment of its own: its newest builds bring gigabytes of CUDA.
TORCH  ?= torch==2.13.0
# One chapter of each part that trains something, whole.
PARTS  := $(addprefix book/notebooks/,03_dense_autoencoder.ipynb 08_rate.ipynb 13_anomaly.ipynb)
backends: $(VENV)-torch/ready  ## models and one chapter of each part on all three backends of Keras
	$(MAKE) --no-print-directory unit-models BACKEND=tensorflow
	$(MAKE) --no-print-directory unit-models BACKEND=jax
	KERAS_BACKEND=torch $(VENV)-torch/bin/python -m pytest tests/models
	KERAS_BACKEND=jax $(BIN)/python tests/models/test_backends.py
	KERAS_BACKEND=torch $(VENV)-torch/bin/python tests/models/test_backends.py
	$(BIN)/python book/ledger_page.py
	KERAS_BACKEND=jax $(PYTEST) $(STRICT) $(PARTS)
	KERAS_BACKEND=torch $(VENV)-torch/bin/python -m pytest $(STRICT) $(PARTS)

# XLA would compile for minutes what runs for seconds: less thoroughly, and each thing once
QUICK  := XLA_FLAGS=--xla_backend_optimization_level=0 JAX_COMPILATION_CACHE_DIR=$(CURDIR)/build/jax \
          JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS=0 JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES=-1
.PHONY: unit-models
unit-models: $(READY)
	$(ALONE) $(QUICK) KERAS_BACKEND=$(BACKEND) $(PYTEST) $(BOTH) tests/models

$(VENV)-torch/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)-torch
	$(VENV)-torch/bin/python -m pip install --quiet --disable-pip-version-check '$(TORCH)'
	$(VENV)-torch/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e . pytest ipykernel nbval jupytext nbclient
	@touch $@

# gpu-small computes as gpu does with as much as cpu; KERAS_BACKEND chooses the backend.
PRESET ?= gpu
ON_TORCH := $(filter torch,$(KERAS_BACKEND))
# a cell may take an hour: 200 patients of 256 x 256 are scanned on the processor, once
gpu: CELL_S := 3600
gpu: $(if $(ON_TORCH),$(VENV)-torch/ready,$(READY))  ## strict nbval of every notebook under PRESET=gpu, with verdicts, times and memory
	$(if $(ON_TORCH),$(VENV)-torch/bin,$(BIN))/python book/preset_run.py --preset $(PRESET) -- $(STRICT)

# Seeds are copied, for the fuzzer adds to the folder that it is given.
TIME ?= 1800
fuzz: $(READY)  ## look for bytes that break the DICOM reader (Linux); TIME=1800 s
	@$(BIN)/python -c 'import atheris' 2>/dev/null || \
	  $(if $(UV),$(UV) pip install --python $(BIN)/python,$(BIN)/python -m pip install) -c constraints.txt 'atheris>=3.0'
	@mkdir -p build/fuzz && cp tests/fuzz/corpus/* build/fuzz/
	$(BIN)/python tests/fuzz/fuzz_dicom.py build/fuzz -max_total_time=$(TIME) -timeout=30

# Peers are measured in an environment of their own, for the same reason as PyTorch.
PEERS  ?= pythae==0.1.2 monai==1.6.1
bench: $(READY) $(VENV)-peers/ready $(if $(filter gpu,$(DEVICE)),$(VENV)-torch/ready)  ## speed against peers (hours, about 16 GB; nothing else may run), then its page
	$(BIN)/python tests/benchmarks/bench_reading.py
	$(BIN)/python tests/benchmarks/bench_store.py
	$(BIN)/python tests/benchmarks/bench_step.py
	$(BIN)/python tests/benchmarks/bench_feeding.py
	$(BIN)/python tests/benchmarks/bench_training.py --peers $(VENV)-peers/bin/python
	$(BIN)/python tests/benchmarks/bench_course.py
	$(if $(filter gpu,$(DEVICE)),$(BIN)/python tests/benchmarks/bench_gpu.py --torch $(VENV)-torch/bin/python)
	$(BIN)/python book/speed_page.py

$(VENV)-peers/ready: Makefile
	$(PYTHON) -m venv $(VENV)-peers
	$(VENV)-peers/bin/python -m pip install --quiet --disable-pip-version-check '$(TORCH)' $(PEERS)
	@touch $@

lock:  ## compile constraints.txt anew (needs uv)
	uv pip compile --quiet --universal --fork-strategy fewest --python-version 3.11 \
	  --no-emit-index-url --no-annotate --no-header --extra cpu --extra gpu --extra jax --extra scale \
	  --extra collections --extra fuzz --extra develop pyproject.toml -o constraints.txt

clean:  ## remove what was built; environments and data stay
	rm -rf build book/_build .pytest_cache .ruff_cache
