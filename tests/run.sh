#!/bin/bash
# Runs the tests in order, each step timed; stops at the first that fails.
#
# usage: tests/run.sh [STEP …]     steps: fmt lint unit local real (default: all)
#   fmt    the formatter finds nothing to do
#   lint   clippy finds nothing, all targets, warnings are errors
#   unit   unit, property and documentation tests of the workspace
#   local  tidy, wire, allocations, fuzz and proxy: no server is needed
#   real   against MariaDB and, where it can be had, Oracle MySQL 9; and whether the differential
#          tester finds the faults of src/proxy/mutant.rs
#
# Steps that cannot run on this machine are named at the end with the reason. MariaDB is required;
# without it `real` fails. ALLOW_SKIP=1 lets a machine without it pass.
set -uo pipefail
cd "$(dirname "$0")/.."

skipped=()
began=$SECONDS

step() {
    local name=$1 start=$SECONDS
    shift
    printf '== %s\n' "$name"
    if ! "$@"; then
        printf 'test: failed at: %s (after %d s)\n' "$name" $((SECONDS - began))
        exit 1
    fi
    printf '== %s: ok (%d s)\n' "$name" $((SECONDS - start))
}

skip() {
    skipped+=("$1")
    printf '== skipped: %s\n' "$1"
}

run_fmt() { step "format" cargo fmt --all --check; }

run_lint() { step "clippy" cargo clippy --quiet --workspace --all-targets -- -D warnings; }

run_unit() {
    step "unit and property tests" cargo test --quiet --workspace --lib --bins
    step "documentation" cargo test --quiet --workspace --doc
}

run_local() {
    # The floor table is for people to see.
    step "tidy" cargo test --quiet --test tidy -- --nocapture
    step "wire" cargo test --quiet --test wire
    step "allocations" cargo test --quiet --test allocations
    step "fuzz, a few seconds" cargo test --quiet --test fuzz
    step "proxy with scripted servers" cargo test --quiet --test proxy
}

run_real() {
    if tests/servers/install.sh mariadb; then
        step "servers, MariaDB" cargo test --quiet -p lanewire-perf --test servers mariadb
        step "real, MariaDB" cargo test --quiet --test real -- --flavor mariadb
        step "mutants, MariaDB" cargo test --quiet --features mutants --test differential -- --mutants --seed 41
    elif [ "${ALLOW_SKIP:-}" = 1 ]; then
        skip "real tests with MariaDB: it is not here and cannot be installed"
    else
        printf 'test: failed: MariaDB is not here and cannot be installed (ALLOW_SKIP=1 passes without)\n'
        exit 1
    fi
    if tests/servers/install.sh mysql; then
        step "servers, MySQL 9" cargo test --quiet -p lanewire-perf --test servers mysql9
        step "real, MySQL 9" cargo test --quiet --test real -- --flavor mysql
    else
        skip "real tests with MySQL 9: it cannot be had here"
    fi
}

for part in "${@:-all}"; do
    case $part in
        all) run_fmt; run_lint; run_unit; run_local; run_real ;;
        fmt | lint | unit | local | real) "run_$part" ;;
        *) printf 'unknown step: %s\n' "$part" >&2; exit 2 ;;
    esac
done

for reason in ${skipped[@]+"${skipped[@]}"}; do
    printf 'test: skipped: %s\n' "$reason"
done
printf 'test: ok in %d s, %d skipped\n' $((SECONDS - began)) "${#skipped[@]}"
