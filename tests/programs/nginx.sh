#!/usr/bin/env bash
# nginx serves two sizes of files to ApacheBench: a master, two worker processes, a pool of memory for each request.
# packages: nginx apache2-utils curl
# shellcheck source=tests/programs/lib.sh disable=SC2016,SC2119
. "${0%/*}/lib.sh"

mkdir www
noise 1000 >www/small
noise 300000 >www/large
port=$(free_port)
cat >nginx.conf <<CONF
daemon off;
worker_processes 2;
pid $PWD/pid;
error_log stderr;
events { worker_connections 128; }
http {
    access_log off;
    gzip on;
    gzip_types *;
    $(for kind in client_body proxy fastcgi uwsgi scgi; do echo "${kind}_temp_path $PWD/$kind;"; done)
    server { listen 127.0.0.1:$port; root $PWD/www; }
}
CONF
start "$@" nginx -p "$PWD" -e stderr -c "$PWD/nginx.conf"
wait_for listens "$port"
for file in small large; do
    ab -q -n 1500 -c 8 -H 'Accept-Encoding: gzip' "http://127.0.0.1:$port/$file" | grep -E '^(Document Length|Complete requests|Failed|Non-2xx)'
    curl -s "http://127.0.0.1:$port/$file" | digest
done
curl -s -o /dev/null -w '%{http_code}\n' "http://127.0.0.1:$port/missing"
stop
