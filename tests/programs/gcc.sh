#!/usr/bin/env bash
# gcc compiles a generated C file of 500 functions: a driver, cc1 and as.
# packages: gcc
# shellcheck source=tests/programs/lib.sh disable=SC2016,SC2119
. "${0%/*}/lib.sh"

functions 500 >big.c
"$@" gcc -O2 -c big.c
digest big.o
