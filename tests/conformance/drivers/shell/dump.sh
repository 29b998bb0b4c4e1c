#!/bin/bash
# mariadb-dump and mysqldump, and restoring what they wrote. $CONFORM_DUMP and $CONFORM_CLIENT: the
# words that start the two programs.
set -uo pipefail

read -ra dump <<<"$CONFORM_DUMP"
read -ra client <<<"$CONFORM_CLIENT"
read -ra more <<<"$CONFORM_OPTIONS"
server=(--no-defaults "--host=$CONFORM_HOST" "--port=$CONFORM_PORT" --protocol=TCP --user=app
    --default-character-set=utf8mb4 "${more[@]}")
export MYSQL_PWD=app

settle() {
    local word
    read -r word <"/dev/tcp/$CONFORM_HOST/$CONFORM_SETTLE"
    [ "$word" = ok ] || echo '!! the replicas do not catch up'
}

ask() { "${client[@]}" "${server[@]}" "$@" 2>&1; }

# MySQL's own wants histograms and GTIDs that MariaDB does not have.
foreign=()
if [[ $CONFORM_DUMP == *mysql-client* ]]; then
    foreign=(--column-statistics=0)
    [ "$CONFORM_SERVER" = mysql ] && foreign+=(--set-gtid-purged=OFF)
fi

# What is dumped, without what names times, hosts and positions.
dumped() {
    "${dump[@]}" "${server[@]}" "${foreign[@]}" "$@" 2>&1 | sed -E "s/^(-- (Dump completed on|Host:)).*/\1/; s/(gtid_slave_pos=|_time=).*/\1…/"
}

begin() { printf '== %s\n' "$1"; }

dumped --version | sed -E 's/.*(mariadb-dump|mysqldump)[^ ]* +/\1 /; s/argv0//'
begin "whole schema"
dumped --routines --triggers --events --hex-blob conformance | tee whole.sql
begin "single transaction"
dumped --single-transaction --quick --skip-extended-insert conformance types stream
begin "several schemas"
dumped --databases conformance conformance2 --no-data
begin "locks, flush, no create"
dumped --lock-all-tables --flush-privileges --no-create-info --complete-insert conformance2
begin "with the log's position"
dumped --master-data=2 --single-transaction conformance2 | sed -E "s/LOG_POS=[0-9]+/LOG_POS=N/; s/'bin\.[0-9]+'/'bin.N'/"
begin "condition and order"
dumped --where="id <= 20" --order-by-primary --compact conformance stream
begin "xml and tabs"
dumped --xml conformance2
begin "what is not there"
dumped nothing_here
dumped conformance nothing_here
begin "restore"
ask -e "CREATE DATABASE restored CHARACTER SET utf8mb4"
ask --binary-mode restored <whole.sql
settle
ask -e "SHOW TABLES; SELECT COUNT(*), SUM(LENGTH(pad)) FROM stream; CHECKSUM TABLE types, stream" restored
ask -e "SELECT t.id FROM restored.types AS t JOIN conformance.types AS o ON o.id = t.id AND (o.v <=> t.v) AND (o.b64 <=> t.b64) AND (o.g <=> t.g) AND (o.lt <=> t.lt) AND (o.ts <=> t.ts)" restored
ask -e "CALL add_out(1, 2, @c, @d); SELECT @c, twice(3)" restored
begin "piped"
ask -e "CREATE DATABASE piped CHARACTER SET utf8mb4"
dumped --opt conformance stream | ask piped
settle
ask -e "SELECT COUNT(*), SUM(id) FROM stream" piped
ask -e "DROP DATABASE restored; DROP DATABASE piped"
begin end
