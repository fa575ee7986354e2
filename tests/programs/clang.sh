#!/usr/bin/env bash
# clang compiles generated C: LLVM's arenas over operator new.
# packages: clang
# shellcheck source=tests/programs/lib.sh disable=SC2016,SC2119
. "${0%/*}/lib.sh"

for ((i = 0; i < 150; i++)); do
    echo "int f$i(int a, const char *b) { int s = $i; for (int i = 0; i < a; i++) s += b[i % ($i % 9 + 1)] * i; return s ^ (a << $((i % 31))); }"
done >big.c
"$@" clang -O2 -c big.c
digest big.o
