#!/usr/bin/env bash
# busybox: its shell, and awk, sort, sed and gzip in it.
# packages: busybox
# shellcheck source=tests/programs/lib.sh disable=SC2016,SC2119
. "${0%/*}/lib.sh"

cat >a.sh <<'SH'
busybox seq 150000 | busybox awk '{ h[$1 % 9973] = h[$1 % 9973] "," $1 } END { for (k in h) print k, length(h[k]) }' | busybox sort -n >a
busybox sed 's/\(.\)\1/<&>/g' a | busybox gzip -c | busybox gunzip -c | busybox sha256sum
i=0
while [ $i -lt 200 ]; do
    s=$s$(busybox echo $i)
    i=$((i + 1))
done
echo "${#s}"
SH
"$@" busybox sh a.sh
