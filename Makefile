# `make help` says what there is. Works with GNU make and BSD make.

PYTHON ?= python3
# For libraries that your system packages: make run VENV_ARGS=--system-site-packages PIP_ARGS=
VENV_ARGS ?=
PIP_ARGS ?= --constraint constraints.txt
# Options for run, what test runs, options for bench, how long and how to soak.
ARGS =
TESTS = tests
BENCH_ARGS =
MINUTES = 5
SOAK_ARGS =

# What tests run of the system, as program=package. Without it they are skipped.
TEST_PACKAGES = redis-server=redis-server curl=curl logrotate=logrotate \
	shellcheck=shellcheck dash=dash busybox=busybox mandoc=mandoc zsh=zsh fish=fish \
	systemctl=systemd systemd-nspawn=systemd-container \
	buildah=buildah debootstrap=debootstrap runc=runc \
	caddy=caddy haproxy=haproxy nginx=nginx-light nginx=libnginx-mod-stream \
	node=nodejs npm=npm chromium=chromium chromedriver=chromium-driver

# What runs with the oldest libraries too: all that is no tool of this repository,
# and what is between it and each of those libraries. tests/scripts/test_oldest.py
# sees to it that no unit test is forgotten.
OLDEST_TESTS = tests.access tests.asgi tests.completion tests.config tests.dialects tests.embedded \
	tests.emulation tests.families tests.http tests.logs tests.manual tests.metrics \
	tests.openapi tests.ratelimits tests.shared tests.store tests.tokens tests.upstream \
	tests.web tests.workers \
	tests.test_catalog tests.test_command tests.test_errors tests.test_health \
	tests.test_history tests.test_process tests.test_signals tests.test_stats tests.test_systemd \
	tests.test_version tests.integration.test_client tests.integration.test_disconnects \
	tests.integration.test_embedded tests.integration.test_health_checks \
	tests.integration.test_leaks tests.integration.test_ollama \
	tests.integration.test_openai_sdk \
	tests.integration.test_rate_limits tests.integration.test_responses \
	tests.integration.test_stopping tests.integration.test_store_file \
	tests.integration.test_tls

# Of each test by examples: how rules of ours hold is shown with the newer ones.
OLDEST_EXAMPLES = 10

VENV = .venv
IN_VENV = $(VENV)/bin/python
RUN_STAMP = $(VENV)/.stamp-run
DEV_STAMP = $(VENV)/.stamp-dev
OLDEST_VENV = .venv-oldest
OLDEST_STAMP = $(OLDEST_VENV)/.stamp
OLDEST_CONSTRAINTS = $(OLDEST_VENV)/constraints.txt
CLIENTS_VENV = .venv-clients
CLIENTS_STAMP = $(CLIENTS_VENV)/.stamp
CLIENTS_PINS = tests/clients/requirements.txt tests/clients/constraints.txt
NODE_CLIENTS = tests/clients/node
NODE_STAMP = $(NODE_CLIENTS)/node_modules/.stamp
PROTOS_VENV = .venv-protos
PROTOS_STAMP = $(PROTOS_VENV)/.stamp

PROTOC = $(PROTOS_VENV)/bin/python -m grpc_tools.protoc -Ipiecesd/_pb=protos
PROTOS = protos/gpt.proto protos/vertex.proto protos/health.proto
FRESH_PROTOS = build/fresh-protos

.PHONY: help run test test-oldest lint fresh check environments packages clients test-clients test-deploy bench soak protos vocab docs wheel sdist clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

run: $(RUN_STAMP) ## serve on port 8787 until Ctrl-C; ARGS="--port 8000 ..." for options
	$(VENV)/bin/twistd --nodaemon --pidfile= pieces $(ARGS)

test: $(DEV_STAMP) ## run all tests, or TESTS=tests.http
	$(IN_VENV) -m scripts.run_tests $(TESTS)

test-oldest: $(OLDEST_STAMP) ## run the tests that matter with the oldest libraries that pyproject.toml allows
	HYPOTHESIS_EXAMPLES=$(OLDEST_EXAMPLES) \
		$(OLDEST_VENV)/bin/python -m scripts.run_tests $(OLDEST_TESTS)

lint: $(DEV_STAMP) ## check form and types
	$(IN_VENV) -m ruff format --check .
	$(IN_VENV) -m ruff check .
	$(IN_VENV) -m mypy

fresh: $(PROTOS_STAMP) ## check that the committed protobuf code is what protos/ generates
	rm -rf $(FRESH_PROTOS)
	mkdir -p $(FRESH_PROTOS)
	$(PROTOC) --python_out=$(FRESH_PROTOS) --pyi_out=$(FRESH_PROTOS) \
		--grpc_python_out=$(FRESH_PROTOS) $(PROTOS)
	diff -r -x __init__.py -x __pycache__ $(FRESH_PROTOS)/piecesd/_pb piecesd/_pb

# The tests check the other made things: documents, vocabularies, wheel, sdist.
check: lint fresh test ## all of the above: what a commit has to pass

environments: $(DEV_STAMP) $(OLDEST_STAMP) $(PROTOS_STAMP) $(CLIENTS_STAMP) ## install all that the targets above need

packages: ## install the system's packages that tests run, where that is possible
	sh scripts/install_packages.sh $(TEST_PACKAGES)

clients: $(CLIENTS_STAMP) ## install the clients that tests run; those for Node where npm is
	if command -v npm >/dev/null; then $(MAKE) $(NODE_STAMP); else \
		echo "No npm: the tests of clients for Node are skipped" >&2; fi

test-clients: clients $(DEV_STAMP) ## run the tests of real clients (docs/clients.md)
	$(IN_VENV) -m scripts.run_tests tests.clients

test-deploy: packages $(DEV_STAMP) ## run the tests of deploy/, as root: they alter this machine
	PIECESD_TEST_DEPLOY=1 $(IN_VENV) -m scripts.run_tests tests.deploy

bench: $(DEV_STAMP) ## measure; BENCH_ARGS=--help says what
	$(IN_VENV) -m bench $(BENCH_ARGS)

soak: $(DEV_STAMP) ## load, faults and accidents for MINUTES=5; SOAK_ARGS=--help says what
	$(IN_VENV) -m soak --minutes $(MINUTES) $(SOAK_ARGS)

protos: $(PROTOS_STAMP) ## generate piecesd/_pb from protos/
	$(PROTOC) --python_out=. --pyi_out=. --grpc_python_out=. $(PROTOS)

vocab: $(RUN_STAMP) ## fetch the vocabularies anew and check their hashes
	$(IN_VENV) -m scripts.build_vocab

docs: $(RUN_STAMP) ## write settings page, .env.example, manual page and completions
	$(IN_VENV) -m piecesd.config
	$(IN_VENV) -m piecesd.manual

wheel: $(DEV_STAMP) ## build dist/*.whl
	$(IN_VENV) -m build --no-isolation --wheel

sdist: $(DEV_STAMP) ## build dist/*.tar.gz
	$(IN_VENV) -m build --no-isolation --sdist

clean: ## remove what was installed, built and cached here
	rm -rf $(VENV) $(OLDEST_VENV) $(PROTOS_VENV) $(CLIENTS_VENV) build dist _trial_temp* .mypy_cache .ruff_cache .hypothesis
	rm -rf $(NODE_CLIENTS)/node_modules deploy/cloudflare/node_modules deploy/cloudflare/.wrangler
	rm -f twisted/plugins/dropin.cache
	find piecesd twisted tests bench soak scripts -name __pycache__ -prune -exec rm -rf {} +

$(VENV)/bin/python:
	sh scripts/make_venv.sh $(VENV) 99 $(PYTHON) $(VENV_ARGS)

$(RUN_STAMP): $(VENV)/bin/python pyproject.toml piecesd/__init__.py constraints.txt
	$(IN_VENV) -m pip install --quiet $(PIP_ARGS) --editable .
	touch $(RUN_STAMP)

$(DEV_STAMP): $(VENV)/bin/python pyproject.toml piecesd/__init__.py constraints.txt
	$(IN_VENV) -m pip install --quiet $(PIP_ARGS) --editable ".[dev]"
	touch $(RUN_STAMP) $(DEV_STAMP)

$(CLIENTS_STAMP): $(CLIENTS_PINS)
	sh scripts/make_venv.sh $(CLIENTS_VENV) 13 $(PYTHON)
	$(CLIENTS_VENV)/bin/python -m pip install --quiet --only-binary :all: \
		--requirement tests/clients/requirements.txt
	touch $(CLIENTS_STAMP)

$(NODE_STAMP): $(NODE_CLIENTS)/package.json $(NODE_CLIENTS)/package-lock.json
	cd $(NODE_CLIENTS) && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	touch $(NODE_STAMP)

# grpcio-tools 1.71 has wheels for Python up to 3.13, and takes long to compile.
$(PROTOS_STAMP): protos/requirements.txt
	sh scripts/make_venv.sh $(PROTOS_VENV) 13 $(PYTHON)
	$(PROTOS_VENV)/bin/python -m pip install --quiet --only-binary grpcio-tools -r protos/requirements.txt
	touch $(PROTOS_STAMP)

# The oldest of these libraries have wheels for Python up to 3.12 or 3.13.
$(OLDEST_STAMP): pyproject.toml piecesd/__init__.py scripts/oldest.py
	test -d $(OLDEST_VENV) || sh scripts/make_venv.sh $(OLDEST_VENV) 12 $(PYTHON)
	$(OLDEST_VENV)/bin/python -m scripts.oldest > $(OLDEST_CONSTRAINTS)
	$(OLDEST_VENV)/bin/python -m pip install --quiet --constraint $(OLDEST_CONSTRAINTS) \
		--editable ".[test]"
	touch $(OLDEST_STAMP)
