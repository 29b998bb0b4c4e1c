# Lanewire: everything that is done more than once. `make help` lists it.

# Each build job of a release with LTO wants a gigabyte; more jobs than this only swap.
JOBS_MAX := 4
export CARGO_BUILD_JOBS ?= $(shell n=$$(nproc 2>/dev/null || echo 1); echo $$((n < $(JOBS_MAX) ? n : $(JOBS_MAX))))

STATEMENTS ?= 100000
PERF := target/release/lanewire-perf
ifdef CARGO_TARGET_DIR
PERF := $(CARGO_TARGET_DIR)/release/lanewire-perf
endif

.PHONY: help build demo test fmt lint differential mutants conformance real compare bench install-deps
.DEFAULT_GOAL := help

help: ## This list
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/\1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r name text; do printf '  make %-14s %s\n' "$$name" "$$text"; done

build: ## The proxy and the tools, optimised, in target/release
	cargo build --release --workspace

demo: build ## A primary, two replicas and lanewire under load (DEMO_SECONDS=15, KEEP=1, BACKEND=mariadb|mysql|stub)
	@if [ "$(BACKEND)" != stub ]; then tests/servers/install.sh $(if $(filter mysql,$(BACKEND)),mysql,mariadb) || true; fi
	@$(PERF) demo

test: ## Everything that CI runs: format, lints, all tests, real servers
	@tests/run.sh

fmt: ## Formats the code
	cargo fmt --all

lint: ## Clippy on everything, warnings are errors
	cargo clippy --workspace --all-targets -- -D warnings

differential: ## Random sessions direct and through lanewire, compared (STATEMENTS=100000, SEED=n, BACKEND=mysql)
	@tests/servers/install.sh $(if $(filter mysql,$(BACKEND)),mysql,mariadb)
	@cargo test --quiet --release --test differential -- --statements $(STATEMENTS) $(if $(SEED),--seed $(SEED)) $(if $(filter mysql,$(BACKEND)),--mysql)

mutants: ## The differential tester finds faults put into lanewire on purpose (SEED=n, BACKEND=mysql)
	@tests/servers/install.sh $(if $(filter mysql,$(BACKEND)),mysql,mariadb)
	@cargo test --quiet --features mutants --test differential -- --mutants $(if $(SEED),--seed $(SEED)) $(if $(filter mysql,$(BACKEND)),--mysql)

conformance: ## Programs of real drivers direct and through lanewire, compared (BACKEND=mysql, DRIVERS="part of a name …")
	@tests/servers/install.sh $(if $(filter mysql,$(BACKEND)),mysql,mariadb)
	@tests/conformance/install.sh
	@cargo test --quiet --test conformance -- $(if $(filter mysql,$(BACKEND)),--mysql) $(DRIVERS)

real: ## The tests against real servers only
	@tests/run.sh real

compare: ## Lanewire, HAProxy and others beside each other, and the targets (ROUNDS=3, SECONDS=2, ONLY=point,…, ENGINES=…)
	@tests/servers/install.sh haproxy nginx sysbench mariadb perf || true
	@cargo build --release --workspace --bins --example splice
	@$(if $(ONLY),:,cargo bench --quiet --bench floors --no-run && cargo test --quiet --release --test allocations --no-run)
	@$(PERF) compare $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(SECONDS),--seconds $(SECONDS)) $(if $(ONLY),--only $(ONLY)) $(if $(ENGINES),--engines $(ENGINES))

bench: ## The pure floors timed, and their instructions held against benches/instructions.toml (ACCEPT=1: writes it)
	@tests/servers/install.sh valgrind || true
	@cargo bench --quiet --bench floors
	@cargo bench --quiet --bench floors -- --instructions $(if $(ACCEPT),--accept)

install-deps: ## Installs the servers and tools that tests, demo and measurements use
	@tests/servers/install.sh mariadb mysql haproxy nginx sysbench perf valgrind
