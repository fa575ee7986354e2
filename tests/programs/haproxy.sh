#!/usr/bin/env bash
# HAProxy with two threads before lighttpd: memory pools of its own over malloc.
# packages: haproxy lighttpd apache2-utils curl
# shellcheck source=tests/programs/lib.sh disable=SC2016,SC2119
. "${0%/*}/lib.sh"

start_behind
cat >haproxy.cfg <<CONF
global
    nbthread 2
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
    option http-server-close
frontend f
    bind 127.0.0.1:$port
    http-request set-header X-Long %[path,base64,sha1,hex]
    default_backend b
backend b
    server s 127.0.0.1:$behind
CONF
start "$@" haproxy -db -f haproxy.cfg
wait_for listens "$behind"
wait_for listens "$port"
ab -q -n 4000 -c 16 "http://127.0.0.1:$port/page.txt" | grep -E '^(Document Length|Complete requests|Failed|Non-2xx)'
curl -s "http://127.0.0.1:$port/page.txt" | digest
curl -s -o /dev/null -w '%{http_code}\n' "http://127.0.0.1:$port/missing"
stop
