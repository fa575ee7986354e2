#!/usr/bin/env bash
# pigz with two threads, there and back.
# packages: pigz
# shellcheck source=tests/programs/lib.sh disable=SC2016,SC2119
. "${0%/*}/lib.sh"

lines 800000 >a
"$@" pigz -p 2 -k a
pigz -dc a.gz | digest
