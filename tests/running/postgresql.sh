#!/usr/bin/env bash
# A backend of PostgreSQL, another user's where root started it: memory contexts over malloc.
# packages: postgresql
# shellcheck source=tests/running/lib.sh disable=SC2016,SC2119
. "${0%/*}/lib.sh"

bin=$(echo /usr/lib/postgresql/*/bin)
mkdir home
[ "$(id -u)" != 0 ] || chown nobody home
cd home
# PostgreSQL refuses to run as root.
as_user=(env)
[ "$(id -u)" != 0 ] || as_user=(setpriv --reuid=nobody --regid=nogroup --clear-groups)
"${as_user[@]}" "$bin/initdb" -D data -U bench -A trust --no-sync >&2
start "${as_user[@]}" "$bin/postgres" -D data -k "$PWD" -c listen_addresses= -c fsync=off
database=$server
export PGHOST=$PWD PGUSER=bench PGDATABASE=postgres
wait_for psql -c 'select 1'
converse psql -AtX

job() {
    ask "select count(*), sum(length(md5(g::text))), max(md5(g::text)) from generate_series(1, 100000) g;"
    ask "select count(*), sum(n) from (select jsonb_array_length(jsonb_agg(g)) n from generate_series(1, 100000) g group by g % 97) a;"
    ask "select sum(length(string_agg)) from (select string_agg(g::text, ',' order by g desc) from generate_series(1, 50000) g group by g % 11) a;"
}

finish_all() {
    close
    server=$database
    stop
}

serve "$(ask 'select pg_backend_pid();')" finish_all
