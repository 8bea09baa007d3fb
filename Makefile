# SPDX-License-Identifier: BSD-3-Clause
# `make` lists what it can do. A verb whose work is done does nothing.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# Debian's names of what each step takes
BUILD_PACKAGES := clang llvm gcc libbpf-dev libelf-dev pkg-config python3-dev python3-venv
TEST_PACKAGES := iproute2 nftables nginx-light mosquitto nodejs curl wget util-linux libcap2-bin tcpdump
CHECK_PACKAGES := clang-format
BENCH_PACKAGES := nghttp2-client tcpdump ngrep httpry tshark
# since Debian 13 virtiofsd is a package of its own
KERNEL_PACKAGES = qemu-system-x86 busybox-static debian-archive-keyring $(shell apt-cache pkgnames virtiofsd 2>/dev/null | grep -x virtiofsd)
DUMP_PACKAGES := bpftool
# where nodejs comes with npm, there is no package of it
SUITE_PACKAGES = tcpdump tshark $(shell command -v npm >/dev/null || echo npm)
PAGE_PACKAGES = nodejs $(shell command -v npm >/dev/null || echo npm)
WHEEL_PACKAGES := zlib1g-dev debian-archive-keyring
DEB_PACKAGES := dpkg-dev
ROOT_PACKAGES := debootstrap debian-archive-keyring

# empty: the one that debootstrap knows
MIRROR ?=
# what packages are tried on
RELEASES := bookworm trixie

FUZZ_TARGETS := packets streams http1 http2 hpack grpc websocket sse silent files tls broker libraries
# for each target
SECONDS ?= 60

# tests at a time: one more than there are processors, because some wait
JOBS ?= $(shell expr $$(nproc) + 1)

MINUTES ?= 60
RATE ?= 500

SOURCES := pyproject.toml build_bpf.py src/sockfilter/__init__.py $(wildcard bpf/*.[ch] bpf/lib/*.h vmlinux/vmlinux.h) \
	$(wildcard src/sockfilter/*/*.[ch] src/sockfilter/*/*/*.[ch] src/sockfilter/*/include/*/*.h)
C_FILES := $(wildcard bpf/*.[ch] bpf/lib/*.h src/sockfilter/*/*.[ch] src/sockfilter/*/*/*.[ch] src/sockfilter/*/include/*/*.h)

# Tests start thousands of Python processes. If none may keep the compiled modules, each compiles all of them again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-deb test-kernels test-suites check fuzz sanitize thorough bench bench-quick soak profile bpf vmlinux wheel deb page pictures page-pictures lock audit clean
.DELETE_ON_ERROR:

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F'\t' '{ printf "make %-12s %s\n", $$1, $$2 }'

setup: $(VENV)/.setup ## Debian packages, a virtual environment in .venv, and sockfilter in it

demo: $(VENV)/.setup ## a server and clients on loopback, and sockfilter showing what they say (root)
	@$(BIN)/python tests/demo.py

test: $(VENV)/.test ## the tests, JOBS=1 to run them one by one; those of the kernel side take root
	@$(BIN)/python -m pytest -n $(JOBS) --dist worksteal $(ARGS)

test-kernels: $(VENV)/.kernels ## those that depend on the kernel, on several; KERNELS='5.10 6.12' ARGS='TEST...' (root)
	@$(BIN)/python -m tests.kernels $(KERNELS) -- $(ARGS)

test-suites: $(VENV)/.suites ## the test suites of HTTP projects under sockfilter, tcpdump and tshark; SUITES='urllib3 tornado' (root)
	@$(BIN)/python -m tests.suites $(SUITES)

check: $(VENV)/.check ## ruff, mypy --strict, clang-format, compiler warnings, and the contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	clang-format --dry-run --Werror $(C_FILES)
	clang -std=gnu11 -fsyntax-only -Wall -Wextra -Wpadded -Werror -Wno-unused-function -Wno-undefined-internal -D_GNU_SOURCE \
		-Isrc/sockfilter/replay/include -Isrc/sockfilter/libbpf -Ivmlinux -Ibpf $(filter %.c,$(wildcard src/sockfilter/*/*.c src/sockfilter/*/*/*.c))
	$(BIN)/python -m pytest -q -n $(JOBS) --dist worksteal tests/contracts

fuzz: $(VENV)/.fuzz ## any bytes, segments, frames, files, header blocks and messages to the broker, SECONDS=60 for each; slow inputs are findings; what it learns stays in build/fuzz
	@for target in $(FUZZ_TARGETS); do \
		$(BIN)/python -m tests.fuzz.$$target -max_total_time=$(SECONDS) -rss_limit_mb=2048 || exit 1; \
	done

sanitize: $(VENV)/.test ## the C code under AddressSanitizer and UBSan: unit tests that reach it, and all inputs of the fuzz targets
	@$(BIN)/python -m tools.sanitize -n $(JOBS) --dist worksteal $(ARGS)

thorough: $(VENV)/.fuzz $(VENV)/.test ## what takes long: the properties with twenty times the examples, end-to-end tests at full length (root), make fuzz, and make sanitize
	@THOROUGH=20 $(BIN)/python -m pytest -n $(JOBS) --dist worksteal tests/unit $(ARGS)
	@$(BIN)/python -m pytest -m thorough tests/e2e $(ARGS)
	@$(MAKE) fuzz sanitize

bench: $(VENV)/.bench ## sockfilter beside its peers: rates, CPU, latency, kernel cost; ARGS='--rounds 5 --json FILE' (root)
	@$(BIN)/python -m tests.bench $(ARGS)

bench-quick: $(VENV)/.bench ## the same with less of everything, in under a minute (root)
	@$(BIN)/python -m tests.bench quick $(ARGS)

soak: $(VENV)/.test ## hours of mixed load beside the command: memory, descriptors, CPU, MINUTES=60, RATE=500 a second (root)
	@$(BIN)/python -m tests.soak --minutes $(MINUTES) --rate $(RATE)

profile: $(VENV)/.test ## where the time goes, stage by stage, from a capture made in memory
	@$(BIN)/python -m tests.bench.profile $(ARGS)

page: $(VENV)/.page ## the front end of --web and of reports: its types checked, and src/sockfilter/page/assets
	@cd tools/page && node_modules/.bin/tsc --project . && node build.mjs

page-pictures: $(VENV)/.test ## docs/pictures: the page in Chromium
	@$(call packages,chromium chromium-driver)
	@$(BIN)/python -m tests.pictures.page

bpf: ## the BPF object alone
	@$(call packages,clang llvm)
	$(PYTHON) build_bpf.py bpf

vmlinux: ## all types of the running kernel, for looking things up: vmlinux/vmlinux_full.h
	@$(call packages,$(DUMP_PACKAGES))
	$$(command -v bpftool || echo /usr/sbin/bpftool) btf dump file /sys/kernel/btf/vmlinux format c > vmlinux/vmlinux_full.h

wheel: $(VENV)/.package ## dist/: a source distribution, and a wheel with libbpf inside
	@$(call packages,$(WHEEL_PACKAGES))
	$(BIN)/python -m tools.wheel

deb: $(VENV)/.package ## dist/: a Debian package; DEBFULLNAME and DEBEMAIL name its maintainer
	@$(call packages,$(DEB_PACKAGES))
	$(BIN)/python -m tools.deb

test-deb: $(VENV)/.test $(RELEASES:%=build/roots/%) ## the Debian package and the Containerfile, on clean Debians in build/roots (root)
	@$(call packages,$(DEB_PACKAGES))
	@$(BIN)/python -m pytest tests/e2e/test_deb.py tests/e2e/test_containerfile.py $(ARGS)

pictures: $(VENV)/.test ## docs/: the pictures of the documentation, of a capture made at this moment (root)
	$(BIN)/python -m tools.pictures

lock: $(VENV)/.test ## tools/locked/: the newest versions of what packages take, with hashes
	$(BIN)/python -m tools.lock

audit: $(VENV)/.audit ## whether the locked versions have known vulnerabilities
	@$(BIN)/python -m tools.audit

clean: ## everything that was made
	rm -rf $(VENV) build dist tools/page/node_modules src/sockfilter/objects src/sockfilter/libbpf/*.so src/sockfilter/libbpf/*.new \
		vmlinux/vmlinux_full.h .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +

# Installs those of the packages $(1) that are not there; says which, where there is no apt or no root.
# In runlevel 1 invoke-rc.d starts nothing.
packages = missing=; for p in $(1); do dpkg -s $$p >/dev/null 2>&1 || missing="$$missing $$p"; done; \
	if [ -z "$$missing" ]; then :; \
	elif ! command -v apt-get >/dev/null; then \
		echo "make: no apt-get here; see that what Debian calls$$missing is installed"; \
	elif [ "$$(id -u)" != 0 ]; then \
		echo "make: these packages are missing:$$missing; run it as root (sudo make ...), or install them first"; exit 1; \
	else \
		apt-get update -qq && RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing; \
	fi

# Installs the project with extras. uv takes a tenth of pip's time, but does not read the settings of pip, such as an index:
# where it fails, pip follows.
extras = $(BIN)/python -m pip install -q --disable-pip-version-check 'uv>=0.5' && \
	UV_SYSTEM_CERTS=1 UV_NATIVE_TLS=1 $(BIN)/uv pip install -q --compile-bytecode --python $(BIN)/python -e '.[$(1),$(2)]' || \
	$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[$(1),$(2)]'

$(VENV)/.setup: $(SOURCES)
	@$(call packages,$(BUILD_PACKAGES))
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "make: sockfilter takes Python 3.10 or newer: make PYTHON=python3.X")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check -e .
	@touch $@

# The tests start their own nginx and mosquitto: where such a package comes new, its service neither runs nor is enabled.
$(VENV)/.test: $(VENV)/.setup
	@new=; if [ "$$(id -u)" = 0 ] && [ -d /run/systemd/system ]; then \
		dpkg -s nginx-light >/dev/null 2>&1 || new="$$new nginx"; \
		dpkg -s mosquitto >/dev/null 2>&1 || new="$$new mosquitto"; \
	fi; \
	if [ -n "$$new" ]; then systemctl --quiet --runtime mask $$new; fi; \
	$(call packages,$(TEST_PACKAGES)); \
	if [ -n "$$new" ]; then systemctl --quiet disable $$new; systemctl --quiet --runtime unmask $$new; fi
	@$(call extras,test,package)
	@touch $@

$(VENV)/.check: $(VENV)/.test
	@$(call packages,$(CHECK_PACKAGES))
	@$(call extras,test,check)
	@touch $@

$(VENV)/.fuzz: $(VENV)/.test
	$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[test,fuzz]'
	@touch $@

$(VENV)/.package: $(VENV)/.setup tools/locked/package.txt
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r tools/locked/package.txt
	@touch $@

$(VENV)/.audit: $(VENV)/.setup
	$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[audit]'
	@touch $@

build/roots/%:
	@$(call packages,$(ROOT_PACKAGES))
	@rm -rf $@.new && mkdir -p $(@D)
	debootstrap --variant=minbase $* $@.new $(MIRROR)
	@mv $@.new $@

$(VENV)/.page: $(VENV)/.setup tools/page/package-lock.json
	@$(call packages,$(PAGE_PACKAGES))
	@cd tools/page && npm ci --silent --ignore-scripts
	@touch $@

$(VENV)/.kernels: $(VENV)/.test
	@$(call packages,$(KERNEL_PACKAGES))
	@touch $@

$(VENV)/.suites: $(VENV)/.test
	@$(call packages,$(SUITE_PACKAGES))
	@touch $@

$(VENV)/.bench: $(VENV)/.test
	@$(call packages,$(BENCH_PACKAGES))
	@touch $@
