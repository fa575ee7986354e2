#!/usr/bin/env bash
# mosquitto, an MQTT broker of one thread.
# packages: mosquitto mosquitto-clients
# shellcheck source=tests/programs/lib.sh disable=SC2016,SC2119
. "${0%/*}/lib.sh"

port=$(free_port)
printf 'listener %d 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\nuser %s\n' "$port" "$(id -un)" >mosquitto.conf
start "$@" mosquitto -c mosquitto.conf
wait_for listens "$port"
for topic in a b; do
    mosquitto_sub -p "$port" -t "$topic/#" -C 5000 -q 1 >"$topic" &
    readers+=($!)
    # Retained, so that it is there whoever comes first.
    mosquitto_pub -p "$port" -t "$topic/first" -m first -r -q 1
    wait_for grep -q first "$topic"
    lines 4999 | mosquitto_pub -p "$port" -t "$topic/rest" -l -q 1
done
wait "${readers[@]}"
digest a b
stop
