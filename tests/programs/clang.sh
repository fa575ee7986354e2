#!/usr/bin/env bash
# clang compiles generated C: LLVM's arenas over operator new.
# packages: clang
# shellcheck source=tests/programs/lib.sh disable=SC2016,SC2119
. "${0%/*}/lib.sh"

functions 150 >big.c
"$@" clang -O2 -c big.c
digest big.o
