#!/usr/bin/env bash
# cmake configures and ninja builds 24 files, two at a time: more than a hundred processes.
# packages: cmake ninja-build gcc
# shellcheck source=tests/programs/lib.sh disable=SC2016,SC2119
. "${0%/*}/lib.sh"

mkdir src
for ((i = 0; i < 24; i++)); do echo "int f$i(int a) { return a * $i; }" >src/f$i.c; done
printf 'int f7(int);\nint main(void) { return f7(6); }\n' >src/main.c
printf 'cmake_minimum_required(VERSION 3.13)\nproject(p C)\nfile(GLOB files *.c)\nadd_executable(p ${files})\n' >src/CMakeLists.txt
"$@" sh -c 'cmake -G Ninja -S src -B build >&2 && ninja -C build -j 2 >&2'
code=0
build/p || code=$?
echo "exit code $code"
