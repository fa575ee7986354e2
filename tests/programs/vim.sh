#!/usr/bin/env bash
# vim in ex mode: substitutions, undo, a script.
# packages: vim
# shellcheck source=tests/programs/lib.sh disable=SC2016,SC2119
. "${0%/*}/lib.sh"

lines 60000 >a
printf '%s\n' '%s/word\(\d\+\)/\=submatch(1) * 3/' 'g/7$/d' '%sort n' 'undo' 'redo' 'let d = {}' \
    'for i in range(100000) | let d["k" . i % 977] = [i, string(i)] | endfor' 'call append(0, string(len(d)))' 'wq! b' >script
"$@" vim -es -u NONE -N -S script a
digest b
