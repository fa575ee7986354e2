#!/usr/bin/env bash
# dot lays out a graph of 400 nodes and draws it with cairo and pango.
# packages: graphviz
# shellcheck source=tests/programs/lib.sh disable=SC2016,SC2119
. "${0%/*}/lib.sh"

{
    echo 'digraph g {'
    for ((i = 1; i < 400; i++)); do echo "n$i -> n$((i * 48271 % i)); n$((i * 7 % 400)) -> n$i [label=\"edge $i\"];"; done
    echo '}'
} >a.dot
"$@" dot -Tsvg a.dot | digest
