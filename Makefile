# Everyday names over the CMake presets. `make` builds build/sluice.
PREFIX ?= /usr/local
JOBS ?= $(shell nproc)
.DEFAULT_GOAL := all
.PHONY: all setup demo check test asan tsan fuzz bench format floors install clean

all: build/release/build.ninja
	@cmake --build build/release -j $(JOBS)
	@ln -sf release/sluice build/sluice

# What a fresh Debian or Ubuntu machine lacks; quick when nothing is missing.
setup:
	@tools/setup build

build/release/build.ninja:
	@$(MAKE) --no-print-directory setup
	@cmake --preset release >/dev/null

demo: setup all
	@build/sluice demo

# The inner loop: format, floors, unit tests and fuzz corpora under sanitizers; under two minutes.
check: setup
	@tools/check

# Everything, real peers included.
test:
	@tools/setup test
	@tools/test

asan tsan:
	@cmake --preset $@ >/dev/null && cmake --build build/$@ -j $(JOBS) && ctest --test-dir build/$@ --output-on-failure

fuzz:
	@cmake --preset fuzz >/dev/null && cmake --build build/fuzz -j $(JOBS)

bench: all
	@tools/setup test
	@bench/run
	@bench/nexmark/run

format:
	@tools/format

floors:
	@tools/floors

install: all
	install -d $(DESTDIR)$(PREFIX)/bin
	install -m 755 build/release/sluice $(DESTDIR)$(PREFIX)/bin/sluice

clean:
	rm -rf build/release build/dev build/asan build/tsan build/cov build/fuzz build/sluice
