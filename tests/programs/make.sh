#!/usr/bin/env bash
# make builds 40 files, two at a time, through sh.
# packages: make gcc
# shellcheck source=tests/programs/lib.sh disable=SC2016,SC2119
. "${0%/*}/lib.sh"

for ((i = 0; i < 40; i++)); do echo "int f$i(int a) { return a * $i; }" >f$i.c; done
printf 'all: $(patsubst %%.c,%%.o,$(wildcard *.c))\n\t@ls *.o | wc -l\n%%.o: %%.c\n\t@echo $< >&2; gcc -O1 -c -o $@ $< && test -s $@\n' >Makefile
"$@" make -s -j 2
digest f*.o | digest
