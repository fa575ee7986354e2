#!/usr/bin/env bash
# redis-server under redis-benchmark: jemalloc, linked dynamically, and threads of its own in the background.
# packages: redis-tools
# shellcheck source=tests/running/lib.sh disable=SC2016,SC2119
. "${0%/*}/lib.sh"

ln -s "$(command -v redis-check-rdb)" redis-server # the same program under another name
start ./redis-server --port 0 --unixsocket "$PWD/socket" --save '' --dir "$PWD"
wait_for redis-cli -s socket ping

job() {
    redis-benchmark -s socket -q -n 20000 -d 120 -c 20 -t set,get,incr,lpush,lrange_100,hset,zadd >&2
    redis-cli -s socket eval 'for i = 1, 20000 do redis.call("set", "k" .. i, string.rep("x", i % 100)) end return redis.call("llen", "mylist")' 0
    redis-cli -s socket flushall async
}

serve "$server"
