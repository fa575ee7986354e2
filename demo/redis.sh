#!/usr/bin/env bash
# The worked example: redis-server with I/O threads under redis-benchmark, recorded, replayed under four allocators, queried.
# Everything it makes lies in artifacts/demo.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."

port=${PORT:-17399}
work=artifacts/demo
rm -rf $work
mkdir -p $work

# redis-server is redis-check-rdb under another name: the package redis-tools is enough, and starts no service.
server=$(command -v redis-server || true)
if [ -z "$server" ]; then
    ln -s "$(command -v redis-check-rdb)" $work/redis-server
    server=$work/redis-server
fi

# Shows a command as one would type it, and runs it.
run() {
    local word line=
    for word; do
        case $word in
            *[[:space:]]*) line+=" \"$word\"" ;;
            *) line+=" $word" ;;
        esac
    done
    printf '\n$%s\n' "$line"
    "$@"
}

allocreplay() { artifacts/allocreplay "$@"; }

# The allocators to compare: of those that the command knows, the ones that this machine has.
allocators=glibc
for name in jemalloc mimalloc tcmalloc; do
    missing=$(allocreplay allocators 2>/dev/null | grep -E "^ *$name .*missing:") || missing=
    if [ -z "$missing" ]; then
        allocators+=,$name
    else
        echo "left out, as it is not installed: $name" >&2
    fi
done
[[ $allocators == *mimalloc* ]] && other=mimalloc || other=${allocators##*,}

ask() { redis-cli -h 127.0.0.1 -p "$port" "$@" 2>/dev/null; }

printf '\n$ allocreplay record -o %s/redis.alloctrace -- redis-server --port %s --io-threads 2 …\n' $work "$port"
artifacts/allocreplay record -o $work/redis.alloctrace -- "$server" --port "$port" --bind 127.0.0.1 --io-threads 2 \
    --io-threads-do-reads yes --save '' --dir $work >$work/redis.log 2>$work/record.log &
recorder=$!
trap 'ask shutdown nosave || true; wait $recorder 2>/dev/null || true' EXIT
for _ in $(seq 100); do
    [ "$(ask ping)" != PONG ] || break
    kill -0 $recorder 2>/dev/null || { cat $work/record.log >&2; exit 1; }
    sleep 0.1
done
printf '\n$ redis-benchmark -p %s -n 40000 -r 20000 -d 120 -c 40 -t set,get,incr,lpush,lrange_100,hset\n' "$port"
redis-benchmark -h 127.0.0.1 -p "$port" -q -n 40000 -r 20000 -d 120 -c 40 -t set,get,incr,lpush,lrange_100,hset |
    stdbuf -oL tr '\r' '\n' | grep --line-buffered 'per second'
ask shutdown nosave || true
trap - EXIT
wait $recorder
cat $work/record.log

run allocreplay info $work/redis.alloctrace
run allocreplay replay $work/redis.alloctrace --allocator "$other" --record $work/replay.alloctrace
run allocreplay verify $work/redis.alloctrace $work/replay.alloctrace
run allocreplay compare $work/redis.alloctrace --allocator "$allocators,noop" --budget 60s
run allocreplay analyze $work/redis.alloctrace -o $work/redis.parquet
run allocreplay query $work/redis.parquet --view lifetime_histogram
run allocreplay query $work/redis.parquet "SELECT size, count(*) AS blocks, count(*) * size AS bytes FROM allocations
  WHERE end_kind = 'alive_at_end' GROUP BY size ORDER BY bytes DESC LIMIT 10"
