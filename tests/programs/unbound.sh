#!/usr/bin/env bash
# unbound with two threads answers for a zone of its own.
# packages: unbound ldnsutils
# shellcheck source=tests/programs/lib.sh disable=SC2016,SC2119
. "${0%/*}/lib.sh"

port=$(free_port)
cat >unbound.conf <<CONF
server:
    interface: 127.0.0.1@$port
    num-threads: 2
    chroot: ""
    username: ""
    directory: "$PWD"
    pidfile: "$PWD/pid"
    use-syslog: no
    module-config: "iterator"
    local-zone: "example." static
$(for ((i = 0; i < 20000; i++)); do echo "    local-data: \"host$i.example. A 10.0.$((i / 256)).$((i % 256))\""; done)
remote-control:
    control-enable: no
CONF
start "$@" unbound -d -c unbound.conf
ask() { drill -p "$port" @127.0.0.1 "$1" | grep -v -E '^;; (WHEN|Query time|MSG SIZE|->>HEADER)|^;; SERVER'; }
wait_for ask host1.example
for ((i = 0; i < 20000; i += 200)); do ask "host$i.example"; done | digest
ask missing.example | grep -c ANSWER
stop
