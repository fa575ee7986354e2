#!/usr/bin/env bash
# GNU sort with two threads and temporary files.
# packages: coreutils
# shellcheck source=tests/programs/lib.sh disable=SC2016,SC2119
. "${0%/*}/lib.sh"

lines 700000 >a
"$@" sort --parallel=2 -S 20M -T . -k 2,2 -k 1,1n a | digest
