#!/usr/bin/env bash
# curl fetches 400 files over TLS and HTTP/2 from nginx, ten at a time.
# packages: curl nginx openssl
# shellcheck source=tests/programs/lib.sh disable=SC2016,SC2119
. "${0%/*}/lib.sh"

port=$(free_port)
openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -subj /CN=localhost -days 30 -out cert.pem 2>/dev/null
mkdir www
for i in {1..20}; do lines $((i * 100)) >"www/f$i"; done
cat >nginx.conf <<CONF
daemon off;
pid $PWD/pid;
error_log stderr;
events { }
http {
    access_log off;
    $(for kind in client_body proxy fastcgi uwsgi scgi; do echo "${kind}_temp_path $PWD/$kind;"; done)
    server { listen 127.0.0.1:$port ssl http2; ssl_certificate $PWD/cert.pem; ssl_certificate_key $PWD/key.pem; root $PWD/www; }
}
CONF
start nginx -p "$PWD" -e stderr -c "$PWD/nginx.conf"
wait_for listens "$port"
"$@" curl -s --http2 --parallel --parallel-max 10 --cacert cert.pem --resolve "localhost:$port:127.0.0.1" --create-dirs \
    -o 'out/#1-#2' "https://localhost:$port/f[1-20]?[1-20]"
find out -type f | wc -l
cat out/* | digest
stop
