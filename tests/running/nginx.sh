#!/usr/bin/env bash
# A worker of nginx, another user's where root started it, under ApacheBench.
# packages: nginx apache2-utils curl
# shellcheck source=tests/running/lib.sh disable=SC2016,SC2119
. "${0%/*}/lib.sh"

start_nginx 1

job() { ask_nginx; }

serve "$(pgrep -P "$server")"
