# `make repro` and `make test` work on a fresh clone with Python 3.11, git and make.

PYTHON ?= python3.11
BIN := $(CURDIR)/.venv/bin
export PATH := $(BIN):$(PATH)

.PHONY: repro test

repro: .venv/installed
	@dvc repro
	@echo
	@python -m har.summary metrics/metrics.json

test: .venv/installed
	ruff check .
	ruff format --check .
	pytest

.venv/installed: requirements.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --disable-pip-version-check --requirement requirements.txt
	@# Nothing run from this environment reports its use to anyone, `mlflow ui` included.
	@echo 'import os; os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")' \
		> "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/no_telemetry.pth"
	@$(BIN)/python -c "import cv2" || { echo "OpenCV lacks libraries of the system: install them \
	with 'apt-get install libgl1 libglib2.0-0' (Debian, Ubuntu) or your system's packages for libGL \
	and glib, then run the same command again." >&2; exit 1; }
	@touch $@
