#!/bin/bash
# Installs the drivers that `make conformance` compares, and nothing that is here already: packages
# of the system with apt (as root), everything else into .tools/conformance.
#
# usage: tests/conformance/install.sh
#
# What cannot be had is said here and named again, as skipped, in the table. Exit code: always 0.
set -uo pipefail

HERE=$(cd "$(dirname "$0")" && pwd)
TOP=$(cd "$HERE/../.." && pwd)
ROOT=${LANEWIRE_TOOLS:-$TOP/.tools}/conformance
PATH=$PATH:/usr/sbin:/usr/local/sbin
updated=
mkdir -p "$ROOT"

say() { printf 'install: %s\n' "$*" >&2; }

# Names the packages among the arguments that are not installed.
lacking() {
    local package
    for package in "$@"; do
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q ' installed$' || echo "$package"
    done
}

apt_install() {
    command -v apt-get >/dev/null && command -v dpkg-query >/dev/null || { say "no apt-get here: $*"; return 1; }
    local wanted
    wanted=$(lacking "$@")
    [ -n "$wanted" ] || return 0
    [ "$(id -u)" = 0 ] || { say "not root: cannot install" $wanted; return 1; }
    if [ -z "$updated" ]; then
        apt-get -qq update >/dev/null 2>&1 || say "apt-get update failed; trying with the lists as they are"
        updated=1
    fi
    say installing $wanted
    DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $wanted >/dev/null 2>&1 \
        || { say "apt-get install failed:" $wanted; return 1; }
}

# One by one, so that a driver that cannot be had costs no other. The tools may be here without
# being packages (a JDK, node): then nothing is installed over them.
install_packages() {
    apt_install mariadb-client
    apt_install php-cli php-mysql
    apt_install libdbd-mysql-perl
    apt_install libdbd-mariadb-perl
    apt_install ruby-mysql2
    apt_install golang-go golang-github-go-sql-driver-mysql-dev
    apt_install libmariadb-java
    command -v javac >/dev/null || apt_install default-jdk-headless
    command -v npm >/dev/null || apt_install nodejs npm
    command -v python3 >/dev/null || apt_install python3
    python3 -c 'import ensurepip, venv' 2>/dev/null || apt_install python3-venv
}

# mysqlclient and mariadb are built against MariaDB's client library.
install_python() {
    local venv=$ROOT/venv package
    [ -x "$venv/bin/python" ] || python3 -m venv "$venv" || { say "no Python environment"; return; }
    while read -r package; do
        case $package in '' | '#'*) continue ;; esac
        "$venv/bin/pip" show -qq "${package%%[<=>]*}" 2>/dev/null && continue
        case $package in
            mysqlclient* | mariadb*) apt_install libmariadb-dev pkg-config gcc libc6-dev ;;
        esac
        say "installing $package"
        "$venv/bin/pip" install -q "$package" >"$ROOT/pip.log" 2>&1 \
            || { say "pip install $package failed:"; tail -3 "$ROOT/pip.log" >&2; }
    done <"$HERE/drivers/python/requirements.txt"
}

install_node() {
    local node=$ROOT/node
    command -v npm >/dev/null || { say "no npm"; return; }
    mkdir -p "$node"
    cmp -s "$HERE/drivers/node/package.json" "$node/package.json" && [ -d "$node/node_modules" ] && return
    cp "$HERE/drivers/node/package.json" "$node/"
    say "installing the drivers for Node"
    (cd "$node" && npm install --silent --no-audit --no-fund >npm.log 2>&1) \
        || { say "npm install failed:"; tail -3 "$node/npm.log" >&2; rm -f "$node/package.json"; }
}

build_rust() {
    command -v cargo >/dev/null || { say "no cargo"; return; }
    CARGO_TARGET_DIR=$ROOT/target cargo build --quiet --locked \
        --manifest-path "$HERE/drivers/rust/Cargo.toml" || say "the Rust programs do not build"
}

build_go() {
    command -v go >/dev/null || { say "no go"; return; }
    GO111MODULE=off GOPATH=/usr/share/gocode GOFLAGS= GOCACHE=$ROOT/go-cache \
        go build -o "$ROOT/go-sql-driver" "$HERE/drivers/go/main.go" || say "the Go program does not build"
}

build_java() {
    command -v javac >/dev/null || { say "no javac"; return; }
    javac -d "$ROOT/java" "$HERE/drivers/java/Main.java" || say "the Java program does not build"
}

# The client programs of MySQL, out of Debian sid, unpacked only; run with their own loader.
install_mysql_clients() {
    local root=$ROOT/mysql-client
    [ -x "$root/usr/bin/mysqldump" ] && return
    [ "$(uname -m)" = x86_64 ] || { say "MySQL's client programs: only for x86_64"; return; }
    command -v mmdebstrap >/dev/null || apt_install mmdebstrap || return
    say "fetching MySQL's client programs from Debian sid"
    rm -rf "$root" "$root.part"
    if mmdebstrap --quiet --aptopt='Acquire::Check-Valid-Until "false"' --variant=extract \
        --include=mysql-client-core sid "$root.part" >"$ROOT/mysql-client.log" 2>&1; then
        mv "$root.part" "$root"
    else
        tail -3 "$ROOT/mysql-client.log" >&2
        rm -rf "$root.part"
        say "MySQL's client programs cannot be fetched from Debian sid"
    fi
}

install_packages
install_python
install_node
install_mysql_clients
build_rust
build_go
build_java
exit 0
