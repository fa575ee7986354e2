#!/usr/bin/env bash
# Apache's httpd, threads in each of its processes.
# packages: apache2-bin apache2-utils curl
# shellcheck source=tests/programs/lib.sh disable=SC2016,SC2119
. "${0%/*}/lib.sh"

mpm=${mpm:-event} # apache-prefork sets it
mkdir www
lines 500 >www/page.txt
port=$(free_port)
cat >httpd.conf <<CONF
ServerRoot $PWD
ServerName localhost
Listen 127.0.0.1:$port
PidFile pid
ErrorLog /dev/stderr
DocumentRoot $PWD/www
User $(id -un 65534)
Group $(id -gn 65534)
LoadModule mpm_${mpm}_module /usr/lib/apache2/modules/mod_mpm_$mpm.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule dir_module /usr/lib/apache2/modules/mod_dir.so
LoadModule mime_module /usr/lib/apache2/modules/mod_mime.so
LoadModule deflate_module /usr/lib/apache2/modules/mod_deflate.so
LoadModule filter_module /usr/lib/apache2/modules/mod_filter.so
LoadModule autoindex_module /usr/lib/apache2/modules/mod_autoindex.so
<Directory $PWD/www>
    Options Indexes
</Directory>
TypesConfig /dev/null
AddOutputFilterByType DEFLATE text/plain
AddType text/plain .txt
CONF
start "$@" apache2 -d "$PWD" -f "$PWD/httpd.conf" -D FOREGROUND
wait_for listens "$port"
ab -q -n 1500 -c 8 -H 'Accept-Encoding: gzip' "http://127.0.0.1:$port/page.txt" | grep -E '^(Document Length|Complete requests|Failed|Non-2xx)'
curl -s "http://127.0.0.1:$port/page.txt" | digest
curl -s "http://127.0.0.1:$port/" | grep -c page.txt
stop
