#!/usr/bin/env bash
# MariaDB, set up anew, with four clients: C++, a thread for each connection.
# packages: mariadb-server-core mariadb-client-core
# shellcheck source=tests/programs/lib.sh disable=SC2016,SC2119
. "${0%/*}/lib.sh"

mariadb-install-db --no-defaults --datadir="$PWD/data" --auth-root-authentication-method=normal --skip-test-db >&2
start "$@" mariadbd --no-defaults --datadir="$PWD/data" --socket="$PWD/socket" --skip-networking --user="$(id -un)" \
    --innodb-flush-log-at-trx-commit=0 --innodb-buffer-pool-size=32M
ask() { mariadb --no-defaults --socket="$PWD/socket" -N "$@"; }
wait_for ask -u root -e 'select 1'
ask -u root -e 'create database d; create table d.t (id int primary key auto_increment, a int, b varchar(80), key (a))'
clients=()
for c in 1 2 3 4; do
    for ((i = 0; i < 400; i++)); do
        echo "insert into t (a, b) values ($i, repeat('x', $i % 70)), ($c, md5($i)); select count(*) from t where a = $i;"
    done | ask -u root d >/dev/null &
    clients+=($!)
done
wait "${clients[@]}"
ask -u root d -e 'select count(*), sum(a), sum(length(b)) from t; select a % 7, group_concat(distinct left(b, 1) order by b) from t group by 1 order by 1' |
    digest
stop
