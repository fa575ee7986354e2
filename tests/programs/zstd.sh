#!/usr/bin/env bash
# zstd with two threads, there and back.
# packages: zstd
# shellcheck source=tests/programs/lib.sh disable=SC2016,SC2119
. "${0%/*}/lib.sh"

lines 1000000 >a
"$@" zstd -q -T2 -9 a -o a.zst
zstd -dc a.zst | digest
