#!/bin/bash
# The command line clients: mariadb and mysql. $CONFORM_CLIENT: the words that start one.
set -uo pipefail

read -ra client <<<"$CONFORM_CLIENT"
options=(--no-defaults "--host=$CONFORM_HOST" "--port=$CONFORM_PORT" --protocol=TCP --user=app
    --default-character-set=utf8mb4 --local-infile=1 $CONFORM_OPTIONS)
# MySQL's client has its own commands off by default.
[[ $CONFORM_CLIENT == *mysql-client* ]] && options+=(--commands --system-command --get-server-public-key)
export MYSQL_PWD=app

# Waits until the replicas have what the primary has.
settle='bash -c "read -r word </dev/tcp/'$CONFORM_HOST/$CONFORM_SETTLE'; [ \$word = ok ] || echo !! the replicas do not catch up"'

ask() { "${client[@]}" "${options[@]}" "$@" 2>&1; }

begin() { printf '== %s\n' "$1"; }

# The script in one session: each statement ends with the delimiter \G or //, so that `;` stays
# text; the second connection's statements have a session of their own beside it.
play() {
    printf '%s\n' 'delimiter //'
    while IFS= read -r line; do
        case $line in
            '== '*) printf '\\! echo "%s"\n' "$line" ;;
            settle) printf '\\! %s\n' "$settle" ;;
            '2> '*) ;;
            *) printf '%s\n//\n' "$line" ;;
        esac
    done <"$CONFORM_SCRIPT"
}

load="LOAD DATA LOCAL INFILE '$CONFORM_LOCAL_FILE' INTO TABLE loaded CHARACTER SET utf8mb4 FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '\"'"

"${client[@]}" --no-defaults --version 2>/dev/null | sed -E 's/^.*(mariadb|mysql)[^ ]*  ?(from|Ver) ([^,]*).*/\1 \3/'
play | ask --force --comments --unbuffered --table --show-warnings -vvv conformance | sed -E 's/ \(([0-9]+ min )?[0-9]+\.[0-9]+ sec\)//'
begin "column types"
ask --column-type-info -e "SELECT * FROM types WHERE id = 1" conformance
begin "vertical, raw, quick"
ask --quick --raw -E -e "SELECT * FROM types ORDER BY id" conformance | cut -c 1-2000
begin "xml and html"
ask --xml -e "SELECT id, v, e FROM types ORDER BY id" conformance
ask --html -e "SELECT id, v, e FROM types ORDER BY id" conformance
begin "binary as hex"
ask --binary-as-hex -e "SELECT bi, vb, bl, b64 FROM types ORDER BY id" conformance
begin "streaming"
ask --quick --batch -e "SELECT id, pad FROM stream ORDER BY id" conformance | sha256sum
begin "load data local"
ask -vvv -e "$load; $load; SHOW WARNINGS" conformance | sed -E 's/ \([0-9.]+ sec\)//'
eval "$settle"
ask -e "SELECT * FROM loaded ORDER BY id" conformance
ask --local-infile=0 -e "$load" conformance
ask -e "${load/local.csv/no-such-file}" conformance
begin "init command and no autocommit"
ask --init-command="SET autocommit = 0" -e "SELECT @@autocommit; INSERT INTO loaded (id) VALUES (55)" conformance
ask -e "SELECT COUNT(*) FROM loaded WHERE id = 55" conformance
begin "status"
ask -e "status" conformance | grep -E '^(Server version|Protocol version|Current (user|database)|Server|Client|Conn\.|Db)' 
begin "errors end it"
ask -e "SELECT 1; SELECT nothing_here; SELECT 2" conformance
echo "exit code $?"
begin "refused"
MYSQL_PWD=wrong ask -e "SELECT 1" conformance
ask --user=mon -e "SELECT 1" conformance
ask -e "SELECT 1" nothing_here
MYSQL_PWD= ask -e "SELECT 1" conformance
begin "use and rehash"
printf 'use conformance2\nSELECT DATABASE();\nuse nothing_here\nSELECT * FROM elsewhere;\nconnect conformance\nSELECT DATABASE();\nresetconnection\nSELECT DATABASE();\n' \
    | ask --force --auto-rehash 2>&1 | sed -E 's/^(Connection id: +)[0-9]+/\1N/'
begin end
