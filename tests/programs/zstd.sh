#!/usr/bin/env bash
# zstd with two threads, 40 files, there and back.
# packages: zstd
# shellcheck source=tests/programs/lib.sh disable=SC2016,SC2119
. "${0%/*}/lib.sh"

lines 1000000 >a
split -n 40 -d a part.
"$@" zstd -q -T2 -9 part.*
cat part.*.zst | zstd -dc | digest
