#!/usr/bin/env bash
# A worker of nginx, another user's where root started it, under ApacheBench.
# packages: nginx apache2-utils curl
# shellcheck source=tests/running/lib.sh disable=SC2016,SC2119
. "${0%/*}/lib.sh"

mkdir www
noise 1000 >www/small
noise 300000 >www/large
port=$(free_port)
cat >nginx.conf <<CONF
daemon off;
worker_processes 1;
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
start nginx -p "$PWD" -e stderr -c "$PWD/nginx.conf"
wait_for listens "$port"

job() {
    local file
    for file in small large; do
        ab -q -n 1500 -c 8 -H 'Accept-Encoding: gzip' "http://127.0.0.1:$port/$file" | grep -E '^(Document Length|Complete requests|Failed|Non-2xx)'
        curl -s "http://127.0.0.1:$port/$file" | digest
    done
}

serve "$(pgrep -P "$server")"
