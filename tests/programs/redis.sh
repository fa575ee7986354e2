#!/usr/bin/env bash
# redis-server, snapshots and a Lua script, under redis-benchmark: jemalloc, linked dynamically.
# packages: redis-tools
# shellcheck source=tests/programs/lib.sh disable=SC2016,SC2119
. "${0%/*}/lib.sh"

ln -s "$(command -v redis-check-rdb)" redis-server # the same program under another name
start "$@" ./redis-server --port 0 --unixsocket "$PWD/socket" --save '' --dir "$PWD"
ask() { redis-cli -s socket "$@"; }
wait_for ask ping
redis-benchmark -s socket -q -n 4000 -d 120 -c 20 -t set,get,incr,lpush,lrange_100,hset,zadd >&2
ask eval 'for i = 1, 20000 do redis.call("set", "k" .. i, string.rep("x", i % 100)) end return redis.call("dbsize")' 0
ask save # a child's would be ready at a time of its own
for command in 'incr n' 'llen mylist' 'get k777' 'bgrewriteaof'; do xargs redis-cli -s socket <<<"$command" | cut -c 1-60; done
wait_for eval 'ask info persistence | grep -q "aof_rewrite_in_progress:0"'
stop
