# `make` alone lists the targets. Each one first puts in place what it needs (scripts/setup.sh).

PREFIX  ?= /usr/local
DESTDIR ?=
CARGO   ?= cargo
INSTALL ?= install
TARGET  := $(or $(CARGO_TARGET_DIR),target)
SEMFS   := $(TARGET)/release/semfs

# Where things go under PREFIX.
dest  = $(DESTDIR)$(PREFIX)
lib   = $(dest)/lib/semfs
model = $(dest)/share/semfs/models/mini
man   = $(dest)/share/man/man1/semfs.1
bash  = $(dest)/share/bash-completion/completions/semfs
zsh   = $(dest)/share/zsh/site-functions/_semfs
fish  = $(dest)/share/fish/vendor_completions.d/semfs.fish
# Units of the machine lie in systemd/, those of a user's session in systemd/user/.
system_units = $(wildcard systemd/*.service)
user_units   = $(wildcard systemd/user/*.service)
units        = $(dest)/lib/systemd

.DEFAULT_GOAL := help
.PHONY: help setup build demo test bench bench-quality install uninstall clean

help: ## this list
	@echo 'make TARGET, where TARGET is'
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-13s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: ## install what is missing to build and mount: Debian packages, ONNX Runtime
	@bash scripts/setup.sh

build: setup ## build the release binary, target/release/semfs
	$(CARGO) build --release --locked

demo: build ## index, mount and search sample pictures, or your own: make demo ROOT=~/Pictures
	@bash scripts/demo.sh

test: setup ## formatting, lints and all tests (what CI runs)
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	$(CARGO) test --workspace --locked

# Each prints its own table. (Not --workspace: that would build every unit test with LTO as well.)
bench: setup ## measure, and print a table
	$(CARGO) bench --locked --bench '*'

# CAPTIONS and LABELS: folders of photos that were not trained on (models/mini/train/testset.py).
bench-quality: setup ## how well the default model finds photos: make bench-quality CAPTIONS=… LABELS=…
	$(if $(CAPTIONS),SEMFS_BENCH_CAPTIONS='$(abspath $(CAPTIONS))') $(if $(LABELS),SEMFS_BENCH_LABELS='$(abspath $(LABELS))') \
	    $(CARGO) bench --locked --bench quality

# Builds nothing: under sudo there is often no cargo, and target/ would come to belong to root.
install: ## copy what `make build` built under PREFIX=/usr/local (DESTDIR= to stage a package)
	@test -x '$(SEMFS)' && test -f '$(TARGET)/onnxruntime/libonnxruntime.so' || \
	    { echo "install: $(SEMFS) or $(TARGET)/onnxruntime/libonnxruntime.so is not there: run 'make build' first" >&2; exit 1; }
	$(INSTALL) -D -m 755 '$(SEMFS)' '$(dest)/bin/semfs'
	$(INSTALL) -D -m 644 '$(TARGET)/onnxruntime/libonnxruntime.so' '$(lib)/libonnxruntime.so'
	@set -e; tmp=$$(mktemp -d); trap 'rm -rf "$$tmp"' EXIT; \
	put() { echo "$(INSTALL) $$2"; $(INSTALL) -D -m 644 "$$1" "$$2"; }; \
	for f in models/mini/*; do test ! -f "$$f" || put "$$f" '$(model)'/"$${f##*/}"; done; \
	'$(SEMFS)' man >"$$tmp/man"; put "$$tmp/man" '$(man)'; \
	'$(SEMFS)' completions bash >"$$tmp/bash"; put "$$tmp/bash" '$(bash)'; \
	'$(SEMFS)' completions zsh >"$$tmp/zsh"; put "$$tmp/zsh" '$(zsh)'; \
	'$(SEMFS)' completions fish >"$$tmp/fish"; put "$$tmp/fish" '$(fish)'; \
	unit() { sed 's|@bindir@|$(PREFIX)/bin|g' "$$1" >"$$tmp/unit"; put "$$tmp/unit" "$$2/$${1##*/}"; }; \
	for f in $(system_units); do unit "$$f" '$(units)/system'; done; \
	for f in $(user_units); do unit "$$f" '$(units)/user'; done

# Only what `install` put there: other models beside ours stay. Configuration and indexes are not touched.
uninstall: ## remove what `make install` copied (same PREFIX and DESTDIR)
	rm -f '$(dest)/bin/semfs' '$(lib)/libonnxruntime.so' '$(man)' '$(bash)' '$(zsh)' '$(fish)'
	@for f in models/mini/*; do rm -f '$(model)'/"$${f##*/}"; done
	@for f in $(notdir $(system_units)); do rm -f '$(units)/system'/"$$f"; done
	@for f in $(notdir $(user_units)); do rm -f '$(units)/user'/"$$f"; done
	@for d in '$(lib)' '$(model)' '$(dest)/share/semfs/models' '$(dest)/share/semfs'; do \
	    test ! -d "$$d" || rmdir --ignore-fail-on-non-empty "$$d"; done

clean: ## remove what was built (ONNX Runtime too: the next build fetches it again)
	$(CARGO) clean
