#!/usr/bin/env bash
# initdb, then PostgreSQL under pgbench on a Unix socket: a process for each connection, and memory contexts of its own over malloc.
# packages: postgresql
# shellcheck source=tests/programs/lib.sh disable=SC2016,SC2119
. "${0%/*}/lib.sh"

start_postgresql "$@"
pgbench -q -i -s 1 2>/dev/null >&2
pgbench -c 4 -j 2 -t 200 | grep -E '^number of (transactions actually|failed)'
psql -At -c 'select count(*) from pgbench_history' \
    -c 'select count(*), sum(length(md5(g::text))), max(md5(g::text)) from generate_series(1, 100000) g' \
    -c "select sum(n) from (select jsonb_array_length(jsonb_agg(aid)) n from pgbench_accounts group by aid % 97) a"
kill -INT "$(head -1 data/postmaster.pid)"
ended
