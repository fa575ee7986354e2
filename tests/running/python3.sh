#!/usr/bin/env bash
# python3 with its own allocator for small objects: dictionaries, a pool of threads, zlib, a module that is imported in each job.
# packages: python3
# shellcheck source=tests/running/lib.sh disable=SC2016,SC2119
. "${0%/*}/lib.sh"

cat >a.py <<'PY'
import sys, json, zlib, hashlib, importlib
from concurrent.futures import ThreadPoolExecutor
def work(n):
    rows = [{"id": i, "name": "row%d" % i, "values": list(range(i % 50))} for i in range(n)]
    text = json.dumps(rows).encode()
    return len(text), hashlib.sha256(zlib.compress(text)).hexdigest()[:8]
for line in sys.stdin:
    name = ["sqlite3", "decimal", "ssl", "bz2", "lzma", "curses"][int(line) % 6]
    module = importlib.import_module(name)
    with ThreadPoolExecutor(4) as pool:
        print(list(pool.map(work, [5000, 10000, 5000, 100])), flush=True)
PY
converse python3 a.py

n=0
job() {
    ask "$n"
    n=$((n + 1))
}

serve "$server" close
