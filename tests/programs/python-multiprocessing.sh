#!/usr/bin/env bash
# CPython's multiprocessing: a pool of forked processes, and one of spawned ones.
# packages: python3
# shellcheck source=tests/programs/lib.sh disable=SC2016,SC2119
. "${0%/*}/lib.sh"

cat >a.py <<'PY'
import hashlib, multiprocessing
def work(i):
    text = str(i)
    for _ in range(4000):
        text = hashlib.sha256(text.encode()).hexdigest()
    return text[:4]
if __name__ == "__main__":
    for method in "fork", "spawn", "forkserver":
        with multiprocessing.get_context(method).Pool(4) as pool:
            print(method, "".join(pool.map(work, range(40))))
            pool.close()
            pool.join()
PY
"$@" python3 a.py
