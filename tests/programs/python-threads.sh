#!/usr/bin/env bash
# CPython with four threads: JSON, dictionaries, regular expressions; small objects come from its own arenas.
# packages: python3
# shellcheck source=tests/programs/lib.sh disable=SC2016,SC2119
. "${0%/*}/lib.sh"

cat >a.py <<'PY'
import json, re, threading, zlib
results = [None] * 4
def work(i):
    total = 0
    for n in range(150):
        text = json.dumps({"k%d" % k: [k, str(k) * 20, {"n": n}] for k in range(200)})
        total += zlib.crc32(zlib.compress(text.encode())) + len(re.findall(r"\d+", text)) + len(json.loads(text))
    results[i] = total
threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
[t.start() for t in threads]
[t.join() for t in threads]
print(results)
PY
"$@" python3 a.py
