#!/usr/bin/env bash
# lighttpd, one thread: files, and a listing of them.
# packages: lighttpd apache2-utils curl
# shellcheck source=tests/programs/lib.sh disable=SC2016,SC2119
. "${0%/*}/lib.sh"

mkdir www
lines 2000 >www/page.txt
for i in {1..20}; do echo "$i" >"www/file$i"; done
port=$(free_port)
cat >lighttpd.conf <<CONF
server.port = $port
server.bind = "127.0.0.1"
server.document-root = "$PWD/www"
server.modules = ("mod_dirlisting")
dir-listing.activate = "enable"
CONF
start "$@" lighttpd -D -f lighttpd.conf
wait_for listens "$port"
for path in page.txt file7; do
    ab -q -n 3000 -c 8 "http://127.0.0.1:$port/$path" | grep -E '^(Document Length|Complete requests|Failed|Non-2xx)'
done
curl -s "http://127.0.0.1:$port/page.txt" | digest
curl -s "http://127.0.0.1:$port/" | grep -c 'href="file'
stop >&2 # its exit code, by whether a connection is still open
