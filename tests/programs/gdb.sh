#!/usr/bin/env bash
# gdb runs a program to a breakpoint, 60 times over it, with its Python.
# packages: gdb gcc
# shellcheck source=tests/programs/lib.sh disable=SC2016,SC2119
. "${0%/*}/lib.sh"

printf 'int f(int n) { return n * 3; }\nint main(void) { int s = 0; for (int i = 0; i < 60; i++) s += f(i); return s %% 100; }\n' >a.c
gcc -g -O0 -o a a.c
"$@" gdb -q -nx -batch -ex 'set debuginfod enabled off' -ex 'set startup-with-shell off' -ex 'break f' -ex 'ignore 1 55' -ex run -ex 'info args' \
    -ex backtrace -ex 'delete 1' -ex finish -ex continue a |
    grep -v -E '^\[(Thread|Inferior)|libthread_db|^$' | sed 's/0x[0-9a-f]*/ADDRESS/; s/process [0-9]*/process N/'
