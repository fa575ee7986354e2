#!/usr/bin/env bash
# jq groups 40,000 objects.
# packages: jq
# shellcheck source=tests/programs/lib.sh disable=SC2016,SC2119
. "${0%/*}/lib.sh"

awk 'BEGIN { for (i = 0; i < 40000; i++) printf "{\"i\": %d, \"s\": \"word%d\", \"l\": [%d, %d.5]}\n", i, i % 977, i % 7, i }' >a.json
"$@" jq -sc 'group_by(.s) | map({s: .[0].s, n: length, t: (map(.l[1]) | add)}) | sort_by(-.t) | .[:3][]' a.json
