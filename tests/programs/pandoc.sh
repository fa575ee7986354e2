#!/usr/bin/env bash
# pandoc, a Haskell program: its heap is mapped.
# packages: pandoc
# shellcheck source=tests/programs/lib.sh disable=SC2016,SC2119
. "${0%/*}/lib.sh"

for ((i = 0; i < 400; i++)); do printf '# Heading %d\n\nSome *words* with `code` and a [link](http://example.org/%d).\n\n- a\n- b\n\n' "$i" "$i"; done >a.md
"$@" pandoc -f markdown -t html a.md | digest
