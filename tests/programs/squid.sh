#!/usr/bin/env bash
# Squid, a caching proxy in C++, before lighttpd.
# packages: squid lighttpd apache2-utils curl
# shellcheck source=tests/programs/lib.sh disable=SC2016,SC2119
. "${0%/*}/lib.sh"

chmod 777 . # it writes as another user, when this one is root
start_behind
cat >squid.conf <<CONF
http_port 127.0.0.1:$port
http_access allow all
cache_mem 32 MB
access_log none
cache_log $PWD/cache.log
cache_store_log none
pid_filename $PWD/pid
coredump_dir $PWD
shutdown_lifetime 0 seconds
netdb_filename none
pinger_enable off
icp_port 0
CONF
start "$@" squid -N -f squid.conf
wait_for listens "$behind"
wait_for listens "$port"
ab -q -n 1500 -c 8 -X "127.0.0.1:$port" "http://127.0.0.1:$behind/page.txt" | grep -E '^(Document Length|Complete requests|Failed|Non-2xx)'
for i in {1..50}; do curl -s -x "127.0.0.1:$port" -o /dev/null -w '%{http_code} ' "http://127.0.0.1:$behind/page$i"; done
curl -s -x "127.0.0.1:$port" "http://127.0.0.1:$behind/page.txt" | digest
stop
