# `make repro` and `make test` work on a fresh clone with Python 3.11, git and make.

PYTHON ?= python3.11
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: repro test

repro: .venv/installed
	@dvc repro
	@echo
	@python -m har.evaluation.summary metrics/metrics.json

test: .venv/installed
	ruff check .
	ruff format --check .
	pytest

.venv/installed: requirements.txt
	$(PYTHON) -m venv .venv
	.venv/bin/pip install --disable-pip-version-check --requirement requirements.txt
	@# Nothing run from this environment reports its use to anyone, `mlflow ui` included.
	@echo 'import os; os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")' \
		> .venv/lib/python3.11/site-packages/no_telemetry.pth
	@.venv/bin/python -c "import cv2" || { echo "OpenCV lacks libraries of the system: install \
	them with 'apt-get install libgl1 libglib2.0-0' (Debian, Ubuntu) or your system's packages for \
	libGL and glib, then run the same command again." >&2; exit 1; }
	@touch $@
