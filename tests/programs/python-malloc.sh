#!/usr/bin/env bash
# CPython with PYTHONMALLOC=malloc: each small object is a block.
# packages: python3
# shellcheck source=tests/programs/lib.sh disable=SC2016,SC2119
. "${0%/*}/lib.sh"

cat >a.py <<'PY'
import collections, json
counts = collections.Counter(w for i in range(3000) for w in ("a%d b%d c%d" % (i % 97, i % 89, i)).split())
rows = [json.loads(json.dumps({"i": i, "s": str(i) * 3, "l": list(range(i % 20))})) for i in range(20000)]
print(counts.most_common(3), sum(len(r["l"]) for r in rows), len({r["s"]: r for r in rows}))
PY
PYTHONMALLOC=malloc "$@" python3 a.py
