#!/usr/bin/env bash
# A backend of PostgreSQL, another user's where root started it: memory contexts over malloc.
# packages: postgresql
# shellcheck source=tests/running/lib.sh disable=SC2016,SC2119
. "${0%/*}/lib.sh"

start_postgresql
database=$server
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
