#!/usr/bin/env bash
# BIND's named with two threads: jemalloc, and memory contexts over it; a zone of 20,000 names.
# packages: bind9 bind9-dnsutils
# shellcheck source=tests/programs/lib.sh disable=SC2016,SC2119
. "${0%/*}/lib.sh"

port=$(free_port)
cat >named.conf <<CONF
options {
    directory "$PWD"; pid-file "$PWD/pid"; session-keyfile "$PWD/key"; listen-on port $port { 127.0.0.1; }; listen-on-v6 { none; };
    recursion no; dnssec-validation no; managed-keys-directory "$PWD";
};
controls { };
zone "example" { type primary; file "$PWD/zone"; };
CONF
{
    printf '$TTL 60\n@ SOA ns root 1 60 60 60 60\n@ NS ns\nns A 127.0.0.1\n'
    for ((i = 0; i < 20000; i++)); do echo "host$i A 10.0.$((i / 256)).$((i % 256))"; done
} >zone
start "$@" named -g -n 2 -c named.conf
ask() { dig -p "$port" @127.0.0.1 +short "$@"; }
wait_for eval '[ "$(ask host1.example)" = 10.0.0.1 ]'
for ((i = 0; i < 20000; i += 10)); do echo "host$i.example"; done >names
ask -f names | digest
ask +tcp axfr example | sort | digest
stop
