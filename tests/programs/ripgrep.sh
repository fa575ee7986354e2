#!/usr/bin/env bash
# ripgrep, a Rust program, searches 60 files with two threads.
# packages: ripgrep
# shellcheck source=tests/programs/lib.sh disable=SC2016,SC2119
. "${0%/*}/lib.sh"

lines 20000 >a
for ((i = 0; i < 60; i++)); do cp a f$i; done
"$@" rg -j 2 --no-filename --count 'word[0-9]*7[0-9]? [a-f]+' . | sort | uniq -c
