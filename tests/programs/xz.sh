#!/usr/bin/env bash
# xz with two threads, there and back.
# packages: xz-utils
# shellcheck source=tests/programs/lib.sh disable=SC2016,SC2119
. "${0%/*}/lib.sh"

lines 150000 >a
"$@" xz -T2 --block-size=1MiB -2 a
digest a.xz
xz -dc a.xz | digest
