SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

BRAIN ?= classical
WALL ?= 50
RUN_ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
LOCKS := requirements/base.lock requirements/dev.lock
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

# The first interpreter that runs and is new enough: a name on PATH may be an empty shim.
FITS := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do \
	$$p -c '$(FITS)' 2>/dev/null && { echo $$p; break; }; done)

# Every target without a path is a task and no file.
.PHONY: $(shell sed -nE 's/^([a-z-]+):.*/\1/p' $(MAKEFILE_LIST))

help: ## Show this list.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "BRAIN=$(BRAIN)  WALL=$(WALL) [s]  RUN_ARGS=$(RUN_ARGS)  PYTHON=<first of 3.11 to 3.13>"

install: $(VENV)/.stamp-install ## Make .venv with the shopfloor command; the house stays editable.

run: system install ## Work a sorting shift with BRAIN for at most a minute, and report it.
	@$(BIN)/shopfloor run sorting --brain $(BRAIN) --max-wall $(WALL) $(RUN_ARGS)

test: $(VENV)/.stamp-dev ## Lint, check types and layers, and run all tests.
	@failed=0; $(MAKE) lint || failed=1; \
	$(BIN)/python -m pytest || failed=1; \
	exit $$failed

test-servers: $(VENV)/.stamp-dev ## Tests against real model servers; installs torch and servers first (heavy).
	$(PIP) torch==2.13.0 'transformers[serving]==5.23.0' safetensors llguidance peft pillow \
		gguf 'llama-cpp-python[server]==0.3.36'
	$(BIN)/python -m pytest -m servers tests/servers

RAY := 'ray==2.60.0'

# LeRobot 0.4.4, the last for Python 3.11, asks for an older torch than it runs with, and for an
# older PyAV than ours. torchvision's wheel is built for CUDA: tests/lerobot/stage.py says why
# that does not matter.
LEROBOT := .venv-lerobot
BESIDE_PIP = $(LEROBOT)/bin/python -m pip install --quiet --disable-pip-version-check
test-lerobot: $(VENV)/.stamp-dev system $(LEROBOT)/.stamp ## Have LeRobot itself read and train on our datasets; installs it and torch first (heavy).
	LEROBOT_PYTHON=$(abspath $(LEROBOT)/bin/python) $(BIN)/python -m pytest -m lerobot tests/lerobot

$(LEROBOT)/.stamp: requirements/lerobot.txt
	@.ci/system ffmpeg
	$(PYTHON) -m venv $(LEROBOT)
	$(BESIDE_PIP) torch==2.13.0
	$(BESIDE_PIP) --no-deps lerobot==0.4.4 torchvision==0.28.0 torchcodec==0.12.0
	$(BESIDE_PIP) --requirement requirements/lerobot.txt
	@touch $@

test-ray: system $(VENV)/.stamp-dev ## Tests on clusters of several Ray nodes, some of them killed; installs Ray first.
	$(PIP) $(RAY)
	$(BIN)/python -m pytest -m ray tests/cluster

# The official tool of OpenSSF Model Signing has its own idea of many versions.
SIGNING := .venv-signing
test-signing: $(VENV)/.stamp-dev $(SIGNING)/.stamp ## Have the official verifier read our model signatures; installs it first.
	MODEL_SIGNING_PYTHON=$(abspath $(SIGNING)/bin/python) $(BIN)/python -m pytest -m signing tests/signing

official-signatures: $(VENV)/.stamp-dev $(SIGNING)/.stamp ## Sign anew, with the official tool, what the tests verify.
	MODEL_SIGNING_PYTHON=$(abspath $(SIGNING)/bin/python) $(BIN)/python tests/signing/make.py

$(SIGNING)/.stamp:
	$(PYTHON) -m venv $(SIGNING)
	$(SIGNING)/bin/python -m pip install --quiet model-signing==1.1.1 pyopenssl
	@touch $@

lint: $(VENV)/.stamp-dev ## Only what needs no running: ruff, mypy, import-linter.
	@failed=0; \
	for check in "ruff check" "ruff format --check" mypy "lint-imports --no-logo"; do \
		echo "$$check"; $(BIN)/$$check || failed=1; \
	done; \
	exit $$failed

# Versions stay as they are unless pyproject.toml forbids them; UPGRADE=1 takes the newest.
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest \
	--generate-hashes --custom-compile-command 'make lock' $(if $(UPGRADE),--upgrade)

lock: $(VENV)/.stamp-dev ## Write requirements/*.lock anew from pyproject.toml (UPGRADE=1 for newest).
	$(COMPILE) pyproject.toml --group build --output-file requirements/base.lock
	$(COMPILE) --group dev --constraints requirements/base.lock --output-file requirements/dev.lock

system: ## Install the system libraries that draw pictures without a screen, or say how.
	@.ci/system libegl1 libgl1-mesa-dri libopengl0

# Simulation results; on two cores this takes a quarter of an hour. Runs stay in runs/ to be looked at.
RESULTS := docs/results
results: system install ## Measure everything that docs/results/ says, and write it there.
	rm -rf runs/results-fenced runs/results-collaborative
	$(BIN)/shopfloor bench start --out $(RESULTS)/start.json >/dev/null
	$(BIN)/shopfloor bench statistics --out $(RESULTS)/statistics.json >/dev/null
	$(BIN)/shopfloor bench papers --out $(RESULTS)/papers.json >/dev/null
	$(BIN)/shopfloor bench repeat --out $(RESULTS)/repeat.json >/dev/null
	$(BIN)/shopfloor bench sim --orders 6 --out $(RESULTS)/bench-sim.json >/dev/null
	taskset -c 0 $(BIN)/shopfloor bench sim --orders 6 --no-pair --out $(RESULTS)/bench-sim-one-core.json >/dev/null
	$(BIN)/shopfloor run --orders 300 --seed 1000 --audit --workers 2 --out runs/results-fenced --json \
		> $(RESULTS)/sorting-fenced.json
	$(BIN)/shopfloor run --orders 100 --seed 1000 --audit --workers 2 --limits collaborative \
		--out runs/results-collaborative --json > $(RESULTS)/sorting-collaborative.json
	$(BIN)/shopfloor bench planned $(RESULTS)/sorting-fenced.json $(RESULTS)/sorting-collaborative.json \
		--out src/shopfloor/shift/data/planned-cycle.toml >/dev/null
	$(BIN)/shopfloor bench page $(RESULTS)

# Both want older libraries than ours: dm_control 1.0 does not run with MuJoCo 4, nor ours with 3.8.
BESIDE := .venv-beside/bin
results-beside: system install ## Time gym-aloha and robosuite, in a virtual environment of their own.
	$(PYTHON) -m venv .venv-beside
	$(BESIDE)/python -m pip install --quiet robosuite==1.5.2 gym-aloha==0.1.5 mujoco==3.8.1 click
	MUJOCO_GL=egl PYTHONPATH=src $(BESIDE)/python -m shopfloor.cli.rivals $(RESULTS)/bench-sim-beside.json
	$(BIN)/shopfloor bench page $(RESULTS)

results-path: system install ## Pair a stand-in over HTTP with itself in process (half an hour).
	$(BIN)/shopfloor bench path --orders 60 --workers 2 --out $(RESULTS)/chat-path.json >/dev/null
	$(BIN)/shopfloor bench page $(RESULTS)

results-shift: system install ## Work and report a whole shift of eight hours (half an hour).
	rm -rf runs/bench-shift
	$(BIN)/shopfloor bench shift --out $(RESULTS)/shift.json >/dev/null
	$(BIN)/shopfloor bench page $(RESULTS)

results-replicate: system $(VENV)/.stamp-dev ## Repeat every run that the tests make (half an hour).
	rm -rf runs/tests
	mkdir -p runs
	$(BIN)/python -m pytest --basetemp=runs/tests -o tmp_path_retention_policy=all
	$(BIN)/python scripts/replicate_runs.py runs/tests --out $(RESULTS)/replicate.json
	$(BIN)/shopfloor bench page $(RESULTS)

results-noise: system install ## The classical brain at every level of sensor noise (an hour).
	rm -rf runs/results-noise
	$(BIN)/shopfloor bench noise --orders 100 --workers 2 --audit --runs runs/results-noise \
		--out $(RESULTS)/noise.json >/dev/null
	$(BIN)/shopfloor bench page $(RESULTS)

results-loss: system install ## How long a live cell moves on after a process is lost (a quarter of an hour).
	$(BIN)/shopfloor bench loss --out $(RESULTS)/loss.json >/dev/null
	$(BIN)/shopfloor bench page $(RESULTS)

results-drill: system install ## Every fault, 30 times each, and the grid in docs/robustness.md (half an hour).
	rm -rf runs/results-drill
	$(BIN)/shopfloor drill --n 30 --workers 2 --out runs/results-drill --docs docs/robustness.md \
		--json > $(RESULTS)/drill.json

results-recording: system install ## What recording costs, and 500 kills that may lose nothing (half an hour).
	$(BIN)/shopfloor bench recording --orders 20 --out $(RESULTS)/recording.json >/dev/null
	$(BIN)/shopfloor bench recording --orders 6 --depth --out $(RESULTS)/recording-depth.json >/dev/null
	$(BIN)/shopfloor bench crash --kills 500 --out $(RESULTS)/crash.json >/dev/null
	$(BIN)/shopfloor bench page $(RESULTS)

# Simulation results; half an hour for each brain on two cores. Killed, it goes on where it was: runs
# are kept by commit, because another version's runs are no part of the same benchmark.
results-v0: system install ## Work the benchmark suite v0 with the built-in brains (an hour).
	out=runs/bench-v0/$$(git describe --always --dirty 2>/dev/null || echo here); \
	for brain in classical stand-in; do \
		$(BIN)/shopfloor bench v0 --brain $$brain --workers 2 --out $$out/$$brain --json >/dev/null; \
	done; \
	for brain in classical stand-in; do cp $$out/$$brain/bench.json $(RESULTS)/v0-$$brain.json; done
	$(BIN)/shopfloor bench page $(RESULTS)

mutate: $(VENV)/.stamp-dev ## Break the judge in a thousand ways, and see which the tests notice (heavy).
	nice $(BIN)/python scripts/mutate.py --out $(RESULTS)/mutation.json
	$(BIN)/python scripts/judge.py

results-export: system $(VENV)/.stamp-dev ## Time the exports for Rerun and Foxglove (a minute).
	$(BIN)/shopfloor bench export --out $(RESULTS)/export.json >/dev/null
	$(BIN)/shopfloor bench page $(RESULTS)

results-ray: system install ## What a Ray cluster costs over processes (forty minutes); installs Ray first.
	$(PIP) $(RAY)
	$(BIN)/shopfloor bench ray --out $(RESULTS)/ray.json >/dev/null
	$(BIN)/shopfloor bench page $(RESULTS)

results-record: system install $(LEROBOT)/.stamp ## Time recording and export beside LeRobot's own recorder.
	$(BIN)/shopfloor bench record --beside $(LEROBOT)/bin/python --out $(RESULTS)/record.json >/dev/null
	taskset -c 0 $(BIN)/shopfloor bench record --beside $(LEROBOT)/bin/python \
		--out $(RESULTS)/record-one-core.json >/dev/null
	$(BIN)/shopfloor bench page $(RESULTS)

results-fuzz: install ## Three million hostile commands through guard and physics (hours).
	$(BIN)/shopfloor bench fuzz --commands 3000000 --workers 2 --out $(RESULTS)/fuzz.json >/dev/null
	$(BIN)/shopfloor bench page $(RESULTS)

clean: ## Remove .venv, caches and builds; runs stay.
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find src tests -name __pycache__ -prune -exec rm -rf {} +

$(BIN)/python:
	@$(if $(PYTHON),,echo "shopfloor needs Python 3.11 or newer with venv, and found none on PATH." \
		"On Debian 12: apt-get install python3.11-venv. Or name one: make PYTHON=/path/to/python3" \
		>&2; exit 2)
	@$(PYTHON) -c '$(FITS)' || { echo "$(PYTHON) is no Python 3.11 or newer with venv;" \
		"name another: make PYTHON=/path/to/python3" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.stamp-install: requirements/base.lock pyproject.toml | $(BIN)/python
	$(PIP) --require-hashes --requirement requirements/base.lock
	$(PIP) --no-index --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.stamp-dev: $(LOCKS) $(VENV)/.stamp-install
	$(PIP) --require-hashes $(addprefix --requirement ,$(LOCKS))
	@touch $@
