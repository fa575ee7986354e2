#!/usr/bin/env bash
# nginx serves two sizes of files to ApacheBench: a master, two worker processes, a pool of memory for each request.
# packages: nginx apache2-utils curl
# shellcheck source=tests/programs/lib.sh disable=SC2016,SC2119
. "${0%/*}/lib.sh"

start_nginx 2 "$@"
ask_nginx
curl -s -o /dev/null -w '%{http_code}\n' "http://127.0.0.1:$port/missing"
stop
